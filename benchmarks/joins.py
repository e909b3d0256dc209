"""Are there more errors where windows join than elsewhere?

The shipped model transcribes the demo's archive, each recording twelve times, behind 0 to 16.5 s of
silence, so that joins fall on other words each time. Reference words have the synthesiser's own
times; a wrong or missing word counts where it was said, an extra word where it was heard. Printed:
errors and words within 2 s of a join and elsewhere, the same for words that were heard in both
places, and how many joins lie between words.

    joins.py [SECONDS …]    with these contexts instead of the usual one
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from bisect import bisect_left
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from rapidfuzz.distance import Levenshtein

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.heard import shipped_model  # noqa: E402
from transform_handler.audio.layout import SAMPLE_RATE, WindowLayout  # noqa: E402
from transform_handler.audio.reading import read_audio  # noqa: E402
from transform_handler.audio.windows import Part, cut  # noqa: E402
from transform_handler.records import Word  # noqa: E402

NEAR_SECONDS = 2.0
SHIFTS = tuple(1.5 * number for number in range(12))


def main() -> None:
    usual = WindowLayout(hop=320)
    for context in map(float, sys.argv[1:] or [usual.context_seconds]):
        layout = replace(usual, context_seconds=context)
        print(f"windows of {layout.step_seconds:.0f} s with {context:.1f} s of context")
        measure(layout)


def measure(layout: WindowLayout) -> None:
    tally = Tally()
    with shipped_model(layout) as heard, tempfile.TemporaryDirectory() as folder:
        for line in (ROOT / "demo/words.jsonl").read_text("utf-8").splitlines():
            entry = json.loads(line)
            spoken = [Spoken(**word) for word in entry["words"]]
            # The model does not know this voice: nine of ten words are wrong wherever they are.
            if not spoken or any(word.speaker.startswith("awb") for word in spoken):
                continue
            samples = read_audio(ROOT / "demo/archive" / entry["recording"])
            for shift in SHIFTS:
                path = Path(folder) / "shifted.wav"
                lead = np.zeros(round(shift * SAMPLE_RATE), np.float32)
                soundfile.write(path, np.concatenate((lead, samples)), SAMPLE_RATE, "FLOAT")
                moved = [word.later(shift) for word in spoken]
                tally.add(entry["recording"], moved, heard(path), borders(path, layout))
    tally.show()


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A word of the reference with the synthesiser's times."""

    text: str
    start: float
    end: float
    channel: int | None
    speaker: str

    def later(self, seconds: float) -> Spoken:
        return replace(self, start=self.start + seconds, end=self.end + seconds)


class Tally:
    """Errors and words, near joins and elsewhere; and for each word of the reference."""

    def __init__(self) -> None:
        self.joins = self.in_pauses = 0
        self.counts = {True: [0, 0], False: [0, 0]}
        # (recording, word) -> near or not -> [errors, times heard]
        self.words: dict[tuple[str, int], dict[bool, list[int]]] = {}

    def add(
        self, recording: str, spoken: list[Spoken], words: list[Word], places: list[float]
    ) -> None:
        self.joins += len(places)
        self.in_pauses += sum(not any(w.start < p < w.end for w in spoken) for p in places)
        wrong, extra = set(), []
        texts = [w.text for w in spoken], [w.text for w in words]
        for kind, source, target in Levenshtein.editops(*texts).as_list():
            if kind == "insert":
                extra.append(words[target])
            else:
                wrong.add(source)
        for number, word in enumerate(spoken):
            close = near(word.start, word.end, places)
            self.counts[close][0] += number in wrong
            self.counts[close][1] += 1
            both = self.words.setdefault((recording, number), {True: [0, 0], False: [0, 0]})
            both[close][0] += number in wrong
            both[close][1] += 1
        for heard in extra:
            self.counts[near(heard.start, heard.end, places)][0] += 1

    def show(self) -> None:
        print(f"{self.joins} joins, {self.in_pauses / self.joins:.0%} of them between words")
        for close, name in ((True, f"within {NEAR_SECONDS:.0f} s of a join"), (False, "elsewhere")):
            errors, words = self.counts[close]
            print(f"{name:24} {errors:5} errors of {words:6} words: {errors / words:6.2%}")
        both = [one for one in self.words.values() if one[True][1] and one[False][1]]
        shares = np.array([[one[k][0] / one[k][1] for k in (True, False)] for one in both])
        near_rate, other_rate = shares.mean(axis=0)
        difference = shares[:, 0] - shares[:, 1]
        spread = 1.96 * difference.std(ddof=1) / math.sqrt(len(both))
        print(
            f"the same {len(both)} words, near a join and not: wrong or missing "
            f"{near_rate:.2%} and {other_rate:.2%} of the times; "
            f"difference {100 * difference.mean():+.2f} ± {100 * spread:.2f} points"
        )


def borders(path: Path, layout: WindowLayout) -> list[float]:
    """Where the windows of a recording join, in seconds."""
    samples = read_audio(path)[:, None]
    windows = cut(iter([samples]), layout, Part.of(layout, offset=None, duration=None))
    return [window.keep_start / SAMPLE_RATE for window, _ in windows][1:]


def near(start: float, end: float, places: list[float]) -> bool:
    """Whether any of a word lies within two seconds of a join."""
    first = bisect_left(places, start - NEAR_SECONDS)
    return first < len(places) and places[first] <= end + NEAR_SECONDS


if __name__ == "__main__":
    main()
