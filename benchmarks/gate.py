"""What gates let through, what they lose, and what models then write.

Prints a table with a line for each gate: the share of audible speech that it loses and the share
of time that it keeps, on speech from ../shared in noise of several kinds; the share that it keeps
of sounds without speech; the words that the models invent there; WER of the models behind it; and
seconds for an hour of sound. Silero and WebRTC's detector frame by frame are the peers.

    python -m benchmarks.gate                       # figures of the gates alone
    python -m benchmarks.gate --models demo whisper --gates none peak energy energy+voice
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.sound.ears import SHARED, DemoEar, Ear, Sound, WhisperEar, errors
from benchmarks.sound.sets import (
    RATE,
    WINDOW,
    Spoken,
    demo_windows,
    disturbed,
    silent_sounds,
    utterances,
    with_pauses,
)
from transform_handler.audio.gate import Region, joined_stretches, speech_regions
from transform_handler.audio.spectrum import HOP
from transform_handler.audio.voice import SileroCheck

Gate = Callable[[Sound], list[Region]]


def gates() -> dict[str, Gate]:
    check = SileroCheck()
    known: dict[str, Gate] = {
        "none": lambda samples: [(0, len(samples))],
        "peak": lambda samples: [(0, len(samples))] if np.abs(samples).max() > 1e-3 else [],
        "energy": speech_regions,
        "energy+voice": lambda samples: speech_regions(samples, voice=check),
        "silero .5": partial(silero, check, 0.5),
        "silero .2": partial(silero, check, 0.2),
    }
    try:
        import webrtcvad  # noqa: F401, PLC0415
    except ImportError:
        print("(webrtcvad is not installed; it is compared where webrtcvad-wheels is)")
        return known
    return known | {"webrtc 0": partial(webrtc, 0), "webrtc 3": partial(webrtc, 3)}


def silero(check: SileroCheck, threshold: float, samples: Sound) -> list[Region]:
    """Silero's network on each step, started afresh with the window."""
    network = check._network
    network.reset()
    steps = [
        network.process(memoryview(samples[start : start + 512].copy().data))
        for start in range(0, len(samples) - 511, 512)
    ]
    return joined_stretches(np.repeat(np.array(steps) > threshold, 512 // HOP), len(samples))


def webrtc(mode: int, samples: Sound) -> list[Region]:
    """WebRTC's detector on steps of 30 ms, spread over the frames that they cover."""
    import webrtcvad  # noqa: PLC0415

    detector = webrtcvad.Vad(mode)
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    found = [
        detector.is_speech(pcm[start : start + 480].tobytes(), RATE)
        for start in range(0, len(pcm) - 479, 480)
    ]
    at = np.minimum(np.arange(len(samples) // HOP) * HOP // 480, len(found) - 1)
    return joined_stretches(np.array(found, dtype=bool)[at], len(samples))


def windows(sound: Sound) -> list[Sound]:
    return [
        np.ascontiguousarray(sound[start : start + WINDOW])
        for start in range(0, len(sound), WINDOW)
    ]


def kept(gate: Gate, sound: Sound) -> float:
    inside = sum(end - start for part in windows(sound) for start, end in gate(part))
    return inside / len(sound)


def lost(gate: Gate, spoken: list[Spoken]) -> tuple[float, float]:
    """The share of audible speech outside the regions, and the share of time inside."""
    missed = audible = inside = total = 0
    for each in spoken:
        mask = np.zeros(len(each.sound), dtype=bool)
        for start, end in gate(each.sound):
            mask[start:end] = True
        frames = mask[: len(each.audible) * 320].reshape(-1, 320).mean(axis=1)
        missed += float((1 - frames)[each.audible].sum())
        audible += int(each.audible.sum())
        inside, total = inside + int(mask.sum()), total + len(mask)
    return missed / audible, inside / total


def text(ear: Ear, gate: Gate, sound: Sound) -> str:
    """What a model writes of what a gate lets through; each region by itself."""
    said = [ear.text(part[start:end]) for part in windows(sound) for start, end in gate(part)]
    return " ".join(said)


def print_gates(chosen: dict[str, Gate]) -> None:
    spoken = [*with_pauses(utterances("librispeech-50", every=3))]
    print("\nspeech lost / time kept, LibriSpeech and telephone, one utterance in 20 s")
    sets = disturbed(spoken) | {"telephone": [*with_pauses(utterances("telephone-8k", every=2))]}
    print_table(chosen, sets, lambda gate, each: "{:6.2%} /{:4.0%}".format(*lost(gate, each)))
    print("\ntime kept of sounds without speech")
    print_table(chosen, silent_sounds(), lambda gate, each: f"{kept(gate, each):6.1%}")
    print("\nseconds for an hour of sound (speech, then silence)")
    speech = [each.sound for each in spoken]
    print_table(
        chosen,
        {"speech": speech, "noise": [0.01 * windows(silent_sounds()["pink noise"])[0]]},
        cost,
    )


def cost(gate: Gate, sounds: list[Sound]) -> str:
    began = time.perf_counter()
    for sound in sounds:
        gate(sound)
    seconds = sum(map(len, sounds)) / RATE
    return f"{(time.perf_counter() - began) * 3600 / seconds:6.2f} s"


def print_table(chosen: dict[str, Gate], rows: dict, cell: Callable) -> None:
    print(f"{'':22}" + "".join(f"{name:>15}" for name in chosen))
    for name, row in rows.items():
        print(
            f"{name:22}" + "".join(f"{cell(gate, row):>15}" for gate in chosen.values()), flush=True
        )


def print_models(chosen: dict[str, Gate], names: list[str]) -> None:
    silent = silent_sounds(20)
    for name in names:
        ear: Ear = DemoEar() if name == "demo" else WhisperEar()
        if name == "demo":
            sets = {"demo/archive": [*demo_windows()][:4]}
        else:
            sets = {
                folder: [
                    (each.text, each.sound) for each in with_pauses(utterances(folder, every=every))
                ]
                for folder, every in (("librispeech-50", 5), ("telephone-8k", 5))
            }
        print(f"\n{ear.name}: WER behind each gate, and words invented where nobody speaks")
        print_table(chosen, sets, partial(word_errors, ear))
        print_table(chosen, silent, partial(invented, ear))


def word_errors(ear: Ear, gate: Gate, pairs: list[tuple[str, Sound]]) -> str:
    wrong, words = errors((reference, text(ear, gate, sound)) for reference, sound in pairs)
    return f"{wrong / words:6.1%}"


def invented(ear: Ear, gate: Gate, sound: Sound) -> str:
    return str(len(text(ear, gate, sound).split()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", choices=["demo", "whisper"], default=[])
    parser.add_argument("--gates", nargs="*")
    options = parser.parse_args()
    if not SHARED.exists():
        print("needs the labelled speech in ../shared, which is not part of the project")
        return
    known = gates()
    chosen = {name: known[name] for name in options.gates or known}
    if options.models:
        print_models(chosen, options.models)
    else:
        print_gates(chosen)


if __name__ == "__main__":
    main()
