"""Cost of each change to training sound: seconds of audio a second, one thread.

A change that half of the utterances get costs half as much; the last column says how many such
seconds a training at 100 audio-seconds a second would lose out of a hundred at a share of 0.1.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np

from training.augment import Augmentation
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.reading import read_audio

SOUND = Path(__file__).parents[1] / "demo/finetune/sound"
CHANGES = ("speed", "reverb", "babble", "noise", "clipping", "telephone", "codec")
REPEATS = 5


def main() -> None:
    sounds = [read_audio(path) for path in sorted(SOUND.glob("*"))[:40]]
    seconds = sum(map(len, sounds)) / SAMPLE_RATE

    def voices(n: int, rng: np.random.Generator) -> list[np.ndarray]:
        return [sounds[int(rng.integers(len(sounds)))] for _ in range(n)]

    nothing = {**dict.fromkeys(CHANGES, 0.0), "gain_db": 0.0}
    print(f"{seconds:.0f} s of speech in {len(sounds)} utterances, medians of {REPEATS}")
    print(f"{'change':10} {'RTFx':>7} {'% at 0.1':>9}")
    for change in CHANGES:
        augment = Augmentation(**{**nothing, "seed": 7, "voices": voices, change: 1.0})
        speed = seconds / statistics.median(timed(augment, sounds, n) for n in range(REPEATS))
        print(f"{change:10} {speed:7.0f} {100 * 100 * 0.1 / speed:9.2f}", flush=True)


def timed(augment: Augmentation, sounds: list[np.ndarray], epoch: int) -> float:
    begin = time.perf_counter()
    for key, sound in enumerate(sounds):
        augment(sound, epoch, str(key))
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
