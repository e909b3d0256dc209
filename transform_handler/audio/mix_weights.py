"""How the channels of one cell of a recording should be mixed. Pure.

A plain mean is right for most recordings. It loses speech where one channel is another turned
upside down (the two cancel), it is worse than the better channel where one brings nothing but
noise, and it is faint where most channels are silent. Each is judged on the cell's own sound:
covariances of short frames of all channels, in the band of speech.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Each 40 ms are judged by their first 20: a syllable is longer.
HOP_SECONDS, FRAME_SECONDS = 0.04, 0.02
# The energies of frames of noise or hum lie within this, from the lowest tenth to the highest
# hundredth (white noise: 2.0); a voice as loud as the noise it is in moves further.
STEADY_DB = 3.5
# So much below speech, noise does no harm: such a channel may stay.
HARMLESS_DB = -30.0
# The speech of channels that are summed is coherent from here on, and cancels below minus this.
COHERENT = 0.5
# Channels without speech are left out where they would make the others fainter by more than this.
MOST_LOSS_DB = 10.0
# In less sound than this a voice may be as steady as noise: nothing is left out.
SHORTEST_SECONDS = 2.0
# A step of 16 bits, as a mean square: what is fainter is silence.
_SILENCE = 2.0**-30
_LOWEST, _HIGHEST = 0.10, 0.99


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Second moments of short frames of a cell.

    ``band`` are the covariances of the pre-emphasised sound, shape (n_frames, n_channels,
    n_channels); ``full`` those of the sound as it is, hum and offset included. Sums over the
    ``samples`` of a frame.
    """

    band: Floats
    full: Floats
    samples: int

    @classmethod
    def of(cls, sound: npt.NDArray[np.float32]) -> Frames:
        """Of frames at about 8 kHz, shape (n_frames, n_channels, n_samples)."""
        # The first difference: it takes rumble and hum down, and leaves speech.
        band = sound[:, :, 1:] - sound[:, :, :-1]
        return cls(band=_moments(band), full=_moments(sound), samples=sound.shape[2])

    def behind(self, before: Frames) -> Frames:
        """These frames and those before them."""
        return Frames(
            band=np.concatenate([before.band, self.band]),
            full=np.concatenate([before.full, self.full]),
            samples=self.samples,
        )


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What becomes of each channel: 1 as it is, -1 turned over, 0 left out; shape (n_channels,)."""

    signs: tuple[int, ...]

    @classmethod
    def plain(cls, channels: int) -> Weights:
        """The mean of all channels."""
        return cls(signs=(1,) * channels)

    @property
    def hows(self) -> tuple[str, ...]:
        """What was done: ``mean``, or one or both of ``polarity`` and ``left_out``."""
        done = (("polarity", -1 in self.signs), ("left_out", 0 in self.signs))
        return tuple(how for how, applies in done if applies) or ("mean",)


def weights_of(frames: Frames) -> Weights:
    """How to mix a cell; its plain mean where no channel does harm."""
    channels = frames.band.shape[1]
    speaks = _speaks(frames) if len(frames.band) else np.zeros(channels, dtype=bool)
    if not speaks.any():
        return Weights.plain(channels)
    kept = np.ones(channels, dtype=bool)
    if len(frames.band) * HOP_SECONDS >= SHORTEST_SECONDS:
        kept = ~_worse(frames, speaks)
        if channels > 10 ** (MOST_LOSS_DB / 20) * np.count_nonzero(kept & speaks):
            kept &= speaks
    signs = np.where(kept, _polarities(frames, kept & speaks), 0)
    return Weights(signs=tuple(int(sign) for sign in signs))


def _moments(sound: npt.NDArray[np.float32]) -> Floats:
    return (sound @ sound.transpose(0, 2, 1)).astype(np.float64)


def _spread(energies: Floats, silence: float) -> tuple[Floats, Floats]:
    """The low and the high end of frame energies, over the first axis; never below silence."""
    ordered = np.sort(energies, axis=0)
    last = len(ordered) - 1
    low, high = ordered[int(_LOWEST * last)], ordered[math.ceil(_HIGHEST * last)]
    return np.maximum(low, silence), np.maximum(high, silence)


def _unsteady(energies: Floats, silence: float) -> Flags:
    low, high = _spread(energies, silence)
    return np.asarray(high > low * 10 ** (STEADY_DB / 10))


def _speaks(frames: Frames) -> Flags:
    """Channels whose level moves as that of speech does; shape (n_channels,)."""
    return _unsteady(_own(frames.band), _SILENCE * frames.samples)


def _own(moments: Floats) -> Floats:
    """The energies of the channels, shape (n_frames, n_channels)."""
    return np.diagonal(moments, axis1=1, axis2=2)


def _worse(frames: Frames, speaks: Flags) -> Flags:
    """Channels that have no speech but a better channel's, and noise; shape (n_channels,).

    What a channel has of its own is what is left of it when the better one is taken off, as
    loud as it is heard there: steady where nobody else speaks.
    """
    gains = _gains(frames)
    rest = _rest(frames.band, gains)
    reasons = ~_unsteady(rest, _SILENCE * frames.samples) & speaks[None, :]
    np.fill_diagonal(reasons, val=False)
    if reasons.any():
        harmed = _harmed(frames.band, rest, gains)
        reasons &= harmed | _harmed(frames.full, _rest(frames.full, gains), gains)
    worse = np.zeros(len(speaks), dtype=bool)
    noise = np.where(reasons, rest.sum(axis=0), 0.0).max(axis=1)
    for channel in np.argsort(-noise, kind="stable"):
        # A channel that is itself left out is no reason to leave out another.
        worse[channel] = bool((reasons[channel] & ~worse).any())
    return worse


def _gains(frames: Frames) -> Floats:
    """How loud channel j is heard in channel i, entry (i, j)."""
    total = frames.band.sum(axis=0)
    power = np.maximum(np.diagonal(total), _SILENCE)
    return np.asarray(total / power[None, :])


def _rest(moments: Floats, gains: Floats) -> Floats:
    """Energies of channel i without what is heard of channel j, shape (n_frames, n, n)."""
    own = _own(moments)
    left = own[:, :, None] - 2 * gains * moments + gains**2 * own[:, None, :]
    return np.maximum(left, 0.0)


def _harmed(moments: Floats, rest: Floats, gains: Floats) -> Flags:
    """Whether channel i makes the mean noisier than channel j alone by 3 dB, and audibly so."""
    own = _own(moments)
    floor = _spread(own, 0.0)[0] * len(own)
    speech = own.sum(axis=0) - floor
    noise = rest.sum(axis=0)
    audible = noise > speech[None, :] * 10 ** (HARMLESS_DB / 10)
    both = floor + np.maximum(noise - gains**2 * floor, 0.0)
    return np.asarray(audible & ((1 + np.abs(gains)) ** 2 * floor < both / 2))


def _polarities(frames: Frames, among: Flags) -> npt.NDArray[np.int64]:
    """1, or -1 for channels that would cancel with others, shape (n_channels,).

    The loudest comes first, and each joins the one that it is most like. Of those that belong
    together the first stays as it is.
    """
    alike = _correlations(frames)
    power = np.diagonal(frames.band.sum(axis=0))
    signs = np.ones(len(among), dtype=np.int64)
    group = np.arange(len(among))
    placed: list[int] = []
    for channel in (int(one) for one in np.argsort(-power, kind="stable") if among[one]):
        if placed:
            nearest = max(placed, key=lambda other: abs(alike[channel, other]))
            if abs(alike[channel, nearest]) > COHERENT:
                signs[channel] = signs[nearest] * (1 if alike[channel, nearest] > 0 else -1)
                group[channel] = group[nearest]
        placed.append(channel)
    for number in set(group.tolist()):
        members = np.flatnonzero(group == number)
        signs[members] *= signs[members[0]]
    return signs


def _correlations(frames: Frames) -> Floats:
    """Of the speech in the channels, whose steady noise is no part of it; shape (n, n)."""
    own = _own(frames.band)
    silence = _SILENCE * frames.samples
    floor, _ = _spread(own, silence)
    speech = np.maximum(own.sum(axis=0) - floor * len(own), silence)
    return np.asarray(frames.band.sum(axis=0) / np.sqrt(np.outer(speech, speech)))
