"""Recordings to measure gates with: speech whose text is known, and sounds without any."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.sound.ears import ROOT, SHARED, Sound
from transform_handler.audio.reading import read_audio

RATE = 16_000
WINDOW = 20 * RATE


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A sound of 20 s or less, what is said in it, and which of its 20 ms frames are audible."""

    sound: Sound
    text: str
    audible: np.ndarray


def demo_windows(folder: Path = ROOT / "demo") -> Iterator[tuple[str, Sound]]:
    """The demo's recordings whose text is known: that text, and the whole sound."""
    with (folder / "references.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            # The held-out voice is not understood anyway.
            if row["text"] and "andrew" not in row["recording"]:
                yield row["text"], read_audio(folder / "archive" / row["recording"])


def utterances(folder: str, *, every: int) -> list[tuple[Sound, str]]:
    """Every so-manieth labelled utterance of a folder of ../shared/data."""
    path = SHARED / "data" / folder
    with (path / "transcripts.tsv").open(encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t")[:2] for line in lines]
    known = [(name, text) for name, text in rows if (path / name).exists()]
    return [(read_audio(path / name), text) for name, text in known[::every]]


def with_pauses(pieces: list[tuple[Sound, str]], *, seed: int = 0) -> Iterator[Spoken]:
    """Windows of one utterance each, between pauses; 20 s, or longer where the utterance is."""
    random = np.random.default_rng(seed)
    for sound, text in pieces:
        whole = sound[: len(sound) // 320 * 320]
        size = max(WINDOW, len(whole) + RATE)
        start = int(random.uniform(0, (size - len(whole)) / 320)) * 320
        window = np.zeros(size, dtype=np.float32)
        window[start : start + len(whole)] = whole
        yield Spoken(sound=window, text=text, audible=_audible(window))


def _audible(sound: Sound) -> np.ndarray:
    frames = sound[: len(sound) // 320 * 320].reshape(-1, 320).astype(float)
    level = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    heard: np.ndarray = level > max(np.percentile(level[level > -70], 95) - 30, -70)
    return heard


def disturbed(spoken: list[Spoken], *, seed: int = 1) -> dict[str, list[Spoken]]:
    """The same speech as rooms and lines have it."""
    random = np.random.default_rng(seed)
    kinds = {
        "as it is": (0.0, None, 0.0),
        "30 dB quieter": (-30.0, None, 0.0),
        "white noise, 10 dB": (0.0, 10.0, 0.0),
        "white noise, 5 dB": (0.0, 5.0, 0.0),
        "white noise, 0 dB": (0.0, 0.0, 0.0),
        "pink noise, 5 dB": (0.0, 5.0, 1.0),
    }
    return {
        name: [
            Spoken(
                sound=_noisy(each, gain, ratio, colour, random),
                text=each.text,
                audible=each.audible,
            )
            for each in spoken
        ]
        for name, (gain, ratio, colour) in kinds.items()
    }


def _noisy(
    each: Spoken, gain: float, ratio: float | None, colour: float, random: np.random.Generator
) -> Sound:
    sound = each.sound * 10 ** (gain / 20)
    speech = sound[: len(each.audible) * 320].reshape(-1, 320)[each.audible]
    below = 10 ** (-(60.0 if ratio is None else ratio) / 20)
    level = float(np.sqrt((speech.astype(float) ** 2).mean())) * below
    return (sound + level * noise(len(sound), random, colour)).astype(np.float32)


def noise(size: int, random: np.random.Generator, colour: float) -> Sound:
    """Unit variance from 40 Hz up; colour 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(random.standard_normal(size))
    spectrum[: 40 * size // RATE] = 0
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (colour / 2)
    sound = np.fft.irfft(spectrum, size)
    return (sound / sound.std()).astype(np.float32)


def tones(size: int, *hertz: float) -> Sound:
    time = np.arange(size) / RATE
    return sum(0.1 * np.sin(2 * np.pi * each * time) for each in hertz).astype(np.float32)


def cadenced(sound: Sound, on: float, off: float) -> Sound:
    sounding = (np.arange(len(sound)) % round((on + off) * RATE)) < on * RATE
    return (sound * np.convolve(sounding, np.ones(80) / 80, mode="same")).astype(np.float32)


def silent_sounds(seconds: int = 40, *, seed: int = 1) -> dict[str, Sound]:
    """Sounds in which nobody speaks."""
    random, size = np.random.default_rng(seed), seconds * RATE
    hiss = 3e-4 * noise(size, random, 0)
    hum = sum(tones(size, 50 * k) / k for k in range(1, 9))
    swell = np.interp(np.arange(size), np.arange(0, size + RATE, RATE), _swell(seconds, random))
    return {
        "silence": np.zeros(size, np.float32),
        "white noise, quiet": 1e-3 * noise(size, random, 0),
        "white noise, loud": 0.1 * noise(size, random, 0),
        "pink noise": 0.03 * noise(size, random, 1),
        "brown noise": 0.03 * noise(size, random, 2),
        "hum": (hum + hiss).astype(np.float32),
        "dial tone": tones(size, 350, 440) + hiss,
        "ringback 2 s of 6": cadenced(tones(size, 440, 480), 2, 4) + hiss,
        "engaged tone": cadenced(tones(size, 425), 0.5, 0.5) + hiss,
        "beeps": cadenced(tones(size, 1400), 0.4, 5.0) + hiss,
        "square beeps": cadenced(np.sign(tones(size, 1000)) * np.float32(0.1), 0.2, 0.8) + hiss,
        "bell of two pitches": _bell(size) + hiss,
        "DTMF": _keys(size, random) + hiss,
        "music": music(size, random, drums=False) + hiss,
        "music with drums": music(size, random, drums=True) + hiss,
        "music with vibrato": music(size, random, drums=True, vibrato=0.5) + hiss,
        "typing": _clicks(size, random, 5 * seconds) + 2e-3 * noise(size, random, 1),
        "wind": (0.01 * noise(size, random, 2) * 10 ** (swell / 20)).astype(np.float32),
        "empty room": read_audio(ROOT / "demo/archive/2026-11-19/empty room.flac"),
    }


def _swell(seconds: int, random: np.random.Generator) -> np.ndarray:
    return random.uniform(-12, 12, seconds + 1)


def _bell(size: int) -> Sound:
    second = (np.arange(size) // (RATE // 20)) % 2 == 1
    return cadenced(np.where(second, tones(size, 500), tones(size, 620)), 1.5, 3)


def _keys(size: int, random: np.random.Generator) -> Sound:
    sound, length = np.zeros(size, np.float32), round(0.15 * RATE)
    for start in range(0, size - length, 2 * length):
        low, high = random.choice([697, 770, 852, 941]), random.choice([1209, 1336, 1477])
        sound[start : start + length] = tones(length, low, high)
    return sound


def _clicks(size: int, random: np.random.Generator, count: int) -> Sound:
    sound, shape = np.zeros(size), np.exp(-np.arange(400) / 60)
    for start in random.integers(0, size - 400, count):
        sound[start : start + 400] += 0.1 * random.standard_normal(400) * shape
    return sound.astype(np.float32)


def music(size: int, random: np.random.Generator, *, drums: bool, vibrato: float = 0.0) -> Sound:
    """Four chords, a melody of eight harmonics, and drums: 110 beats a minute."""
    sound, beat = np.zeros(size), round(RATE * 60 / 110)
    chords = [(0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14)]
    for number, start in enumerate(range(0, size, beat)):
        chord = chords[number // 4 % 4] if number % 2 == 0 else ()
        notes = [(220 * 2 ** (step / 12), 2 * beat, 0.03, 0.0) for step in chord]
        notes.append((440 * 2 ** (random.choice([0, 2, 4, 7, 9, 12]) / 12), beat, 0.06, vibrato))
        for hertz, length, loudness, depth in notes:
            note = loudness * _note(hertz, min(length, size - start), depth)
            sound[start : start + len(note)] += note
        if drums:
            time = np.arange(min(beat, size - start)) / RATE
            hit = 0.1 * random.standard_normal(len(time)) * np.exp(-40 * time)
            sound[start : start + len(time)] += hit + 0.2 * np.sin(2 * np.pi * 60 * time) * np.exp(
                -20 * time
            )
    return sound.astype(np.float32)


def _note(hertz: float, size: int, vibrato: float) -> np.ndarray:
    time = np.arange(size) / RATE
    # Half a semitone at most up and down, five times a second.
    phase = 2 * np.pi * hertz * time + vibrato * 0.03 * hertz / 5 * np.sin(2 * np.pi * 5 * time)
    waves = sum(np.sin(harmonic * phase) / harmonic**1.2 for harmonic in range(1, 9))
    fade: np.ndarray = waves * np.minimum(1, 30 * time) * np.exp(-1.5 * time)
    return fade
