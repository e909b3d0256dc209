"""What ``[model]`` asks of precision, and whether converting pays where the bundle will run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from batch.config import Config
from batch.instances import has_x86_cpu_only
from transform_handler.engine.converted import is_x86
from transform_handler.identity import model_files

SMALLEST_BYTES = 50 << 20
"""Weights of fewer bytes are not what a run waits for: they stay as they are for ``exact``."""
_GPU = Path("/dev/nvidiactl")


@dataclass(frozen=True, kw_only=True)
class Precision:
    """``held_out`` is where labelled speech lies; ``accept`` takes ``fast`` whatever it says.

    ``on_cpu``: whether the bundle will run on CPUs for which the network can be converted.
    """

    name: Literal["exact", "fast"] = "exact"
    accept: bool = False
    held_out: str | None = None
    on_cpu: bool = False
    smallest_bytes: int = SMALLEST_BYTES

    @classmethod
    def of(cls, config: Config) -> Precision:
        """What a configuration says."""
        section = config.model
        return cls(
            name=section.precision,
            accept=section.accept,
            held_out=section.held_out,
            on_cpu=_on_cpu(config),
        )

    def converts_exact(self, folder: Path) -> bool:
        """Whether an ``exact`` bundle of this model shall bring a network for CPUs."""
        return self.on_cpu and weights_size(folder) >= self.smallest_bytes


def weights_size(folder: Path) -> int:
    """Bytes of a model folder's weights."""
    files = [path for path in model_files(folder) if path.suffix == ".safetensors"]
    return sum(path.stat().st_size for path in files)


def _on_cpu(config: Config) -> bool:
    if config.platform.name == "local":
        return is_x86() and not _GPU.exists()
    return has_x86_cpu_only(config.transform.instances[0])
