"""The driver's bundle: all of nightscribe, and what ``nightscribe run`` on SageMaker imports."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import batch
import manifests
import training
import transform_handler
from batch.schedule import start
from manifests.errors import InputError
from manifests.storage import Store
from manifests.tarball import pack, package_files

DRIVERS = "drivers/"
# With everything that these need, so that nothing is resolved in the night; no torch, no sagemaker.
REQUIREMENTS = """\
annotated-types==0.8.0
boto3==1.44.5
botocore==1.44.5
click==8.5.1
indic_numtowords==1.1.0
Jinja2==3.1.6
jmespath==1.1.0
MarkupSafe==3.0.4
more-itertools==11.2.1
numpy==2.4.6
pyarrow==25.0.1
pydantic==2.14.3
pydantic_core==2.50.4
python-dateutil==2.9.0.post0
RapidFuzz==3.14.6
regex==2026.11.15
s3transfer==0.19.3
six==1.17.0
text2num==3.1.0
typing-inspection==0.4.5
typing_extensions==4.16.0
tzdata==2026.6
urllib3==2.8.0
whisper_normalizer==0.1.15
"""
_PYTHON = "312"  # of the driver's image


def upload_driver(output: Store, wheels: str | None = None) -> str:
    """Put the driver below the output, unless it is there; returns the key of its folder.

    ``wheels`` is a folder to vendor the requirements from.

    Raises:
        InputError: a requirement has no wheel in that folder.
        StoreError: the output cannot be written.
    """
    files: dict[str, Path | bytes] = {"requirements.txt": REQUIREMENTS.encode()}
    for package in (batch, training, transform_handler, manifests):
        assert package.__file__ is not None
        files |= package_files(Path(package.__file__).parent, prefix="")
    if wheels:
        files |= {f"wheels/{path.name}": path for path in _wheels(Path(wheels))}
    with tempfile.TemporaryDirectory(prefix="nightscribe-driver-") as scratch:
        tarball = Path(scratch) / start.BUNDLE
        folder = f"{DRIVERS}{pack(tarball, files)[:12]}/"
        for name, path in (("start.py", Path(start.__file__)), (start.BUNDLE, tarball)):
            if output.stat(folder + name) is None:
                output.put(folder + name, path)
    return folder


def _wheels(folder: Path) -> Sequence[Path]:
    """The wheels that fulfil the requirements."""
    there = {_project(*path.name.split("-")[:2]): path for path in sorted(folder.glob("*.whl"))}
    wanted = {_project(*line.split("==")): line for line in REQUIREMENTS.split()}
    if missing := [line for project, line in wanted.items() if project not in there]:
        raise InputError(
            f"[sagemaker] wheels: {folder} lacks {missing[0]}"
            + (f" and {len(missing) - 1} others" if missing[1:] else "")
            + f" for the driver; fill it with: pip download --no-deps -d {folder} "
            f"--platform manylinux_2_28_x86_64 --python-version {_PYTHON} --only-binary=:all: "
            + " ".join(missing)
        )
    return [there[project] for project in wanted]


def _project(name: str, version: str) -> tuple[str, str]:
    """A project and version as the package index compares them."""
    return re.sub(r"[-_.]+", "-", name).lower(), version
