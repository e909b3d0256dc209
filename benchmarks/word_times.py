"""How far word times lie from the synthesiser's own, and in which direction.

The shipped model transcribes the demo's archive, which it was not trained on. A word counts where
its text is right: without it there is nothing to compare. Voices that the model knows, and the one
that it does not, stand apart.

    word_times.py [DECODING]    greedy (default) or beam
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.heard import shipped_model  # noqa: E402
from training.scoring.align import align  # noqa: E402
from transform_handler.identity import BeamSettings  # noqa: E402
from transform_handler.records import Word  # noqa: E402

UNHEARD = "awb"


def main() -> None:
    method = sys.argv[1] if len(sys.argv) > 1 else "greedy"
    beam = BeamSettings(beam_width=16) if method == "beam" else None
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with shipped_model(method=method, beam=beam) as heard:
        for path, spoken in recordings():
            for word, said in pairs(spoken, heard(path)):
                voice = "unheard voice" if said["speaker"].startswith(UNHEARD) else "known voices"
                found[voice].append((word.start - said["start"], word.end - said["end"]))
    print(f"{method}; milliseconds, heard minus said")
    for voice, errors in sorted(found.items()):
        for name, column in zip(("starts", "ends"), np.array(errors).T, strict=True):
            print(f"{voice:14} {name:7} {summary(column)}")


def recordings() -> Iterator[tuple[Path, list[dict]]]:
    """Mixed recordings of the archive with their spoken words."""
    for line in (ROOT / "demo/words.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["words"] and all(word["channel"] is None for word in entry["words"]):
            yield ROOT / "demo/archive" / entry["recording"], entry["words"]


def pairs(spoken: list[dict], words: list[Word]) -> Iterator[tuple[Word, dict]]:
    """Words that are right, with what was said."""
    steps = align([word["text"] for word in spoken], [word.text for word in words]).ops
    for step in steps:
        if step.op == "hit":
            yield words[step.hyp_index], spoken[step.ref_index]


def summary(errors: np.ndarray) -> str:
    size = 1000 * np.abs(errors)
    return (
        f"|error| median {np.median(size):4.0f}, 90th percentile {np.quantile(size, 0.9):4.0f}; "
        f"median {1000 * np.median(errors):+4.0f} ({len(errors)} words)"
    )


if __name__ == "__main__":
    main()
