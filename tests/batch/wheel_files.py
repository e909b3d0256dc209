"""Wheels of nothing, which pip installs all the same."""

from __future__ import annotations

import zipfile
from pathlib import Path


def wheel_files(folder: Path, requirements: str, *, tag: str = "py3-none-any") -> set[str]:
    """Write an empty wheel for each ``name==version``; returns the files' names."""
    folder.mkdir(parents=True, exist_ok=True)
    return {wheel_file(folder, *line.split("=="), tag) for line in requirements.split()}


def wheel_file(folder: Path, name: str, version: str, tag: str) -> str:
    project = name.replace("-", "_").replace(".", "_")
    info = f"{project}-{version}.dist-info"
    files = {
        f"{project.lower()}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    target = folder / f"{project}-{version}-{tag}.whl"
    with zipfile.ZipFile(target, "w") as zipped:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            zipped.writestr(path, text)
    return target.name
