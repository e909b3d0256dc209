"""What ``[model]`` asks of precision, and whether converting pays where the bundle will run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from batch.config import Config
from batch.instances import has_gpus, has_x86_cpu_only
from manifests.errors import InputError
from transform_handler.engine.converted import is_x86
from transform_handler.identity import model_files

SMALLEST_BYTES = 50 << 20
"""Weights of fewer bytes are not what a run waits for: they stay as they are for ``exact``."""
_GPU = Path("/dev/nvidiactl")
_PROCESSOR = Path("/proc/cpuinfo")
# Products of 8 bits that are added up in 32; without them int8 took 1.6 times as long as float32.
_EIGHT_BIT_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})


@dataclass(frozen=True, kw_only=True)
class Precision:
    """``held_out`` is where labelled speech lies; ``accept`` takes ``fast`` whatever it says.

    ``on_cpu``: whether the bundle will run on CPUs for which the network can be converted.
    ``half``: whether it will run on GPUs, where ``fast`` is half precision. ``elsewhere`` says why
    it cannot be ``fast`` where it will be, ``slower`` why it would not be quicker there.
    """

    name: Literal["exact", "fast"] = "exact"
    accept: bool = False
    held_out: str | None = None
    on_cpu: bool = False
    half: bool = False
    elsewhere: str | None = None
    slower: str | None = None
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
            half=_on_gpu(config),
            elsewhere=_elsewhere(config),
            slower=_slower(config),
        )

    def check_place(self, model: str) -> None:
        """Whether ``fast`` runs where the bundle will be, and is quicker there.

        Raises:
            InputError: it does not run; or it is slower, and nobody takes it all the same.
        """
        refused = f'[model] precision "fast" is refused for {model}'
        if self.elsewhere:
            raise InputError(
                f"{refused}: it is int8 for x86 CPUs or half precision for GPUs, and "
                f"{self.elsewhere}; "
                'set precision = "exact", or choose such a machine'
            )
        if self.slower and not self.accept:
            raise InputError(
                f'{refused}: {self.slower}; set precision = "exact", or take it as it is with '
                "[model] accept = true"
            )

    def converts_exact(self, folder: Path) -> bool:
        """Whether an ``exact`` bundle of this model shall bring a network for CPUs."""
        return self.on_cpu and weights_size(folder) >= self.smallest_bytes


def weights_size(folder: Path) -> int:
    """Bytes of a model folder's weights."""
    files = [path for path in model_files(folder) if path.suffix == ".safetensors"]
    return sum(path.stat().st_size for path in files)


def has_eight_bit_products(processor: Path = _PROCESSOR) -> bool:
    """Whether this processor is quicker in 8 bits; where the system does not say, it is."""
    if not processor.is_file():
        return True
    lines = processor.read_text("utf-8", "replace").splitlines()
    flags = [line.partition(":")[2].split() for line in lines if line.startswith("flags")]
    return not flags or not _EIGHT_BIT_FLAGS.isdisjoint(flags[0])


def _slower(config: Config) -> str | None:
    if config.platform.name != "local" or _on_gpu(config) or has_eight_bit_products():
        return None
    return (
        "this processor has no 8-bit products (VNNI or AMX), and without them int8 is slower "
        "than exact"
    )


def _elsewhere(config: Config) -> str | None:
    if config.platform.name == "local" or _on_gpu(config):
        return None
    instance = config.transform.instances[0]
    return None if has_x86_cpu_only(instance) else f"{instance} is neither"


def _on_gpu(config: Config) -> bool:
    if config.platform.name == "local":
        return _GPU.exists()
    return has_gpus(config.transform.instances[0])


def _on_cpu(config: Config) -> bool:
    if config.platform.name == "local":
        return is_x86() and not _GPU.exists()
    return has_x86_cpu_only(config.transform.instances[0])
