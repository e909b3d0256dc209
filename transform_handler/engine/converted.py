"""Networks that a bundle brings converted for OpenVINO, and when they are used.

Below ``openvino/`` lies one of two: ``fp32``, which says what the weights say and is only quicker,
or ``int8``, whose text may differ, so that nothing may stand in for it.
"""

from __future__ import annotations

import importlib.util
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from manifests.errors import InputError

FOLDER = "openvino"
"""The folder of a bundle that holds the network."""
OPENVINO = "2026.4.1"
REQUIREMENTS = f"openvino=={OPENVINO}\nopenvino-telemetry==2025.2.0\n".encode()
"""What only bundles with a converted network install."""

Form = Literal["fp32", "int8"]


@dataclass(frozen=True, kw_only=True)
class ConvertedNetwork:
    """A network in OpenVINO's format; its weights lie beside ``path``, as ``.bin``."""

    form: Form
    path: Path


def files_of(form: Form) -> tuple[str, str]:
    """The names of a converted network's two files in a bundle."""
    return f"{FOLDER}/{form}.xml", f"{FOLDER}/{form}.bin"


def converted_in(folder: Path, *, device: str) -> ConvertedNetwork | None:
    """The network that this machine shall run instead of the weights; None: it runs the weights.

    Raises:
        InputError: the bundle's precision is ``fast``, and it was not checked on such a machine.
    """
    fast = folder / files_of("int8")[0]
    if fast.is_file():
        _check_machine(folder, device)
        return ConvertedNetwork(form="int8", path=fast)
    exact = folder / files_of("fp32")[0]
    if exact.is_file() and device == "cpu" and runs_here():
        return ConvertedNetwork(form="fp32", path=exact)
    return None


def runs_here() -> bool:
    """Whether this machine has OpenVINO and the kind of processor that it was measured on."""
    return is_x86() and importlib.util.find_spec("openvino") is not None


def is_x86() -> bool:
    """Whether this processor is a 64-bit one of Intel's or AMD's."""
    return platform.machine() in {"x86_64", "AMD64"}


def _check_machine(folder: Path, device: str) -> None:
    """Other text than what was checked must not stand in rows under the bundle's digest."""
    other = 'or make the bundle with [model] precision = "exact"'
    if device != "cpu" or not is_x86():
        where = device if device != "cpu" else f"a processor of kind {platform.machine()}"
        raise InputError(
            f'{folder}: precision "fast" of this bundle is int8, checked on x86 CPUs; this is '
            f"{where}: run it on such a CPU, {other}"
        )
    if not runs_here():
        raise InputError(
            f'{folder}: precision "fast" of this bundle is int8 for OpenVINO, which is not '
            f"installed here: pip install openvino=={OPENVINO}, {other}"
        )
