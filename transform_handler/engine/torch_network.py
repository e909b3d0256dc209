"""The forward pass of a CTC model in torch: batches that change nothing, on CPU and GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from transform_handler.audio.layout import SAMPLE_RATE, hop_of
from transform_handler.engine.batch_lengths import BatchLengths, shield
from transform_handler.engine.device_memory import limits_for, memory_errors
from transform_handler.engine.devices import compute_exactly
from transform_handler.engine.frames import BatchLimits, FrameScores, Samples
from transform_handler.engine.front_end import FrontEnd
from transform_handler.engine.grouped_convolution import GroupedConvolution
from transform_handler.engine.network_inputs import (
    EqualWaveforms,
    Features,
    MakesInputs,
    Place,
    Waveforms,
)

EXACT_FAMILIES = frozenset(
    {
        "data2vec-audio",
        "hubert",
        "unispeech",
        "unispeech-sat",
        "wav2vec2",
        "wav2vec2-bert",
        "wav2vec2-conformer",
        "wavlm",
    }
)
"""Architectures whose windows are scored beside longer ones as if they were alone (a test)."""

_CPU_LIMITS = BatchLimits(windows=1, seconds=60.0)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a network computes; none of them changes what it says, up to rounding.

    ``positions_as_products`` and ``compiled`` (the encoder's layers, by torch.compile) are for
    GPUs; None chooses by the device.
    """

    distribution: bool = False
    positions_as_products: bool | None = None
    compiled: bool = False


