"""What a gate hears: sound that moves as voices do, and sounds that do not."""

from functools import lru_cache

import numpy as np

RATE = 16_000
Spans = list[tuple[float, float]]


def babbled(spans: Spans, seconds: float, *, seed: int = 0) -> np.ndarray:
    """Syllables of a gliding voice with hisses between them, in ``spans`` of seconds only."""
    return _babbled(tuple(spans), seconds, seed).copy()


@lru_cache(maxsize=64)
def _babbled(spans: tuple[tuple[float, float], ...], seconds: float, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * RATE))
    for start, end in spans:
        place = round(start * RATE)
        while place < min(end, seconds) * RATE:
            syllable = _syllable(random)[: len(sound) - place]
            sound[place : place + len(syllable)] += syllable
            place += len(syllable)
        sound[round(end * RATE) :] = 0.0
    return sound.astype(np.float32)


def _syllable(random: np.random.Generator) -> np.ndarray:
    time = np.arange(round(random.uniform(0.12, 0.25) * RATE)) / RATE
    pitch = random.uniform(100, 220) * np.exp(random.uniform(-1.5, 1.5) * time)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formants = random.uniform((300, 900, 2200), (800, 2200, 3200))
    voice = np.zeros(len(time))
    for harmonic in range(1, 25):
        hertz = harmonic * pitch.mean()
        loud = np.exp(-(((hertz - formants) / 200) ** 2)) @ (1.0, 0.5, 0.25)
        voice += (loud + 0.01) * np.sin(harmonic * phase)
    voice *= np.sin(np.pi * time / time[-1])
    hiss = np.diff(random.standard_normal(round(random.uniform(0.04, 0.09) * RATE) + 1)) * 0.08
    return 0.2 * np.concatenate((voice, hiss))


def whispered(spans: Spans, seconds: float) -> np.ndarray:
    """The envelopes of the same syllables on noise."""
    voice = babbled(spans, seconds).astype(float)
    envelope = np.sqrt(np.convolve(voice**2, np.ones(480) / 480, mode="same"))
    return (envelope * noise(seconds, seed=1)).astype(np.float32)


@lru_cache(maxsize=64)
def noise(seconds: float, *, seed: int = 0, color: float = 0.0) -> np.ndarray:
    """Noise of unit variance; ``color`` 0 is white, 1 pink, 2 brown."""
    size = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(size))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (color / 2)
    sound = np.fft.irfft(spectrum, size)
    return (sound / sound.std()).astype(np.float32)


def tones(hertz: list[float], seconds: float) -> np.ndarray:
    """Sines of amplitude 0.1."""
    time = np.arange(round(seconds * RATE)) / RATE
    return sum(0.1 * np.sin(2 * np.pi * each * time) for each in hertz).astype(np.float32)


def cadenced(sound: np.ndarray, on: float, off: float) -> np.ndarray:
    """``sound`` for ``on`` seconds, then nothing for ``off``, over and over; with soft edges."""
    sounding = (np.arange(len(sound)) % round((on + off) * RATE)) < on * RATE
    return (sound * np.convolve(sounding, np.ones(80) / 80, mode="same")).astype(np.float32)


def played(seconds: float, *, beat: float = 0.5) -> np.ndarray:
    """A melody over chords, each note of harmonics that fade."""
    random = np.random.default_rng(3)
    sound = np.zeros(round(seconds * RATE))
    for number in range(int(seconds / beat)):
        place = round(number * beat * RATE)
        time = np.arange(min(round(2 * beat * RATE), len(sound) - place)) / RATE
        for step in (0, 4, 7, 12 + random.choice([0, 2, 4, 7])):
            hertz = 220 * 2 ** (step / 12)
            for harmonic in range(1, 7):
                note = np.sin(2 * np.pi * hertz * harmonic * time) * np.exp(-2 * time)
                sound[place : place + len(time)] += 0.03 / harmonic * note
    return sound.astype(np.float32)
