"""Which changes an utterance gets, keyed by (seed, epoch, utterance).

The key makes a resumed run train on the sound that the interrupted one would have met: the Trainer
does not restore the random state in mid-epoch (transformers issue 39215). Each kind of change draws
from a generator of its own, so that asking for one more leaves the others as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from training.augment.backgrounds import babble, noise, over
from training.augment.lines import CODECS, clip, coded, telephone
from training.augment.rooms import reverberate, room
from training.augment.speed import at_speed, samples_at_speed, speeds
from transform_handler.audio.layout import SAMPLE_RATE

if TYPE_CHECKING:
    from training.labels.data import Sound

Voices = Callable[[int, np.random.Generator], Sequence["Sound"]]
"""(n, generator) to the sound of n utterances chosen by the generator alone, at 16 kHz."""

_SHARES = ("speed", "reverb", "babble", "noise", "clipping", "telephone", "codec")


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How often each change is made (0–1) and how far it goes.

    The order is that of a recording: the speaker, the room, others and noise in it, an overdriven
    input, the line, the level. Sound is float32 of shape (n_samples,) at 16 kHz, within −1 to 1,
    going in and coming out; only `speed` changes its length. Encoders make the result depend on the
    versions of libsndfile and soxr; everything else is the same on every machine.
    """

    seed: int
    speed: float = 0.0
    speed_range: tuple[float, float] = (0.9, 1.1)
    """Slowest and fastest, drawn in hundredths; pitch moves with speed (Ko et al. 2015)."""
    reverb: float = 0.0
    reverb_seconds: tuple[float, float] = (0.2, 0.8)
    """Time in which a room's sound falls by 60 dB, shortest and longest."""
    babble: float = 0.0
    babble_db: tuple[float, float] = (12.0, 25.0)
    """Speech to other speech, lowest and highest."""
    voices: Voices | None = None
    """Where the others' speech comes from; needed when `babble` is above 0."""
    noise: float = 0.5
    noise_db: tuple[float, float] = (10.0, 35.0)
    """Signal-to-noise ratio, lowest and highest."""
    clipping: float = 0.0
    clipping_share: tuple[float, float] = (0.001, 0.05)
    """Samples that are cut off, fewest and most (0–1)."""
    telephone: float = 0.1
    codec: float = 0.0
    """GSM, MP3, Opus or Vorbis at low bit rates, there and back."""
    gain_db: float = 12.0
    """The level moves by up to this much, up or down, always; up to full scale at most."""

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0 <= (share := getattr(self, name)) <= 1:
                raise ValueError(f"{name} is {share}; expected a share from 0 to 1")
        slowest, fastest = self.speed_range
        if not 0 < slowest <= fastest:
            raise ValueError(
                f"speed_range is {self.speed_range}; expected slowest, fastest above 0"
            )
        if self.babble and self.voices is None:
            raise ValueError(
                f"babble is {self.babble} without voices; give the sound of other utterances"
            )

    def __call__(self, sound: Sound, epoch: int, key: str) -> Sound:
        """Sound changed as the key says; `samples_after` tells its length beforehand."""
        if not len(sound):
            return sound
        sound = at_speed(sound, self.speed_of(epoch, key))
        for change in (self._in_a_room, self._among_others, self._through_a_line):
            sound = change(sound, epoch, key)
        level = self._draws("gain", epoch, key).uniform(-self.gain_db, self.gain_db)
        # No louder than full scale: an overdriven input is a change that is asked for by itself.
        gain = min(10 ** (level / 20), 1 / max(float(np.abs(sound).max()), 1e-9))
        changed: Sound = np.clip(sound * np.float32(gain), -1, 1)
        return changed

    def speed_of(self, epoch: int, key: str) -> float:
        """How fast the utterance is played in this epoch; 1 where it is left alone."""
        rng = self._asked("speed", epoch, key)
        return float(rng.choice(speeds(*self.speed_range))) if rng is not None else 1.0

    def samples_after(self, n_samples: int, epoch: int, key: str) -> int:
        """Exactly how many samples an utterance of `n_samples` has after the change."""
        return samples_at_speed(n_samples, self.speed_of(epoch, key))

    def seconds_after(self, seconds: float, epoch: int, key: str) -> float:
        """`samples_after` in seconds, for what plans batches without reading sound."""
        return self.samples_after(round(seconds * SAMPLE_RATE), epoch, key) / SAMPLE_RATE

    @property
    def shortest_share(self) -> float:
        """The least that is left of an utterance's length: CTC needs a frame for each symbol."""
        return min(1.0, 1 / self.speed_range[1]) if self.speed else 1.0

    def _in_a_room(self, sound: Sound, epoch: int, key: str) -> Sound:
        if (rng := self._asked("reverb", epoch, key)) is not None:
            sound = reverberate(sound, room(rng.uniform(*self.reverb_seconds), rng))
        return sound

    def _among_others(self, sound: Sound, epoch: int, key: str) -> Sound:
        rng = self._asked("babble", epoch, key)
        if rng is not None and self.voices is not None:
            ratio = rng.uniform(*self.babble_db)
            sound = over(sound, babble(len(sound), self.voices, rng), ratio)
        if (rng := self._asked("noise", epoch, key)) is not None:
            ratio = rng.uniform(*self.noise_db)
            sound = over(sound, noise(len(sound), rng), ratio)
        return sound

    def _through_a_line(self, sound: Sound, epoch: int, key: str) -> Sound:
        if (rng := self._asked("clipping", epoch, key)) is not None:
            sound = clip(sound, rng.uniform(*self.clipping_share))
        if self._asked("telephone", epoch, key) is not None:
            sound = telephone(sound)
        if (rng := self._asked("codec", epoch, key)) is not None:
            sound = coded(sound, CODECS[int(rng.integers(len(CODECS)))])
        return sound

    def _asked(self, change: str, epoch: int, key: str) -> np.random.Generator | None:
        """The change's own generator where the utterance gets it, else None."""
        share: float = getattr(self, change)
        if not share:
            return None
        rng = self._draws(change, epoch, key)
        return rng if rng.random() < share else None

    def _draws(self, change: str, epoch: int, key: str) -> np.random.Generator:
        name = f"{self.seed}:{epoch}:{change}:{key}".encode()
        return np.random.default_rng(int.from_bytes(blake2b(name, digest_size=16).digest(), "big"))
