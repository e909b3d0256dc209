"""SpecAugment as the settings say, whatever the base model's own config says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from training.settings import Settings

_NAMES = ("time_prob", "time_length", "time_min_masks", "feature_prob", "feature_length")


class Masking:
    """Hides spans of frames and of features from a model while it learns (Park et al. 2019).

    The model's config is changed within a step only: it is written into the finished model, where
    the mask's probability decides whether a weight for hidden frames is expected.
    """

    def __init__(self, network: Any, settings: Settings) -> None:
        self._config = network.config
        self._settings = settings
        masked = [m for m in network.modules() if hasattr(m, "_mask_hidden_states")]
        if masked and settings.mask_time_prob and not hasattr(masked[0], "masked_spec_embed"):
            # Made without masks in mind: hidden frames are zeros, and nothing more is saved.
            zeros = torch.zeros(network.config.hidden_size)
            masked[0].register_buffer("masked_spec_embed", zeros, persistent=False)

    @contextmanager
    def over(self, n_frames: int) -> Iterator[None]:
        """Mask within the block; spans are never longer than the `n_frames` of the batch."""
        before = {n: getattr(self._config, n, None) for n in (*_masks(), "apply_spec_augment")}
        settings, width = self._settings, self._config.hidden_size
        chosen = {
            "mask_time_prob": settings.mask_time_prob,
            "mask_time_length": min(settings.mask_time_length, n_frames),
            # The library's least of two spans would hide short utterances from end to end.
            "mask_time_min_masks": 0,
            "mask_feature_prob": settings.mask_feature_prob,
            "mask_feature_length": min(settings.mask_feature_length, width),
            "mask_feature_min_masks": 0,
            "apply_spec_augment": True,
        }
        self._set(chosen)
        try:
            yield
        finally:
            self._set(before)

    def _set(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            if hasattr(self._config, name):
                setattr(self._config, name, value)


def _masks() -> list[str]:
    return [f"mask_{name}" for name in (*_NAMES, "feature_min_masks")]
