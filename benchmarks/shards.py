"""When the instances of a transform job end: our shards, and one object for each recording.

SageMaker divides the objects of a job over its instances by key before it begins, as many for
each; in which way is not documented, so three are shown: neighbours, in turns, and at random. Each
instance serves its objects in order with its workers. What a shard really takes differs from what
was predicted from bytes: each recording's bytes a second vary by ``--spread``.

Printed for each kind of archive: the end of the last instance over the mean of all, in per cent
more, at worst of the repetitions.

    shards.py [--hours H] [--instances N] [--workers W] [--spread S] [--repeats R]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from heapq import heapify, heapreplace

import numpy as np
import numpy.typing as npt

from batch.shards import OPENING_SECONDS, balanced, into_shards, parts_of, shard_seconds
from manifests.pointers import Pointer

Seconds = npt.NDArray[np.float64]
# Median seconds and spread (sigma of the logarithm). Assumed, not measured: they bracket what
# recorders of meetings, of telephone lines and of dictations leave.
ARCHIVES = {
    "meetings": (35 * 60.0, 0.7),
    "calls": (4 * 60.0, 1.2),
    "dictations": (40.0, 1.0),
    "meetings and calls": (12 * 60.0, 1.6),
}
LIMIT_MINUTES = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=5000.0)
    parser.add_argument("--instances", type=int, default=8)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--spread", type=float, default=0.15)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    print(
        f"{asked.hours:,.0f} hours, {asked.instances} instances of {asked.workers} workers, bytes "
        f"a second spread by {asked.spread:.0%}; last end over the mean, worst of {asked.repeats}"
    )
    for name, (median, sigma) in ARCHIVES.items():
        worst: dict[str, dict[str, float]] = {}
        for seed in range(asked.repeats):
            for cut, ways in late(asked, median, sigma, seed).items():
                known = worst.setdefault(cut, {})
                for way, share in ways.items():
                    known[way] = max(share, known.get(way, 0.0))
        print(f"\n{name}: median {median / 60:.1f} min")
        for cut, ways in worst.items():
            print(
                f"  {cut:<26}" + "".join(f"{way} {share:+7.1%}   " for way, share in ways.items())
            )


def late(
    asked: argparse.Namespace, median: float, sigma: float, seed: int
) -> dict[str, dict[str, float]]:
    """The last end over the mean end, by how the work is cut and how SageMaker divides it."""
    random = np.random.default_rng(seed)
    mean = median * np.exp(sigma**2 / 2)
    predicted = np.clip(
        random.lognormal(np.log(median), sigma, int(asked.hours * 3600 / mean)), 1, 6 * 3600
    )
    factor = random.lognormal(0, asked.spread, len(predicted))
    planned = [
        part
        for number, seconds in enumerate(predicted)
        for part in parts_of(Pointer(id=f"{number:08d}", uri="s3://b/k"), float(seconds))
    ]
    lanes = asked.instances * asked.workers
    target = shard_seconds(float(predicted.sum()), limit_minutes=LIMIT_MINUTES, workers=lanes)

    def takes(shard: Sequence[object]) -> float:
        return sum(p.seconds * factor[int(p.pointer.id)] + OPENING_SECONDS for p in shard)  # type: ignore[attr-defined]

    cuts = {
        "one object a recording": predicted * factor + OPENING_SECONDS,
        "shards in order": np.array([takes(s) for s in into_shards(planned, target=target)]),
        "balanced shards (ours)": np.array(
            [takes(s) for s in balanced(planned, target=target, lanes=lanes)]
        ),
    }
    return {
        cut: {
            way: _late(divide(work, asked.instances, random), asked.workers)
            for way, divide in WAYS.items()
        }
        for cut, work in cuts.items()
    }


def _late(instances: Sequence[Seconds], workers: int) -> float:
    ends = [_end(work, workers) for work in instances]
    return max(ends) / (sum(ends) / len(ends)) - 1


def _end(work: Seconds, workers: int) -> float:
    """When an instance is through with its objects, each given to the first worker that is free."""
    free = [0.0] * workers
    heapify(free)
    for seconds in work:
        heapreplace(free, free[0] + float(seconds))
    return max(free)


def _neighbours(work: Seconds, count: int, _: np.random.Generator) -> list[Seconds]:
    return np.array_split(work, count)


def _in_turns(work: Seconds, count: int, _: np.random.Generator) -> list[Seconds]:
    return [work[number::count] for number in range(count)]


def _at_random(work: Seconds, count: int, random: np.random.Generator) -> list[Seconds]:
    return np.array_split(random.permutation(work), count)


Divide = Callable[[Seconds, int, np.random.Generator], list[Seconds]]
WAYS: dict[str, Divide] = {
    "neighbours": _neighbours,
    "in turns": _in_turns,
    "at random": _at_random,
}


if __name__ == "__main__":
    main()