class TorchNetwork:
    """Any ``AutoModelForCTC`` model, in inference only; it takes the model over and changes it.

    Windows of any lengths share a batch if the architecture is one of ``EXACT_FAMILIES``; of
    others only windows of equal length do, and ``equal_lengths_only`` says so.
    """

    def __init__(
        self,
        model: Any,
        features: Any,
        *,
        device: str,
        dtype: torch.dtype = torch.float32,
        limits: BatchLimits | None = None,
        options: Options | None = None,
    ) -> None:
        self._options = options or Options()
        self._place = Place(device=torch.device(device), dtype=dtype)
        _fold_weight_norm(model)
        self._model = model.eval().requires_grad_(requires_grad=False)
        self.hop = hop_of(model.config.to_dict())
        self._inputs, self.equal_lengths_only = self._prepare(features)
        self._pass_seconds, self.limits = self._limits(limits)

    def __call__(
        self,
        batch: Sequence[Samples],
        *,
        language: str | None,  # noqa: ARG002
    ) -> list[FrameScores]:
        """Score windows of any lengths; each as if it were alone.

        Raises:
            MemoryError: the batch is too large for the device.
            ArithmeticError: the model's output is not finite.
        """
        answers: list[FrameScores | None] = [None] * len(batch)
        with self._memory(), torch.inference_mode():
            # All passes are under way before the first answer is waited for.
            passes = [
                (places, self._forward([batch[place] for place in places]))
                for places in self._passes(batch)
            ]
            if self._place.device.type == "cuda":
                torch.cuda.current_stream(self._place.device).synchronize()
            for places, answer in passes:
                for row, place in enumerate(places):
                    answers[place] = answer.scores(row)
        return [answer for answer in answers if answer is not None]

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._place.device

    def modules(self) -> Iterator[nn.Module]:
        """The parts of the model, for who wants to look at what they give."""
        modules: Iterator[nn.Module] = self._model.modules()
        return modules

    def _passes(self, batch: Sequence[Samples]) -> Iterator[list[int]]:
        """Places in the batch, longest first, in groups that the device takes at once."""
        places = sorted(range(len(batch)), key=lambda place: (-len(batch[place]), place))
        group: list[int] = []
        for place in places:
            if group:
                longest = len(batch[group[0]])
                full = (len(group) + 1) * longest > self._pass_seconds * SAMPLE_RATE
                unlike = self.equal_lengths_only and len(batch[place]) != longest
                if full or unlike:
                    yield group
                    group = []
            group.append(place)
        if group:
            yield group

    @contextmanager
    def _memory(self) -> Iterator[None]:
        """Where memory ran out, later passes are half as long."""
        try:
            with memory_errors():
                yield
        except MemoryError:
            self._pass_seconds /= 2
            raise

    def _forward(self, windows: Sequence[Samples]) -> _Answer:
        inputs = self._inputs(windows)
        logits = self._model(**inputs.arguments).logits  # shape = (n_windows, n_frames, n_symbols)
        exact = logits if logits.dtype == torch.float64 else logits.float()
        scores = torch.log_softmax(exact, dim=-1)
        best, ids = scores.max(dim=-1)
        return _Answer(
            ids=_to_host(ids.int()),
            best=_to_host(best.float()),
            distribution=_to_host(scores) if self._options.distribution else None,
            frames=inputs.frames,
        )

    def _prepare(self, features: Any) -> tuple[MakesInputs, bool]:
        """Change the model so that padding changes nothing, if that can be relied upon."""
        model, place = self._model, self._place
        network = getattr(model, model.base_model_prefix)
        exact = model.config.model_type in EXACT_FAMILIES
        hears_samples = model.main_input_name == "input_values"
        normalise = bool(getattr(features, "do_normalize", False))
        front = getattr(network, "feature_extractor", None)
        lengths = BatchLengths()
        if exact and hears_samples and FrontEnd.fits(front):
            made = FrontEnd(front, lengths, dtype=place.dtype)
            network.feature_extractor = nn.Identity()
            self._move(network)
            network.feature_extractor = made.to(place.device)
            steps = shield(network, lengths)
            ready = Waveforms(made, lengths, place, normalise=normalise, steps=steps)
            return ready, False
        self._move(network)
        if not hears_samples:
            steps = shield(network, lengths) if exact else ()
            return Features(features, lengths, place, steps=steps), not exact
        return EqualWaveforms(place, normalise=normalise), True

    def _move(self, network: Any) -> None:
        on_gpu = self._place.device.type == "cuda"
        chosen = self._options.positions_as_products
        if on_gpu if chosen is None else chosen:
            _positions_as_products(network)
        if on_gpu:
            compute_exactly()
        self._model.to(device=self._place.device, dtype=self._place.dtype)
        if self._options.compiled:
            for layer in network.encoder.layers:
                layer.compile(dynamic=True)

    def _limits(self, limits: BatchLimits | None) -> tuple[float, BatchLimits]:
        if limits is not None:
            return limits.seconds, limits
        if self._place.device.type != "cuda":
            # One window a pass: on a CPU padding costs more than company saves.
            return 0.0, _CPU_LIMITS
        free, _ = torch.cuda.mem_get_info(self._place.device)
        return limits_for(
            self._model.config, free_bytes=free, itemsize=self._place.dtype.itemsize, hop=self.hop
        )


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What a pass said, on the host or on its way there; shape (n_windows, n_frames, …)."""

    ids: Tensor
    best: Tensor
    distribution: Tensor | None
    frames: list[int] | None

    def scores(self, row: int) -> FrameScores:
        """The frames of one window."""
        own = slice(None if self.frames is None else self.frames[row])
        best = self.best[row, own].numpy().copy()
        if not np.isfinite(best).all():
            # argmax would make of this a silent transcript, or a wrong one.
            raise ArithmeticError("the model's output is not finite")
        every = None if self.distribution is None else self.distribution[row, own].numpy().copy()
        return FrameScores(
            ids=self.ids[row, own].numpy().copy(), log_probabilities=best, distribution=every
        )


def _to_host(values: Tensor) -> Tensor:
    if values.device.type != "cuda":
        return values.cpu()
    return torch.empty(values.shape, dtype=values.dtype, pin_memory=True).copy_(
        values, non_blocking=True
    )


def _fold_weight_norm(model: nn.Module) -> None:
    """Make plain weights of those that are a direction and a length, once instead of each pass.

    In new modules: torch's own way back changes a class, which copies of the model share.
    """
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv1d) and nn.utils.parametrize.is_parametrized(child):
                setattr(module, name, _plain(child))


def _plain(convolution: nn.Conv1d) -> nn.Conv1d:
    plain = nn.Conv1d(
        convolution.in_channels,
        convolution.out_channels,
        convolution.kernel_size[0],
        stride=convolution.stride[0],
        padding=int(convolution.padding[0]),
        dilation=convolution.dilation[0],
        groups=convolution.groups,
        bias=convolution.bias is not None,
        device="meta",
    )
    plain.weight = nn.Parameter(convolution.weight.detach(), requires_grad=False)
    plain.bias = convolution.bias
    return plain


def _positions_as_products(network: nn.Module) -> None:
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv1d) and GroupedConvolution.fits(child):
                setattr(module, name, GroupedConvolution.of(child))
