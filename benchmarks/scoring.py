"""Scoring against jiwer: words a second and added memory; a long meeting; a large corpus.

100,000 pairs of 20 words go through ``tally`` (alignment, counts, confusions) and through jiwer's
``process_words``, in turn; medians, and the peak that each adds, in a process of its own. One pair
of 20,000 words is aligned by both rules. With ``--corpus 1000000`` that many different pairs are
scored as a report does it (raw, normalised, characters), sliced, and given intervals.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from training.scoring import (  # noqa: E402
    ALIGNERS,
    align,
    normalizer_for,
    score_pairs,
    tally,
)
from training.scoring.bootstrap import by_block, interval  # noqa: E402

WORDS = 20
REPEATS = 5
MEETINGS, SLICES, BATCH = 300, 10, 20_000
_ONSETS, _RHYMES = "bcdfghjklmnprstvwz", ("an", "ed", "ig", "op", "ust", "ell", "ath")
_COMMON = ["the", "of", "and", "to", "a", "in", "it", "you", "that", "he", "was", "for", "are"]


def vocabulary() -> list[str]:
    made = [a + b + c for a in _ONSETS for b in _RHYMES for c in ("", "er", "ing", "ly", "ment")]
    return made + _COMMON * (len(made) // len(_COMMON))


def pairs(count: int, *, words: int = WORDS, seed: int = 1) -> Iterator[tuple[str, str]]:
    """References, and what a model makes of them at about 12 % of errors."""
    chance, known = random.Random(seed), vocabulary()
    for _ in range(count):
        said = chance.choices(known, k=words)
        heard = []
        for word in said:
            kind = chance.random()
            if kind < 0.06:
                heard.append(chance.choice(known))
            elif kind < 0.09:
                heard += [word, chance.choice(known)]
            elif kind > 0.03 + 0.06 + 0.03:
                heard.append(word)
        yield f"{' '.join(said).capitalize()}.", " ".join(heard)


def ours(texts: list[tuple[str, str]]) -> int:
    return tally((said.split(), heard.split()) for said, heard in texts).counts.errors


def jiwers(texts: list[tuple[str, str]]) -> int:
    import jiwer  # noqa: PLC0415

    output = jiwer.process_words([said for said, _ in texts], [heard for _, heard in texts])
    return output.substitutions + output.deletions + output.insertions


WAYS = {"tally": ours, "jiwer": jiwers}


def timed(way: str, texts: list[tuple[str, str]]) -> float:
    """Seconds of the processor: both ways have one thread, and a busy machine has others."""
    start = time.process_time()
    WAYS[way](texts)
    return time.process_time() - start


def peak() -> int:
    """The largest resident size since the last ``forget_peak``, in bytes (Linux)."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def forget_peak() -> int:
    """Begin anew with the size of now, which is returned."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return peak()


def added_memory(way: str, count: int) -> float:
    """Megabytes that a way adds to a process which holds the texts already."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.scoring", "--peak", way, "--pairs", str(count)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return float(answer.stdout)


def print_added(way: str, count: int) -> None:
    import jiwer  # noqa: F401, PLC0415 (its import is not counted)

    texts = list(pairs(count))
    WAYS[way](texts[:10])
    before = forget_peak()
    WAYS[way](texts)
    print((peak() - before) / 1e6)


def against_jiwer(count: int) -> None:
    texts = list(pairs(count))
    assert ours(texts) == jiwers(texts)
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(REPEATS):
        for way in WAYS:
            seconds[way].append(timed(way, texts))
    megabytes = {way: added_memory(way, count) for way in WAYS}
    for way in WAYS:
        speed = count * WORDS / median(seconds[way])
        print(f"{way:<8}{speed:>12,.0f} words/s   adds {megabytes[way]:7.1f} MB")
    ratio = median(seconds["jiwer"]) / median(seconds["tally"])
    share = megabytes["tally"] / max(megabytes["jiwer"], 0.1)
    print(f"words/s {ratio:.1f} times jiwer's; added memory {share:.3f} of jiwer's\n", flush=True)


def meeting(words: int) -> None:
    ((reference, hypothesis),) = pairs(1, words=words)
    for aligner in ALIGNERS.values():
        before, start = forget_peak(), time.process_time()
        counts = align(reference.split(), hypothesis.split(), aligner).counts
        seconds = time.process_time() - start
        print(
            f"{words:,} words, {aligner.name}: {seconds:.2f} s, adds {(peak() - before) / 1e6:.0f} "
            f"MB, {counts.errors:,} errors",
            flush=True,
        )
    print()


def batch(
    language: str | None, seed: int, count: int, meetings: int
) -> tuple[np.ndarray, np.ndarray]:
    """Meeting and slice of each pair, (n, 2), and its errors and words of three kinds, (n, 6)."""
    chance = np.random.default_rng(seed)
    names = np.stack([chance.integers(meetings, size=count), chance.integers(SLICES, size=count)])
    rule = normalizer_for(language)
    rows = [
        [
            value
            for counts in (one.score.raw, one.score.normalized, one.score.characters)
            for value in (counts.errors, counts.reference_words)
        ]
        for one in score_pairs(pairs(count, seed=seed), rule)
    ]
    return names.T, np.array(rows, dtype=np.int64)


def corpus(count: int, language: str | None, processes: int, meetings: int) -> None:
    """The time for the pairs alone is taken off: a corpus is read, not made up."""
    began, used = time.perf_counter(), _processor_seconds()
    batches = [
        (language, seed, min(BATCH, count - seed * BATCH), meetings)
        for seed in range(-(-count // BATCH))
    ]
    with ProcessPoolExecutor(processes) as pool:
        found = list(pool.map(batch, *zip(*batches, strict=True)))
    names, rows = (np.concatenate(parts) for parts in zip(*found, strict=True))
    blocks = [interval(*_sums(names[:, 0], rows))]
    for slice_ in range(SLICES):
        chosen = names[:, 1] == slice_
        blocks.append(interval(*_sums(names[chosen, 0], rows[chosen])))
    seconds, used = time.perf_counter() - began, _processor_seconds() - used
    making = _making(count)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(
        f"{count:,} pairs in {meetings:,} meetings, {normalizer_for(language).name}, "
        f"{processes} processes: "
        f"{seconds - making / processes:.0f} s by the clock, {used - making:.0f} s of processors "
        f"(without {making:.0f} s to make the pairs up), largest process "
        f"{max(peak(), children) / 1e6:.0f} MB; WER {rows[:, 2].sum() / rows[:, 3].sum():.2%}, "
        f"{blocks[0].low:.2%} to {blocks[0].high:.2%}",
        flush=True,
    )


def _processor_seconds() -> float:
    """Of this process and of the children that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _sums(names: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, table = by_block(names.tolist(), rows[:, 2:4])
    return table[:, 0], table[:, 1]


def _making(count: int) -> float:
    start, some = time.process_time(), min(count, BATCH)
    for _ in pairs(some, seed=99):
        pass
    return (time.process_time() - start) * count / some


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--meeting", type=int, default=20_000, help="words")
    parser.add_argument("--corpus", type=int, default=0, help="pairs; 1000000 takes minutes")
    parser.add_argument("--meetings", type=int, default=MEETINGS, help="of the corpus")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--peak", choices=sorted(WAYS), help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.peak:
        print_added(wanted.peak, wanted.pairs)
        return
    against_jiwer(wanted.pairs)
    meeting(wanted.meeting)
    for language in (None, "en") if wanted.corpus else ():
        corpus(wanted.corpus, language, wanted.processes, wanted.meetings)


if __name__ == "__main__":
    main()
