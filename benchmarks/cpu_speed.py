"""A CPU's seconds of sound a second, exact and fast, against transformers' pipeline.

wav2vec2-base's architecture with random weights, the demo's speech. Our side is a bundle as the
handler runs it, from FLAC files to records: decoding, gate, windows, model, words. The peer gets
the same sound decoded, in memory. Each side is a process of its own that stays loaded; they work
in turns, one at a time, on as many threads as each other.

    python benchmarks/cpu_speed.py                                      the whole table; hours
    python benchmarks/cpu_speed.py --only long --without-fast
    python benchmarks/cpu_speed.py --minutes 3 --utterances 20 --repeats 1

Ratios are those of medians; the range is that of the ratios of single rounds. The batch size with
which the pipeline is much slower works in the first round only. "read" and "gate" are seconds on
one thread that runs beside the model; each stage is timed once more alone, after the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.cpu.side import Side  # noqa: E402
from benchmarks.cpu.work import (  # noqa: E402
    LONG,
    UTTERANCES,
    make_models,
    seconds_of,
    write_sound,
)

ROWS = {
    LONG: "one recording of {minutes:.0f} min",
    UTTERANCES: "{count} utterances of 1-35 s",
}
BATCHES = (1, 8)
OURS = ("exact", "fast")
MUCH_SLOWER = 1.25
REST_SECONDS = 0.5

Times = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--utterances", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", choices=tuple(ROWS))
    parser.add_argument("--without-fast", action="store_true", help="exact and the pipeline only")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sound = write_sound(folder / "sound", minutes=asked.minutes, utterances=asked.utterances)
        models = make_models(folder, OURS[:1] if asked.without_fast else OURS)
        print(f"{asked.threads} threads, {asked.repeats} rounds\n", flush=True)
        for part in [asked.only] if asked.only else ROWS:
            measure(part, sound[part], models, asked)


def measure(part: str, files: list[Path], models: Mapping[str, Path], asked: Any) -> None:
    """One row of the table: rounds in which every side works once, then what each side took."""
    seconds = seconds_of(files)
    name = ROWS[part].format(minutes=seconds / 60, count=len(files))
    print(f"== {name}, {seconds:.0f} s of sound", flush=True)
    with contextlib.ExitStack() as stack:
        sides = [
            stack.enter_context(Side(label, spec, threads=asked.threads))
            for label, spec in specs(part, files, models).items()
        ]
        times = rounds(sides, asked.repeats)
        tell_speeds(times, seconds)
        for side in sides:
            print(f"  {side.label:18} peak {side.peak() / 1e9:5.2f} GB")
        for side in sides:
            if side.label in OURS:
                tell_stages(side.label, side.stages(), seconds)
    print(flush=True)


def specs(part: str, files: list[Path], models: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    paths = list(map(str, files))
    pipelines = {
        f"pipeline, batch {batch}": {
            "kind": "peer",
            "model": str(models["model"]),
            "files": paths,
            "batch": batch,
            "windows": part == LONG,
        }
        for batch in BATCHES
    }
    ours = {
        name: {"kind": "ours", "model": str(models[name]), "files": paths}
        for name in OURS
        if name in models
    }
    return pipelines | ours


def rounds(sides: list[Side], repeats: int) -> Times:
    """Seconds of each side in each round that it worked in."""
    times: Times = {side.label: [] for side in sides}
    for number in range(repeats):
        for side in sides:
            if number and side.label in out_of_the_race(times):
                continue
            time.sleep(REST_SECONDS)
            times[side.label].append(side.work())
        took = ", ".join(
            f"{label} {one[number]:.1f} s" for label, one in times.items() if one[number:]
        )
        print(f"  round {number + 1}: {took}", flush=True)
    return times


def out_of_the_race(times: Times) -> list[str]:
    """Batch sizes that cannot be the pipeline's better one."""
    first = {label: took[0] for label, took in times.items() if label.startswith("pipeline")}
    return [label for label, took in first.items() if took > MUCH_SLOWER * min(first.values())]


def tell_speeds(times: Times, seconds: float) -> None:
    pipelines = [label for label in times if label.startswith("pipeline")]
    better = min(pipelines, key=lambda label: statistics.median(times[label]))
    for label, took in times.items():
        rate = seconds / statistics.median(took)
        spread = f"{seconds / max(took):.1f} to {seconds / min(took):.1f}"
        print(f"  {label:18} {rate:6.1f}x real time ({spread}), {against(times, label, better)}")


def against(times: Times, label: str, better: str) -> str:
    """How many times as quick as the pipeline at its better batch size."""
    if label == better:
        return "the peer"
    ratio = statistics.median(times[better]) / statistics.median(times[label])
    # A side that stopped after the first round is compared with that round's peer.
    each = [peer / own for peer, own in zip(times[better], times[label], strict=False)]
    return f"{ratio:.2f} of {better} ({min(each):.2f} to {max(each):.2f}, {len(each)} rounds)"


def tell_stages(label: str, stages: dict[str, float], seconds: float) -> None:
    heard = stages.pop("heard")
    whole = sum(stages.values())
    shares = ", ".join(f"{name} {spent / whole:.1%}" for name, spent in stages.items())
    print(
        f"  {label:18} {shares} of {whole:.1f} s; "
        f"the model hears {heard / seconds:.0%} of the sound",
        flush=True,
    )


if __name__ == "__main__":
    main()
