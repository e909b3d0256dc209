"""Crosstalk: what a microphone hears of its neighbours, where every channel is transcribed.

A stretch of a channel is crosstalk where nearly all of it is a louder channel, delayed and
filtered: so much of its energy as a short filter makes of the other channel. A voice of its own is
in no other channel, or is fainter there, so what is left tells both speaking at once from one.
(Pfau, Ellis and Stolcke, ASRU 2001, compare channels of meetings by correlation and energy; the
filter is the least-squares one, and its share of the energy is a coefficient of determination.)

Channels that carry the same at the same level are no crosstalk of each other: which would it be?
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transform_handler.audio.sound import Block

Stretch = tuple[int, int]
Numbers = npt.NDArray[np.floating]
Places = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

# Frames of half a second, on a grid of a quarter that depends on the recording alone.
CELL_SAMPLES = 4_000
# The other channel is louder by this much.
LOUDER_DB = 3.0
# The share of a frame's energy that a louder channel explains: 0.7 to 1 where there is nothing
# else, 0.5 and more in a room that rings; with a second voice mostly below 0.4.
EXPLAINED = 0.65
# A neighbouring frame that is not explained is a voice if it has this share of the energy.
VOICE = 0.1
# Sound takes 30 ms for ten metres; recorders are synchronous to that.
_LAG = 240  # samples at 8 kHz, as all below
_TAPS, _TAPS_BEFORE = 32, 8
_CELL = CELL_SAMPLES // 2
_FRAME = 2 * _CELL
_SIZE = _FRAME + 2 * _LAG
_RATE = 8_000
_BAND = (150, 3_400)
# Correlated less than this at every lag, no filter of some taps explains enough.
_CORRELATED = 0.5
# Of each frame only the loudest others are asked, so that many channels are no cost squared.
_SOURCES = 2
# Frames of so many channels have their spectra in memory at once.
_AT_ONCE = 512
_TINY = np.float32(1e-12)


def crosstalk(window: Block, *, start: int = 0) -> list[list[Stretch]]:
    """For each channel the stretches ``[begin, end)`` that are only another channel's leakage.

    ``window`` is 16 kHz sound of shape (n_samples, n_channels) that begins at sample ``start`` of
    the recording. Stretches are samples of the window, in order, and do not touch.
    """
    channels = window.shape[1]
    first = -start % CELL_SAMPLES
    count = (len(window) - first) // CELL_SAMPLES - 1
    if channels < 2 or count < 1:
        return [[] for _ in range(channels)]
    sounds = _framed(window[first : first + (count + 1) * CELL_SAMPLES])
    size = max(1, _AT_ONCE // channels)
    parts = (_Frames.of(sounds[place : place + size]) for place in range(0, count, size))
    found = [(part.explained(), part.energy) for part in parts]
    explained, energy = (np.concatenate(one) for one in zip(*found, strict=True))
    return [
        _stretches(_cells(explained[:, channel], energy[:, channel]), first, len(window))
        for channel in range(channels)
    ]


def _framed(sound: Block) -> Numbers:
    """Frames at 8 kHz, each with the longest lag on both sides, shape (n_frames, n, _SIZE)."""
    halves = np.ascontiguousarray((sound[::2] + sound[1::2]).T) * np.float32(0.5)
    padded = np.pad(halves, ((0, 0), (_LAG, _LAG)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _SIZE, axis=1)[:, ::_CELL]
    return windows.transpose(1, 0, 2)


@dataclass(frozen=True, kw_only=True)
class _Frames:
    """Spectra of frames, shape (n_frames, n_channels, n_bins), and their energies.

    ``wide`` are of frames that reach over both ends by the longest lag.
    """

    narrow: npt.NDArray[np.complex64]
    wide: npt.NDArray[np.complex64]
    energy: Numbers

    @classmethod
    def of(cls, wide: Numbers) -> _Frames:
        """Of frames as ``_framed`` gives them, in the band of a voice."""
        hertz = np.fft.rfftfreq(_SIZE, 1 / _RATE)
        band = ((hertz >= _BAND[0]) & (hertz <= _BAND[1])).astype(np.float32)
        narrow = np.fft.rfft(wide[:, :, _LAG:-_LAG], _SIZE) * band
        energy = 2 / _SIZE * np.sum(np.abs(narrow) ** 2, axis=2)
        return cls(
            narrow=narrow.astype(np.complex64),
            wide=(np.fft.rfft(wide) * band).astype(np.complex64),
            energy=energy.astype(np.float32),
        )

    def explained(self) -> Numbers:
        """The share of each frame that one louder channel explains, shape (n_frames, channels)."""
        share = np.zeros_like(self.energy)
        order = np.argsort(-self.energy, axis=1, kind="stable")
        for rank in range(min(_SOURCES, order.shape[1] - 1)):
            source = order[:, rank]
            loud = np.take_along_axis(self.energy, source[:, None], axis=1)
            fainter = self.energy * np.float32(10 ** (LOUDER_DB / 10)) <= loud
            frame, channel = np.nonzero(fainter & (self.energy > _TINY))
            found = self._fit(frame, channel, source[frame])
            share[frame, channel] = np.maximum(share[frame, channel], found)
        return share

    def _fit(self, frame: Places, channel: Places, source: Places) -> Numbers:
        """The coefficient of determination of the best short filter, shape (n_pairs,)."""
        heard, loud = self.narrow[frame, channel], self.wide[frame, source]
        # Place m is the lag m - _LAG of what is heard behind what is said.
        across = np.fft.irfft(np.conj(heard) * loud, _SIZE)[:, 2 * _LAG :: -1]
        own = np.fft.irfft(np.abs(self.narrow[frame, source]) ** 2, _SIZE)[:, :_TAPS]
        energy = self.energy[frame, channel]
        best = np.abs(across).max(axis=1)
        share = np.zeros(len(frame), dtype=np.float32)
        (likely,) = np.nonzero(best**2 >= _CORRELATED**2 * energy * own[:, 0])
        if len(likely):
            share[likely] = _determined(across[likely], own[likely]) / energy[likely]
        return share


def _determined(across: Numbers, own: Numbers) -> Numbers:
    """The energy that taps around the highest correlation explain, by the normal equations."""
    peak = np.abs(across).argmax(axis=1)
    first = np.clip(peak - _TAPS_BEFORE, 0, across.shape[1] - _TAPS)
    taps = np.arange(_TAPS)
    wanted = np.take_along_axis(across, first[:, None] + taps, axis=1)
    # A band that is empty leaves the equations without a single solution.
    loaded = own.copy()
    loaded[:, 0] *= np.float32(1.001)
    toeplitz = loaded[:, np.abs(taps[:, None] - taps)]
    filters = np.linalg.solve(toeplitz, wanted[:, :, None])[:, :, 0]
    return np.asarray((filters * wanted).sum(axis=1))


def _cells(explained: Numbers, energy: Numbers) -> Flags:
    """Which cells are crosstalk, shape (n_frames + 1,); frame i is the cells i and i + 1.

    A cell is, where one of its frames is explained and the other is too, or has hardly anything
    in it that is not.
    """
    leak = explained >= EXPLAINED
    beside = np.where(leak, energy, 0)
    beside = np.maximum(np.append(beside[1:], 0), np.insert(beside[:-1], 0, 0))
    voice = ~leak & ((1 - explained) * energy > VOICE * beside)
    some = np.append(leak, False) | np.insert(leak, 0, False)
    return np.asarray(some & ~np.append(voice, False) & ~np.insert(voice, 0, False))


def _stretches(cells: Flags, first: int, end: int) -> list[Stretch]:
    """Runs of cells as samples; what is left of a cell at an end of the window joins its run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], cells, [False]])))
    runs = edges.reshape(-1, 2)
    return [
        (
            0 if begin == 0 else first + int(begin) * CELL_SAMPLES,
            end if stop == len(cells) else first + int(stop) * CELL_SAMPLES,
        )
        for begin, stop in runs
    ]
