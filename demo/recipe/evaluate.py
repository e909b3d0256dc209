"""Score a model folder as the handler hears it: `python -m demo.recipe.evaluate models/demo`.

Prints one line a set, with counts, and writes them as JSON with `--json FILE`. The sets that lie in
`demo/build` are left out where that has not been built.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from demo.recipe.sentences import vocabulary
from manifests.labels import MANIFEST, read_labels
from manifests.local_store import path_of_uri, uri_of_path
from manifests.pointers import Pointer
from training.scoring.align import align
from training.scoring.counts import ErrorCounts
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import DecoderProcess
from transform_handler.bundle import bundle_card
from transform_handler.engine.loading import load_engine
from transform_handler.identity import DecodeSettings
from transform_handler.transcriber import Transcriber

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transform_handler.records import TranscriptRecord

DEMO = Path(__file__).resolve().parent.parent
_CHANNELS = ("heldout", "heldout-voice", "open-vocabulary")
_HELD_OUT_NAME = "andrew"


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A recording and what is said in it."""

    path: Path
    text: str


@dataclass(frozen=True, kw_only=True)
class SetScore:
    """The errors of a set, and how the words that training never spoke came out."""

    counts: ErrorCounts
    unheard_words: int
    unheard_found: int

    def line(self, name: str) -> str:
        """The set in one line of Markdown table."""
        c = self.counts
        rate = "–" if c.rate is None else f"{100 * c.rate:.1f} %"
        cells = [name, rate, c.substitutions, c.deletions, c.insertions, c.reference_words]
        cells.append(f"{self.unheard_found} of {self.unheard_words}")
        return "| " + " | ".join(map(str, cells)) + " |"


HEADER = """\
| set | WER | S | D | I | reference words | unheard words found |
|---|---|---|---|---|---|---|"""


def labelled_sets(demo: Path) -> Iterator[tuple[str, list[Labelled]]]:
    """Each set of the demo that is there, by name."""
    for name in _CHANNELS:
        if (demo / "build" / name / MANIFEST).is_file():
            found = read_labels(demo / "build" / name)
            yield name, [Labelled(path=path_of_uri(u.audio), text=u.text) for u in found]
    rows = [
        line.split("\t") for line in (demo / "references.tsv").read_text("utf-8").splitlines()[1:]
    ]
    recordings = [Labelled(path=demo / "archive" / name, text=text) for name, text in rows]
    held_out = [r for r in recordings if _HELD_OUT_NAME in r.path.name]
    yield "archive, held-out voice", held_out
    yield "archive, other voices", [r for r in recordings if r not in held_out]


def transcriber(folder: Path, decoder: DecoderProcess) -> Transcriber:
    """The handler's own path from sound to text, for files of the demo."""
    card = bundle_card(folder, name=folder.name, decode=DecodeSettings())
    allowed = AllowedPrefixes(prefixes=(uri_of_path(DEMO) + "/",))
    return Transcriber(load_engine(folder, device="cpu"), card, decoder, allowed)


def hypotheses(model: Transcriber, recordings: list[Labelled]) -> list[str]:
    """The text of each recording."""
    pointers = [Pointer(id=str(n), uri=uri_of_path(r.path)) for n, r in enumerate(recordings)]
    return [_text(record) for record in model.transcribe(pointers, deadline=math.inf)]


def score(recordings: list[Labelled], texts: list[str]) -> SetScore:
    """Sum the counts of a set."""
    known = vocabulary()
    total, unheard, found = ErrorCounts(), 0, 0
    for recording, text in zip(recordings, texts, strict=True):
        words = recording.text.split()
        alignment = align(words, text.split())
        total += alignment.counts
        for step in alignment.ops:
            if step.ref_index is not None and words[step.ref_index] not in known:
                unheard += 1
                found += step.op == "hit"
    return SetScore(counts=total, unheard_words=unheard, unheard_found=found)


def measure(folder: Path, *, show: bool = False) -> tuple[list[str], dict[str, dict[str, object]]]:
    """Lines of a Markdown table, and the same as values, for each set that is there."""
    lines: list[str] = []
    report: dict[str, dict[str, object]] = {}
    with DecoderProcess() as decoder:
        model = transcriber(folder, decoder)
        for name, recordings in labelled_sets(DEMO):
            texts = hypotheses(model, recordings)
            if show:
                for pair in zip((r.text for r in recordings), texts, strict=True):
                    print("ref: {}\nhyp: {}".format(*pair))
            found = score(recordings, texts)
            lines.append(found.line(name))
            print(lines[-1], flush=True)
            report[name] = _as_json(found, recordings)
    return lines, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--json", type=Path, help="write the counts here too")
    parser.add_argument("--show", action="store_true", help="print references and hypotheses")
    given = parser.parse_args()
    print(HEADER)
    _, report = measure(given.model, show=given.show)
    if given.json:
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def _as_json(found: SetScore, recordings: list[Labelled]) -> dict[str, object]:
    sound = hashlib.sha256()
    for recording in recordings:
        sound.update(hashlib.sha256(recording.path.read_bytes()).digest())
    return {
        "wer": found.counts.rate,
        "substitutions": found.counts.substitutions,
        "deletions": found.counts.deletions,
        "insertions": found.counts.insertions,
        "reference_words": found.counts.reference_words,
        "unheard_words": found.unheard_words,
        "unheard_words_found": found.unheard_found,
        "sound_sha256": sound.hexdigest(),
    }


def _text(record: TranscriptRecord) -> str:
    return " ".join(segment.text for segment in record.segments)


if __name__ == "__main__":
    main()
