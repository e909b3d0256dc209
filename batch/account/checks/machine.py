"""The machine at hand: Python, packages, room, and whether the model loads here."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from batch.account.doctor import Finding, Patient, fail, ok, warn
from batch.bundles import configured_bundle, model_folder
from batch.platforms.this_machine import available_cores
from manifests.storage import open_store
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.records import RecordingError

_SHOWN = ("torch", "transformers", "boto3", "sagemaker")
_ROOM_GB, _MEMORY_GB = 5.0, 4.0


def packages(patient: Patient) -> Iterator[Finding]:
    """Every requirement of nightscribe, in the version that it asks for."""
    from packaging.requirements import Requirement  # noqa: PLC0415

    extra = "sagemaker" if patient.types else ""
    try:
        stated = requires("nightscribe") or []
    except PackageNotFoundError:
        stated = []  # a driver's bundle, which brings what it needs
    wrong: list[str] = []
    for requirement in map(Requirement, stated):
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        found = _version(requirement.name)
        if found is None or not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} {found or 'missing'} ({requirement} expected)")
    if wrong:
        mend = f"pip install --upgrade 'nightscribe{'[sagemaker]' if extra else ''}'"
        yield fail("packages", "; ".join(wrong), mend)
        return
    shown = [f"{name} {_version(name)}" for name in _SHOWN if _version(name)]
    yield ok("packages", f"Python {platform.python_version()}, {', '.join(shown)}")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def room(patient: Patient) -> Iterator[Finding]:  # noqa: ARG001
    """Disk for unpacked models and staged sound; memory and cores for the workers."""
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free / 1e9
    text = f"{free:.0f} GB free in {place}"
    if free < _ROOM_GB:
        mend = f"free {_ROOM_GB:.0f} GB there, or let TMPDIR name another place"
        yield warn("disk", text, mend)
    else:
        yield ok("disk", text)
    cores, gigabytes = available_cores(), _memory_gb()
    text = f"{cores} cores, {gigabytes:.0f} GB of memory"
    if gigabytes and gigabytes < _MEMORY_GB * min(cores, 2):
        yield warn("machine", text, "--set transform.workers=1 keeps one copy of the model")
    else:
        yield ok("machine", text)


def _memory_gb() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (ValueError, OSError, AttributeError):
        return 0.0


def model(patient: Patient) -> Iterator[Finding]:
    """Whether a bundle can be made of the model; it is not uploaded."""
    config = patient.config
    bundle = configured_bundle(config, open_store(config.output.uri), dry=True)
    yield ok("model", f"{bundle.name}, digest {bundle.model_digest}, from {config.model.uri}")


def model_loads(patient: Patient) -> Iterator[Finding]:
    """Whether the model loads here, and answers a second of silence."""
    import numpy as np  # noqa: PLC0415

    from transform_handler.engine.devices import choose_device  # noqa: PLC0415
    from transform_handler.engine.loading import load_engine  # noqa: PLC0415

    device = choose_device()
    with model_folder(patient.config.model.uri) as folder:
        engine = load_engine(folder, device=device)
    second, language = np.zeros(SAMPLE_RATE, dtype=np.float32), patient.config.archive.language
    try:
        engine.run([second], language=language)
    except RecordingError as error:
        yield fail("model loads", error.message, "set [archive] language, or name another model")
        return
    yield ok("model loads", f"on {device}")
