"""Settings for three amounts of labels; a value that is given wins over the preset's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# The steps are 60, 42 and 28 passes over the data: the less there is, the more often it can be
# heard. Masking is that of wav2vec 2.0's fine-tuning for the same amounts (Baevski et al. 2020,
# table 6), whose steps start from a model that has never seen a letter and are many times more.
PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "ten-minutes": MappingProxyType(
            {
                "steps": 600,
                "batch_seconds": 60.0,
                "learning_rate": 1e-4,
                "warmup_steps": 60,
                "head_only_steps": 60,
                "evaluation_steps": 50,
                "patience": 5,
                "mask_time_prob": 0.075,
                "mask_feature_prob": 0.008,
            }
        ),
        "one-hour": MappingProxyType(
            {
                "steps": 1500,
                "batch_seconds": 100.0,
                "learning_rate": 1e-4,
                "warmup_steps": 150,
                "head_only_steps": 150,
                "evaluation_steps": 100,
                "patience": 5,
                "base_share": 0.3,
                "mask_time_prob": 0.075,
                "mask_feature_prob": 0.004,
            }
        ),
        "ten-hours": MappingProxyType(
            {
                "steps": 5000,
                "batch_seconds": 200.0,
                "learning_rate": 1e-4,
                "warmup_steps": 500,
                "head_only_steps": 250,
                "evaluation_steps": 250,
                "patience": 6,
                "base_share": 0.1,
                "mask_time_prob": 0.065,
                "mask_feature_prob": 0.004,
            }
        ),
    }
)
