"""A GPU's seconds of sound a second, against transformers' pipeline on the same work.

Random weights of wav2vec2's base and large architectures, noise in memory. Both sides get the same
windows, weights and precision, in turns; the pipeline at its best batch size. Then: where the time
goes, what the choices of the forward pass cost or save, and how many frames and words of
models/demo change with the precision and with the company in a batch.

    python3 benchmarks/gpu_speed.py                        everything, within four minutes
    python3 benchmarks/gpu_speed.py --only texts,stages    some of it
    python3 benchmarks/gpu_speed.py --prepare              decode the demo's sound for a machine
                                                           that has no library to do so
    python3 benchmarks/gpu_speed.py --device cpu --tiny    whether it runs at all

Without a CUDA device it says so and ends well.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
import transformers  # noqa: E402

from benchmarks.gpu import stages, texts  # noqa: E402
from benchmarks.gpu.work import (  # noqa: E402
    Machine,
    Ours,
    Pipeline,
    Subject,
    seconds_of,
    subject,
    windows_of_noise,
)
from transform_handler.engine.frames import Samples  # noqa: E402
from transform_handler.engine.torch_network import Options  # noqa: E402

BATCHES = (1, 8, 16, 32, 64, 128)
REPEATS = 5
HALF = torch.float16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="small models and little sound")
    parser.add_argument("--seconds", type=float, default=240.0, help="no part begins after this")
    parser.add_argument("--only", help="parts by name, with commas between them")
    parser.add_argument("--prepare", action="store_true")
    given = parser.parse_args()
    if given.prepare:
        texts.prepare()
        return
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        print("no CUDA device: skipped")
        return
    machine = Machine(device=given.device, tiny=given.tiny)
    transformers.utils.logging.set_verbosity_error()
    name = torch.cuda.get_device_name() if machine.cuda else "CPU"
    print(f"{name}, torch {torch.__version__}, transformers {transformers.__version__}")
    run(machine, given.only.split(",") if given.only else list(PARTS), end=given.seconds)


def run(machine: Machine, chosen: Sequence[str], *, end: float) -> None:
    start = time.perf_counter()
    for name in chosen:
        spent = time.perf_counter() - start
        if spent > end:
            print(f"\n{name}: left out, {spent:.0f} s are spent")
            continue
        print(f"\n== {name} (after {spent:.0f} s)", flush=True)
        try:
            PARTS[name](machine)
        except Exception as error:  # noqa: BLE001 - the other parts are worth having
            print(f"  failed: {type(error).__name__}: {error}", flush=True)
        if machine.cuda:
            torch.cuda.empty_cache()


def speed(machine: Machine, name: str) -> None:
    """Ours and the pipeline in half precision, in turns, and ours in float32."""
    work = made(machine, name)
    windows = sound(machine, minutes=37 if name == "large" else 60)
    pipeline = Pipeline(work, machine, HALF)
    few = windows[:128]
    pipeline(few[:2], batch=1)
    best, took = 1, float("inf")
    for batch in (1, 2) if machine.tiny else BATCHES:
        try:
            found = machine.timed(lambda batch=batch: pipeline(few, batch=batch))
        except torch.OutOfMemoryError:
            print(f"  pipeline, batch {batch:3}: out of memory", flush=True)
            continue
        print(f"  pipeline, batch {batch:3}: RTFx {seconds_of(few) / found:9,.0f}", flush=True)
        best, took = (batch, found) if found < took else (best, took)
    ours, exact = Ours(work, machine, HALF), Ours(work, machine, torch.float32)
    sides: dict[str, Callable[[], object]] = {
        f"pipeline, fp16, batch {best}": lambda: pipeline(windows, batch=best),
        "ours, fp16": lambda: ours(windows),
        "ours, float32 exact": lambda: exact(few),
    }
    lengths = {label: seconds_of(windows) for label in sides}
    lengths["ours, float32 exact"] = seconds_of(few)
    rates = in_turns(machine, sides, lengths)
    ratio = rates["ours, fp16"] / rates[f"pipeline, fp16, batch {best}"]
    print(f"  ours to the pipeline at its best: {ratio:.2f}", flush=True)


def in_turns(
    machine: Machine, sides: dict[str, Callable[[], object]], lengths: dict[str, float]
) -> dict[str, float]:
    """Median RTFx of five rounds, in each of which every side works once."""
    times: dict[str, list[float]] = {label: [] for label in sides}
    for work in sides.values():
        work()
    for _ in range(1 if machine.tiny else REPEATS):
        for label, work in sides.items():
            times[label].append(machine.timed(work))
    rates = {label: lengths[label] / statistics.median(took) for label, took in times.items()}
    for label, took in times.items():
        low, high = lengths[label] / max(took), lengths[label] / min(took)
        print(f"  {label:28} RTFx {rates[label]:9,.0f}  ({low:,.0f} to {high:,.0f})", flush=True)
    return rates


def stages_of_base(machine: Machine) -> None:
    """One large batch: stages by marks in the stream, kernels by the profiler."""
    windows = sound(machine, minutes=10)
    for name in ("base", "large"):
        ours = Ours(made(machine, name), machine, HALF)
        print(f"  {name}, fp16, {ours.network.limits}")
        stages.by_stage(ours, machine, windows)
        stages.by_kernel(ours, machine, windows)
    exact = Ours(made(machine, "base"), machine, torch.float32)
    print("  base, float32 exact")
    stages.by_stage(exact, machine, windows)


def choices(machine: Machine) -> None:
    """What each choice of the forward pass is worth, in base."""
    work = made(machine, "base")
    windows = sound(machine, minutes=30)
    kinds: dict[str, Ours] = {}
    for label, dtype, options, seconds in (
        ("as shipped", HALF, None, None),
        ("bfloat16", torch.bfloat16, None, None),
        ("positions by cuDNN", HALF, Options(positions_as_products=False), None),
        ("layers compiled", HALF, Options(compiled=True), None),
        ("passes of 80 s", HALF, None, 80.0),
        ("passes of 160 s", HALF, None, 160.0),
        ("passes of 640 s", HALF, None, 640.0),
        ("with the distribution", HALF, Options(distribution=True), None),
    ):
        if machine.tiny and options and options.compiled:
            continue
        kinds[label] = Ours(work, machine, dtype, options=options)
        if seconds is not None:
            kinds[label].network._pass_seconds = seconds
    sides = {}
    for label, ours in kinds.items():
        try:
            took = machine.timed(lambda ours=ours: ours(windows[:8]))
            print(f"  {label:28} first call {took:6.2f} s", flush=True)
        except Exception as error:  # noqa: BLE001 - no compiler, say
            print(f"  {label:28} failed: {type(error).__name__}: {str(error)[:200]}", flush=True)
        else:
            sides[label] = lambda ours=ours: ours(windows)
    in_turns(machine, sides, dict.fromkeys(sides, seconds_of(windows)))


def front_ends(machine: Machine) -> None:
    """The convolutions alone: the library's layers against products, same batch."""
    for name in ("base", "large"):
        work = made(machine, name)
        ours = Ours(work, machine, HALF)
        windows = sound(machine, minutes=5)[:16]
        with torch.inference_mode():
            values = ours.network._inputs(windows).arguments["input_values"]
            theirs = work.model.wav2vec2.feature_extractor.to(machine.device, HALF)
            front = ours.network._model.wav2vec2.feature_extractor
            half = values.to(HALF)
            sides = {
                f"{name}: the library's layers": partial(theirs, half),
                f"{name}: products": partial(front, values),
            }
            in_turns(machine, sides, dict.fromkeys(sides, values.numel() / 16_000))


def texts_of_demo(machine: Machine) -> None:
    texts.compare(machine, half=(torch.float16, torch.bfloat16))


def made(machine: Machine, name: str) -> Subject:
    tokenizer = transformers.Wav2Vec2CTCTokenizer.from_pretrained(ROOT / "models/demo")
    return subject(name, tiny=machine.tiny, tokenizer=tokenizer)


def sound(machine: Machine, *, minutes: float) -> list[Samples]:
    if machine.tiny:
        return windows_of_noise(6, shortest=0.5, longest=1.5)
    return windows_of_noise(round(minutes * 60 / 17), shortest=14.0, longest=20.0)


PARTS: dict[str, Callable[[Machine], None]] = {
    "base": lambda machine: speed(machine, "base"),
    "stages": stages_of_base,
    "choices": choices,
    "texts": texts_of_demo,
    "front": front_ends,
    "large": lambda machine: speed(machine, "large"),
}

if __name__ == "__main__":
    main()
