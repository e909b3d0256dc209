"""What a network hears: windows of sound into one batch on the device, each made by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.engine.batch_lengths import BatchLengths, Step
from transform_handler.engine.frames import Samples
from transform_handler.engine.front_end import FrontEnd

VARIANCE_FLOOR = 1e-6
"""What is quieter than -60 dB of full scale is raised as if it were that loud, not further."""
# What Hugging Face's feature extractor adds to the variance.
_EPSILON = 1e-7


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The network's arguments, and how many frames of its answer are each window's own.

    ``frames`` is None where all windows are of one length and own all frames there are.
    """

    arguments: dict[str, Tensor]
    frames: list[int] | None


class MakesInputs(Protocol):
    """Windows into a network's arguments."""

    def __call__(self, windows: Sequence[Samples]) -> Inputs: ...


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a network is and how exactly it computes."""

    device: torch.device
    dtype: torch.dtype

    @property
    def sound_dtype(self) -> torch.dtype:
        """Samples are never in half precision: their noise would be heard."""
        return torch.float64 if self.dtype == torch.float64 else torch.float32


class Waveforms:
    """For networks that hear samples through a ``FrontEnd``: windows of any lengths."""

    def __init__(
        self,
        front: FrontEnd,
        lengths: BatchLengths,
        place: Place,
        *,
        normalise: bool,
        steps: tuple[Step, ...],
    ) -> None:
        self._front = front
        self._lengths = lengths
        self._place = place
        self._normalise = normalise
        self._steps = steps

    def __call__(self, windows: Sequence[Samples]) -> Inputs:
        """Samples with padding to the longest, and a mask where there is any."""
        samples = [len(window) for window in windows]
        frames = [self._front.frames(count) for count in samples]
        longest = max(frames)
        padded = any(count != longest for count in frames)
        both = torch.tensor([samples, frames], dtype=torch.int64)
        on_device = _to_device(both, self._place.device)
        self._lengths.set(samples=on_device[0], frames=on_device[1], longest=longest, padded=padded)
        width = self._front.padded(max(samples))
        sound = _to_device(_side_by_side(windows, width, self._place), self._place.device)
        sound = sound.to(self._place.sound_dtype)
        own = torch.arange(width, device=sound.device) < on_device[0][:, None]
        if self._normalise:
            sound = normalised(sound, own)
        arguments = {"input_values": sound}
        if padded:
            arguments["attention_mask"] = own
        for step in self._steps:
            frames = [step.length(count) for count in frames]
        return Inputs(arguments=arguments, frames=frames)


class EqualWaveforms:
    """For networks that hear samples and are not known to stand padding."""

    def __init__(self, place: Place, *, normalise: bool) -> None:
        self._place = place
        self._normalise = normalise

    def __call__(self, windows: Sequence[Samples]) -> Inputs:
        """Samples of windows that are all of one length."""
        width = len(windows[0])
        sound = _to_device(_side_by_side(windows, width, self._place), self._place.device)
        sound = sound.to(self._place.sound_dtype)
        if self._normalise:
            sound = normalised(sound, torch.ones_like(sound, dtype=torch.bool))
        return Inputs(arguments={"input_values": sound.to(self._place.dtype)}, frames=None)


class Features:
    """For networks that hear what a feature extractor makes of samples (mel bands)."""

    def __init__(
        self,
        extractor: Any,
        lengths: BatchLengths,
        place: Place,
        *,
        steps: tuple[Step, ...],
    ) -> None:
        self._extractor = extractor
        self._lengths = lengths
        self._place = place
        self._steps = steps

    def __call__(self, windows: Sequence[Samples]) -> Inputs:
        """Features of each window by itself, side by side, with the masks that belong to them."""
        made = [
            self._extractor(window, sampling_rate=SAMPLE_RATE, return_tensors="pt")
            for window in windows
        ]
        name = next(key for key in made[0] if key != "attention_mask")
        frames = [int(one[name].shape[1]) for one in made]
        longest = max(frames)
        self._lengths.set(
            samples=None,
            frames=torch.tensor(frames, device=self._place.device),
            longest=longest,
            padded=any(count != longest for count in frames),
        )
        values = torch.cat(
            [pad(one[name], (0, 0, 0, longest - one[name].shape[1])) for one in made]
        )
        arguments = {name: _to_device(values, self._place.device).to(self._place.dtype)}
        if "attention_mask" in made[0]:
            masks = [one["attention_mask"] for one in made]
            mask = torch.cat([pad(one, (0, longest - one.shape[1])) for one in masks])
            arguments["attention_mask"] = _to_device(mask, self._place.device)
        for step in self._steps:
            frames = [step.length(count) for count in frames]
        return Inputs(arguments=arguments, frames=frames)


def normalised(sound: Tensor, own: Tensor) -> Tensor:
    """Zero mean and unit variance over each window's own samples, zero beyond; (n, n_samples)."""
    count = own.sum(1, keepdim=True).clamp(min=1)
    mean = sound.sum(1, keepdim=True, dtype=torch.float64) / count
    centred = ((sound - mean.to(sound.dtype)) * own).to(sound.dtype)
    power = torch.linalg.vector_norm(centred, dim=1, keepdim=True, dtype=torch.float64) ** 2
    variance = (power / count).clamp(min=VARIANCE_FLOOR) + _EPSILON
    return centred * torch.rsqrt(variance).to(sound.dtype)


def _side_by_side(windows: Sequence[Samples], width: int, place: Place) -> Tensor:
    """Windows with zeros after them, shape (n_windows, width), where a GPU can fetch them."""
    pinned = place.device.type == "cuda"
    sound = torch.empty((len(windows), width), dtype=torch.float32, pin_memory=pinned)
    rows = sound.numpy()
    for row, window in zip(rows, windows, strict=True):
        row[: len(window)] = window
        row[len(window) :] = 0
    return sound


def _to_device(values: Tensor, device: torch.device) -> Tensor:
    if device.type != "cuda":
        return values.to(device)
    # The allocator of pinned memory keeps it until the copy is done.
    return (values if values.is_pinned() else values.pin_memory()).to(device, non_blocking=True)
