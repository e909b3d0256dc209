"""Changes to training sound, so that a model hears more rooms, lines and voices than its labels."""

from __future__ import annotations

from training.augment.augmentation import Augmentation, Voices
from training.augment.backgrounds import babble, noise
from training.augment.lines import clip, coded, telephone
from training.augment.rooms import reverberate, room
from training.augment.speed import at_speed, samples_at_speed

__all__ = [
    "Augmentation",
    "Voices",
    "at_speed",
    "babble",
    "clip",
    "coded",
    "noise",
    "reverberate",
    "room",
    "samples_at_speed",
    "telephone",
]
