"""The driver's bundle: all of nightscribe, and what ``nightscribe run`` on SageMaker imports."""

from __future__ import annotations

from pathlib import Path

import batch
import manifests
import training
import transform_handler
from batch.schedule import start
from batch.wheels import requirements, vendored
from manifests.scratch import scratch_folder
from manifests.storage import Store
from manifests.tarball import pack, package_files

DRIVERS = "drivers/"


def upload_driver(output: Store, wheels: str | None = None) -> str:
    """Put the driver below the output, unless it is there; returns the key of its folder.

    ``wheels`` is a folder or prefix to vendor the requirements from.

    Raises:
        InputError: a requirement has no wheel there.
        StoreError: the output cannot be written.
    """
    wanted = requirements("driver")
    files: dict[str, Path | bytes] = {"requirements.txt": wanted.encode()}
    for package in (batch, training, transform_handler, manifests):
        assert package.__file__ is not None
        files |= package_files(Path(package.__file__).parent, prefix="")
    if wheels:
        files |= vendored(wheels, "driver", wanted)
    with scratch_folder("driver") as scratch:
        tarball = scratch / start.BUNDLE
        folder = f"{DRIVERS}{pack(tarball, files)[:12]}/"
        for name, path in (("start.py", Path(start.__file__)), (start.BUNDLE, tarball)):
            if output.stat(folder + name) is None:
                output.put(folder + name, path)
    return folder
