"""First thing that runs in a driver's container: it unpacks the bundle, then becomes nightscribe.

Needs Python's own library only, and lies beside ``driver.tar.gz``. What goes wrong is one sentence,
on standard error and as the job's exit message.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path

BUNDLE = "driver.tar.gz"
PREFIX_VARIABLE = "NIGHTSCRIBE_ML_PREFIX"
INSTALL_VARIABLE = "NIGHTSCRIBE_INSTALL"


class StartError(Exception):
    """Why nothing can be started."""


def main() -> int:
    """Unpack, install, and become the command line with this command's arguments."""
    place = Path(tempfile.mkdtemp(prefix="nightscribe-driver-", dir=container()))
    code, site = place / "code", place / "site"
    try:
        unpack(Path(__file__).resolve().parent / BUNDLE, code)
        if os.environ.get(INSTALL_VARIABLE) != "no":
            install(code, site)
    except StartError as error:
        sys.stderr.write(f"error: {error}\n")
        leave_message(str(error))
        return 1
    os.environ["PYTHONPATH"] = os.pathsep.join([str(code), str(site)])
    os.chdir(code)
    command = [sys.executable, "-m", "batch.cli", *sys.argv[1:]]
    return os.execv(command[0], command)  # noqa: S606 - no shell, and the process id stays


def container() -> Path | None:
    """``/opt/ml``, which has the job's volume; None outside of a container."""
    prefix = Path(os.environ.get(PREFIX_VARIABLE) or "/opt/ml")
    return prefix if prefix.is_dir() else None


def unpack(bundle: Path, folder: Path) -> None:
    """Extract the bundle with the data filter."""
    try:
        with tarfile.open(bundle, mode="r:gz") as tar:
            tar.extractall(folder, filter="data")
    except (OSError, tarfile.TarError, zlib.error, EOFError) as error:
        raise StartError(
            f"{bundle}: cannot be unpacked ({error}); 'nightscribe schedule put' uploads it anew"
        ) from error


def install(code: Path, site: Path) -> None:
    """Install what the bundle pins beside the image's own packages, which stay as they are."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--root-user-action=ignore", "--target", str(site)]
    if (code / "wheels").is_dir():
        command += ["--no-index", "--find-links", str(code / "wheels")]
    status = subprocess.call([*command, "-r", str(code / "requirements.txt")])
    if status:
        raise StartError(
            f"pip could not install the driver's packages (status {status}); in a network without "
            "the package index the bundle needs wheels: [sagemaker] wheels"
        )


def leave_message(sentence: str) -> None:
    """What DescribeProcessingJob gives out as the exit message."""
    prefix = container()
    if prefix is not None:
        (prefix / "output").mkdir(exist_ok=True)
        (prefix / "output/message").write_text(sentence[:1000], "utf-8")


if __name__ == "__main__":
    sys.exit(main())
