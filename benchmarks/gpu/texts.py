"""How many frames and words change with the precision, and with the company in a batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.gpu.work import Machine, Ours, Subject
from transform_handler.decoding.greedy import Alphabet, decode_text
from transform_handler.engine.frames import BatchLimits, FrameScores, Samples
from transform_handler.engine.loading import load_network, read_model

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "models/demo"
SOUND = ROOT / "demo/finetune/sound"
PREPARED = ROOT / ".cache/gpu_speed/speech.npz"
ALONE = BatchLimits(windows=1, seconds=0.0)


def speech(*, count: int) -> list[Samples]:
    """Utterances of the demo; as `--prepare` left them where nothing can decode them.

    Raises:
        FileNotFoundError: neither is possible; says what to do.
    """
    if PREPARED.is_file():
        with np.load(PREPARED) as kept:
            return [kept[name].astype(np.float32) / 32768 for name in sorted(kept)[:count]]
    try:
        from transform_handler.audio.reading import read_audio  # noqa: PLC0415

        return [read_audio(path) for path in sorted(SOUND.iterdir())[:count]]
    except ImportError as error:
        raise FileNotFoundError(
            f"{error}; run 'gpu_speed.py --prepare' where it is, and bring {PREPARED.name} along"
        ) from error


def prepare() -> None:
    from transform_handler.audio.reading import read_audio  # noqa: PLC0415

    PREPARED.parent.mkdir(parents=True, exist_ok=True)
    sounds = {path.stem: read_audio(path) for path in sorted(SOUND.iterdir())}
    whole = {name: np.round(sound * 32767).astype(np.int16) for name, sound in sounds.items()}
    np.savez_compressed(PREPARED, **whole)  # type: ignore[arg-type]
    print(f"{PREPARED}: {len(whole)} utterances, {PREPARED.stat().st_size >> 20} MB")


def compare(machine: Machine, *, half: Sequence[torch.dtype]) -> None:
    windows = speech(count=8 if machine.tiny else 100)
    model, processor = read_model(DEMO)
    alphabet = load_network(DEMO, device="cpu").alphabet
    demo = Subject(name="demo", model=model, extractor=processor.feature_extractor, tokenizer=None)
    exact = answers(demo, machine, torch.float32, windows, limits=ALONE)
    words = sum(len(decode_text(one.ids, alphabet).split()) for one in exact)
    print(f"\nmodels/demo on {len(windows)} utterances, {words} words (float32, each alone):")
    print(f"{'':44} {'frames':>8} {'words':>8} {'largest':>9}")
    for dtype in (torch.float32, *half):
        name = str(dtype).removeprefix("torch.")
        alone = answers(demo, machine, dtype, windows, limits=ALONE)
        if dtype != torch.float32:
            show(f"{name} against float32, each alone", alone, exact, alphabet)
        for label, order in (("sorted", None), ("shuffled", 1), ("shuffled otherwise", 2)):
            together = answers(demo, machine, dtype, windows, limits=None, order=order)
            show(f"{name}: in batches ({label}) against alone", together, alone, alphabet)


def answers(
    demo: Subject,
    machine: Machine,
    dtype: torch.dtype,
    windows: Sequence[Samples],
    *,
    limits: BatchLimits | None,
    order: int | None = None,
) -> list[FrameScores]:
    """In the order of ``windows``; scored in a shuffled one, in small batches, where asked."""
    few = BatchLimits(windows=16, seconds=120.0) if limits is None else limits
    ours = Ours(demo, machine, dtype, limits=few)
    places = np.arange(len(windows))
    if order is None:
        return ours(windows)
    np.random.default_rng(order).shuffle(places)
    found: dict[int, FrameScores] = {}
    for start in range(0, len(places), 16):
        batch = places[start : start + 16]
        scored = ours.network([windows[place] for place in batch], language=None)
        found.update(zip(batch.tolist(), scored, strict=True))
    return [found[place] for place in range(len(windows))]


def show(
    label: str, found: Sequence[FrameScores], expected: Sequence[FrameScores], alphabet: Alphabet
) -> None:
    pairs = list(zip(found, expected, strict=True))
    frames = sum(len(b.ids) for _, b in pairs)
    changed = sum(int((a.ids != b.ids).sum()) for a, b in pairs)
    largest = max(float(np.abs(a.log_probabilities - b.log_probabilities).max()) for a, b in pairs)
    texts = [
        (decode_text(a.ids, alphabet).split(), decode_text(b.ids, alphabet).split())
        for a, b in pairs
    ]
    words = sum(distance(a, b) for a, b in texts)
    print(f"  {label:42} {changed:4}/{frames} {words:4}     {largest:9.1e}", flush=True)


def distance(left: Sequence[str], right: Sequence[str]) -> int:
    """Words to change, by Levenshtein."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        before, row[0] = row[0], i
        for j, b in enumerate(right, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
