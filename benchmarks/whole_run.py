"""A whole ``nightscribe run`` over 200 files: its wall time against the model's own time.

Two hundred stretches of 1-35 s of the demo's archive, with a model of wav2vec2-base's size and
random weights. The handler says how long each invocation spent in the model; the model's own time
is the longest of the workers' sums. Printed: wall time, the model's time, their ratio, and what the
rest was. The run is that of a person: ``nightscribe run`` in a process of its own, everything from
the configuration to the report.

    whole_run.py [--files N] [--repeat N] [--precision exact|fast]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.speech import demo_speech, random_base_model  # noqa: E402
from transform_handler.audio.layout import SAMPLE_RATE  # noqa: E402
from transform_handler.stopwatch import TIMINGS_VARIABLE  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--precision", choices=("exact", "fast"), default="exact")
    parser.add_argument("--workers", type=int, default=None)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        seconds = write_archive(folder / "archive", asked.files)
        random_base_model(folder / "model")
        config = write_config(folder, asked.precision, asked.workers)
        ratios = [measure(folder, config, seconds, number) for number in range(asked.repeat)]
    print(f"wall / model's own time: median {statistics.median(ratios):.3f} of {asked.repeat}")


def write_archive(folder: Path, files: int) -> float:
    """Files of 1-35 s; returns the seconds of all."""
    folder.mkdir()
    speech = demo_speech()
    lengths = np.random.default_rng(7).uniform(1, 35, files)
    position = 0
    for number, seconds in enumerate(lengths):
        size = round(seconds * SAMPLE_RATE)
        samples = np.resize(np.roll(speech, -position), size)
        soundfile.write(folder / f"{number:03}.flac", samples, SAMPLE_RATE)
        position += size
    return float(lengths.sum())


def write_config(folder: Path, precision: str, workers: int | None) -> Path:
    config = folder / "nightscribe.toml"
    chosen = f"[transform]\nworkers = {workers}\n" if workers else ""
    config.write_text(
        f'[archive]\nuri = "archive"\n[model]\nuri = "model"\nprecision = "{precision}"\n'
        f"{'accept = true' if precision == 'fast' else ''}\n{chosen}"
        '[output]\nuri = "out"\n'
    )
    return config


def measure(folder: Path, config: Path, seconds: float, number: int) -> float:
    """One run; prints its parts and returns wall time over the model's own."""
    timings = folder / f"timings-{number}.jsonl"
    command = [Path(sys.executable).with_name("nightscribe"), "run", config]
    out = f"output.uri='{folder / f'out-{number}'}'"
    started = time.perf_counter()
    subprocess.run(
        [*command, "--set", out, "--json"],
        check=True,
        capture_output=True,
        env={**os.environ, TIMINGS_VARIABLE: str(timings)},
    )
    wall = time.perf_counter() - started
    stages: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for line in map(json.loads, timings.read_text("utf-8").splitlines()):
        for name in ("model", "sound", "words", "total"):
            stages[line["process"]][name] += line.get(name, 0.0)
    busiest = max(stages.values(), key=lambda one: one["model"])
    print(
        f"{seconds:.0f} s of sound in {wall:.1f} s ({seconds / wall:.1f}x real time), "
        f"{len(stages)} workers; the busiest: model {busiest['model']:.1f} s, "
        f"waiting for sound {busiest['sound']:.1f} s, words {busiest['words']:.1f} s; "
        f"outside invocations {wall - busiest['total']:.1f} s",
        flush=True,
    )
    return wall / busiest["model"]


if __name__ == "__main__":
    main()
