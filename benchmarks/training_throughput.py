"""Fine-tuning here against fine-tuning as notebooks do it: audio-seconds trained on a second.

Both train the same model, with its convolutions frozen, for the same epochs on the same utterances
and on all cores; ours without augmentation, which the other has none of, and with about as many
steps. They take turns. Two ratios are printed: of the steps alone, and of the whole process, from
its start to its end. A third way, theirs with our batches, shows which part is the padding's.

Lengths are spread evenly on a logarithmic scale from 1 to 20 s, which is nearer to the turns of a
meeting than evenly on a linear one; `--lengths linear` is the other, where there is less to gain.
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
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import soundfile

from manifests.labels import read_labels
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.reading import read_audio

ROOT = Path(__file__).parents[1]
PEER = Path(__file__).parent / "peers/seed_style_training.py"
DEMO = ROOT / "demo/finetune/train.jsonl"
SHORTEST, LONGEST = 1.0, 20.0
BATCH_SIZE = 8
WAYS = ("theirs", "their lists, our batches", "ours")


def main() -> None:
    given = arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        seconds = write_data(folder / "train", given.minutes * 60, given.lengths)
        batch_seconds = BATCH_SIZE * statistics.mean(seconds)
        print(
            f"{len(seconds)} utterances, {sum(seconds) / 60:.1f} min, {min(seconds):.1f}–"
            f"{max(seconds):.1f} s; {given.epochs} epochs of {given.base.name}, {os.cpu_count()} "
            f"cores, medians of {given.repeats}",
            flush=True,
        )
        runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for repeat in range(given.repeats):
            for way in WAYS:
                result = run(way, folder, given, batch_seconds, repeat)
                runs[way].append(result)
                print(f"  {way}: {line(result)}", flush=True)
    report(runs)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, default=ROOT / "models/demo")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--lengths", choices=("log", "linear"), default="log")
    return parser.parse_args()


def write_data(folder: Path, total: float, lengths: str) -> list[float]:
    """Utterances cut from the demo's speech end to end, with their share of its words."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    speech, words = demo_speech()
    seconds: list[float] = []
    rows = []
    while sum(seconds) < total:
        share = rng.random()
        length = SHORTEST + (LONGEST - SHORTEST) * share
        if lengths == "log":
            length = SHORTEST * (LONGEST / SHORTEST) ** share
        samples = round(length * SAMPLE_RATE)
        start = int(rng.integers(len(speech) - samples))
        name = f"{len(rows)}.flac"
        soundfile.write(folder / name, speech[start : start + samples], SAMPLE_RATE)
        first, last = (len(words) * at // len(speech) for at in (start, start + samples))
        duration, text = samples / SAMPLE_RATE, " ".join(words[first:last])
        rows.append({"audio_filepath": name, "duration": duration, "text": text})
        seconds.append(duration)
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return seconds


def demo_speech() -> tuple[np.ndarray, list[str]]:
    sounds, words = [], []
    for utterance in read_labels(DEMO):
        with utterance.open() as file:
            sounds.append(read_audio(file))
        words += utterance.text.split()
    return np.concatenate(sounds), words


def run(
    way: str, folder: Path, given: argparse.Namespace, batch_seconds: float, repeat: int
) -> dict[str, float]:
    """One training in a process of its own."""
    begin = time.perf_counter()
    if way == "ours":
        result = ours(folder, given, batch_seconds, repeat)
    else:
        batches = "random" if way == "theirs" else "length"
        result = theirs(folder, given, batch_seconds, repeat, batches)
    return {**result, "process": time.perf_counter() - begin}


def theirs(
    folder: Path, given: argparse.Namespace, batch_seconds: float, repeat: int, batches: str
) -> dict[str, float]:
    options = {
        "--base": given.base,
        "--train": folder / "train",
        "--epochs": given.epochs,
        "--batch-size": BATCH_SIZE,
        "--batches": batches,
        "--batch-seconds": batch_seconds,
        "--seed": repeat,
    }
    said, memory = output_of([sys.executable, PEER, *flags(options)])
    return {**json.loads(said.strip().splitlines()[-1]), "memory": memory}


def ours(
    folder: Path, given: argparse.Namespace, batch_seconds: float, repeat: int
) -> dict[str, float]:
    settings: dict[str, Any] = {
        "epochs": given.epochs,
        "batch_seconds": batch_seconds,
        "learning_rate": 1e-4,
        "warmup_steps": 1,
        "evaluation_steps": 100_000,
        "base_share": 0.0,
        "mask_time_prob": 0.0,
        **dict.fromkeys(("noise_share", "telephone_share", "gain_db"), 0.0),
        "seed": repeat,
    }
    with tempfile.TemporaryDirectory(dir=folder) as place:
        output = Path(place) / "model"
        options = {
            "--hyperparameters": json.dumps(settings),
            "--train": folder / "train",
            "--base": given.base,
            "--output": output,
            "--checkpoints": Path(place) / "checkpoints",
        }
        _, memory = output_of([sys.executable, "-m", "training.train", *flags(options)])
        last = pq.read_table(output / "training_curves.parquet").to_pylist()[-1]
    return {
        "training": last["seconds"],
        "steps": last["step"],
        "audio": last["audio_seconds"],
        "memory": memory,
    }


def flags(options: dict[str, Any]) -> list[str]:
    return [str(part) for pair in options.items() for part in pair]


def output_of(command: list[Any]) -> tuple[str, float]:
    """What a command prints, and the most memory that it had at a time, in megabytes."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:3]} failed with {process.returncode}")
    return said, usage.ru_maxrss / 1024


def line(result: dict[str, float]) -> str:
    speed, whole = (result["audio"] / result[name] for name in ("training", "process"))
    padding = f", padded {result['padded'] / result['audio']:.2f}×" if "padded" in result else ""
    return (
        f"{result['steps']:.0f} steps, {speed:.1f} audio-s/s, process {whole:.1f}, "
        f"{result['memory']:.0f} MB{padding}"
    )


def report(runs: dict[str, list[dict[str, float]]]) -> None:
    for name in ("training", "process"):
        speeds = {
            way: statistics.median(r["audio"] / r[name] for r in results)
            for way, results in runs.items()
        }
        shown = ", ".join(f"{way} {speed:.1f}" for way, speed in speeds.items())
        ratio = speeds["ours"] / speeds["theirs"]
        batches = speeds[WAYS[1]] / speeds["theirs"]
        print(
            f"{'steps alone' if name == 'training' else 'whole process'}: {shown} audio-s/s; "
            f"ratio {ratio:.2f}, of which {batches:.2f} by the batches"
        )


if __name__ == "__main__":
    main()
