"""How a recording is cut for a model.

Known without the model: whoever stages sound for it needs the rule, and has no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SAMPLE_RATE = 16_000

_SPEECH_TO_TEXT = frozenset({"whisper", "speech_to_text", "moonshine"})
_WAV2VEC2_STRIDES = 320


@dataclass(frozen=True, kw_only=True)
class WindowLayout:
    """The rule by which windows lie on a recording, for a model with ``hop`` samples a frame.

    Borders are nominally ``step_seconds`` apart; each moves to the quietest place within
    ``reach_seconds``. A window hears ``context_seconds`` more on each side than it keeps. What
    is left at the end is not cut again if it is no longer than ``longest``. What is heard is a
    multiple of ``grain_seconds`` long wherever the sound allows it: few lengths mean that memory
    and prepared kernels are used again. With ``whole`` the model hears all of a window in which
    anybody speaks, as it was recorded, and not the spoken stretches of it.
    """

    hop: int
    step_seconds: float = 18.0
    context_seconds: float = 2.0
    reach_seconds: float = 1.5
    tail_seconds: float = 2.0
    shortest_seconds: float = 0.1
    grain_seconds: float = 0.5
    whole: bool = False

    @property
    def step(self) -> int:
        """Samples between two nominal borders."""
        return self._aligned(self.step_seconds)

    @property
    def context(self) -> int:
        """Samples heard and not kept on each side."""
        return self._aligned(self.context_seconds)

    @property
    def reach(self) -> int:
        """Samples by which a border may move."""
        return self._aligned(self.reach_seconds)

    @property
    def longest(self) -> int:
        """The most samples that a window keeps."""
        return self.step + 2 * self.reach + self._aligned(self.tail_seconds)

    @property
    def grain(self) -> int:
        """What is heard is a multiple of so many samples."""
        return max(self.hop, self._aligned(self.grain_seconds))

    @property
    def shortest(self) -> int:
        """Fewer samples are shorter than any word, and than some models' receptive field."""
        return round(self.shortest_seconds * SAMPLE_RATE)

    def grained(self, start: int, end: int, *, within: tuple[int, int]) -> tuple[int, int]:
        """``[start, end)`` made longer to whole grains, to the right first, where there is room."""
        end += min(-(end - start) % self.grain, within[1] - end)
        missing = min(-(end - start) % self.grain, start - within[0])
        return start - missing // self.hop * self.hop, end

    def _aligned(self, seconds: float) -> int:
        return round(seconds * SAMPLE_RATE / self.hop) * self.hop


def is_speech_to_text(config: Mapping[str, Any]) -> bool:
    """Whether a ``config.json`` is that of a model which writes text and scores no frames."""
    return config.get("model_type") in _SPEECH_TO_TEXT


def layout_for(config: Mapping[str, Any]) -> WindowLayout:
    """The layout for a model, from its ``config.json``.

    Models that write text see 30 s at once, so what is no longer than that is one window. They hear
    nothing twice: their words have no frames by which what two windows said of one place could be
    told apart.
    """
    if is_speech_to_text(config):
        return WindowLayout(
            hop=_WAV2VEC2_STRIDES,
            step_seconds=24.0,
            context_seconds=0.0,
            reach_seconds=2.0,
            grain_seconds=0.0,
            whole=True,
        )
    return WindowLayout(hop=hop_of(config))


def hop_of(config: Mapping[str, Any]) -> int:
    """Samples between two frames of a CTC model, from its ``config.json``."""
    strides = config.get("conv_stride")
    hop = math.prod(strides) if strides else _WAV2VEC2_STRIDES
    if config.get("add_adapter"):
        hop *= config.get("adapter_stride", 2) ** config.get("num_adapter_layers", 1)
    return int(hop)
