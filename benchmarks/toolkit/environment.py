"""An environment in which the real Hugging Face toolkit serves, for one version of transformers.

The toolkit asks for numpy 1 and an old setuptools, so it cannot live with everything else. torch
is lent from this project's environment by links: it is a gigabyte, and knows both numpys.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

TOOLKIT = "sagemaker-huggingface-inference-toolkit[mms]==2.6.0"
# What a start of the server shall install from the bundle's wheels; the toolkit brings the rest.
VENDORED = "av"
# The toolkit asks transformers 4 for this; of transformers 5, nothing has it.
SHIM = "\n\ndef is_tf_available() -> bool:\n    return False\n"


def environment(folder: Path, version: str) -> Path:
    """The Python of the environment, made if it is not there as it should be."""
    place = folder / version
    python, stamp = place / "bin/python", place / ".installed"
    torch = distribution("torch")
    wanted = [
        TOOLKIT,
        f"transformers=={version}",
        f"torch=={torch.version}",
        "numpy<2",
        "setuptools<81",
    ]
    digest = hashlib.sha256("\n".join([*wanted, SHIM]).encode()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != digest:
        print(f"making {place}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        _lend_torch(place, Path(str(torch.locate_file(""))))
        _pip(python, "install", *wanted)
        with (_site(place) / "transformers/file_utils.py").open("a") as module:
            module.write(SHIM)
        stamp.write_text(digest)
    _pip(python, "uninstall", "--yes", VENDORED)
    return python


def versions(python: Path, names: tuple[str, ...]) -> dict[str, str]:
    """Which versions are installed; those that are not are left out."""
    frozen = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = dict(line.split("==") for line in frozen.split() if "==" in line)
    return {name: found[name] for name in names if name in found}


def _lend_torch(place: Path, site: Path) -> None:
    lent = place / "torch"
    lent.mkdir()
    for path in [*site.glob("torch"), *site.glob("torchgen"), *site.glob("torch-*.dist-info")]:
        (lent / path.name).symlink_to(path)
    for path in [*site.glob("functorch"), *site.glob("nvidia"), *site.glob("triton")]:
        (lent / path.name).symlink_to(path)
    (_site(place) / "torch.pth").write_text(f"{lent}\n")


def _site(place: Path) -> Path:
    return next((place / "lib").glob("python*")) / "site-packages"


def _pip(python: Path, *arguments: str) -> None:
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"pip {' '.join(arguments)}:\n{done.stderr[-3000:]}")
