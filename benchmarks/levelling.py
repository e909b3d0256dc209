"""WER of windows in which every second speaker is quieter, as recorded and levelled.

The windows are cut from demo/archive between words; each second speaker's turns are attenuated.
With `--model whisper`, pairs of utterances of ../shared, the second one attenuated.

    python -m benchmarks.levelling --below 0 20 26
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.sound.ears import ROOT, SHARED, DemoEar, Ear, Sound, WhisperEar, errors
from benchmarks.sound.sets import RATE, utterances
from transform_handler.audio.gate import speech_regions
from transform_handler.audio.levelling import levelled
from transform_handler.audio.reading import read_audio

Word = dict[str, Any]
# A room that is there, far below both speakers.
ROOM = 10 ** (-65 / 20)


def demo_windows(below: float) -> Iterator[tuple[str, Sound]]:
    """Text and sound of windows of about 18 s, with the second, fourth… speaker ``below`` dB."""
    random = np.random.default_rng(0)
    for line in (ROOT / "demo/words.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        words = entry["words"]
        if not words or any(part in entry["recording"] for part in ("andrew", "damaged")):
            continue
        sound = read_audio(ROOT / "demo/archive" / entry["recording"])
        quieter = sound * 10 ** (attenuation(words, len(sound), below) / 20)
        room = ROOM * random.standard_normal(len(sound))
        yield from cut((quieter + room).astype(np.float32), words)


def attenuation(words: list[Word], size: int, below: float) -> np.ndarray:
    """dB for each sample: constant within a word, changing between words of two speakers."""
    quiet = sorted({word["speaker"] for word in words})[1::2]
    places = [word[edge] for word in words for edge in ("start", "end")]
    values = [-below if word["speaker"] in quiet else 0.0 for word in words for _ in range(2)]
    return np.interp(np.arange(size) / RATE, places, values)


def cut(sound: Sound, words: list[Word]) -> Iterator[tuple[str, Sound]]:
    """Windows that end in a pause after 15 s, or between two words after 19."""
    borders = [0.0]
    for before, after in pairwise(words):
        middle = (before["end"] + after["start"]) / 2
        room = 15 if after["start"] - before["end"] > 0.1 else 19
        if middle - borders[-1] > room:
            borders.append(middle)
    borders.append(len(sound) / RATE)
    for start, end in pairwise(borders):
        inside = [w["text"] for w in words if start <= (w["start"] + w["end"]) / 2 < end]
        if inside:
            yield " ".join(inside), sound[round(start * RATE) : round(end * RATE)]


def read_pairs(below: float) -> Iterator[tuple[str, Sound]]:
    """Two utterances of different readers in one window, the second ``below`` dB."""
    random = np.random.default_rng(0)
    pieces = [each for each in utterances("librispeech-50", every=1) if len(each[0]) < 12 * RATE]
    half = len(pieces) // 2
    for (first, said), (second, answered) in zip(pieces[:half:2], pieces[half::2], strict=False):
        pause = np.zeros(RATE // 2, np.float32)
        sound = np.concatenate((first, pause, second * np.float32(10 ** (-below / 20)), pause))
        room = ROOM * 0.1 * random.standard_normal(len(sound))
        yield f"{said} {answered}", (sound + room).astype(np.float32)


def word_error_rate(
    ear: Ear, windows: list[tuple[str, Sound]], change: Callable[[Sound], Sound]
) -> str:
    wrong, words = errors((text, ear.text(change(sound))) for text, sound in windows)
    return f"{wrong / words:6.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=["demo", "whisper"], default="demo")
    parser.add_argument("--below", nargs="+", type=float, default=[0.0, 20.0, 26.0])
    options = parser.parse_args()
    if options.model == "whisper" and not SHARED.exists():
        print("needs the labelled speech in ../shared, which is not part of the project")
        return
    ear: Ear = DemoEar() if options.model == "demo" else WhisperEar()
    print(f"{ear.name}: WER  every second speaker   as recorded   levelled   windows changed")
    for below in options.below:
        windows = list((demo_windows if options.model == "demo" else read_pairs)(below))
        raised = [levelled(sound, speech_regions(sound)) for _, sound in windows]
        changed = sum(a is not b for a, (_, b) in zip(raised, windows, strict=True))
        after = [(text, sound) for (text, _), sound in zip(windows, raised, strict=True)]
        cells = [word_error_rate(ear, each, lambda sound: sound) for each in (windows, after)]
        print(
            f"{below:30.0f} dB {cells[0]:>13} {cells[1]:>10} {changed:>9} of {len(windows)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
