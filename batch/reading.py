"""Reading results back: one transcript, the meeting and time of a phrase, a run's standing."""

from __future__ import annotations

import functools
import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import pyarrow.compute as pc

from batch.dataset_files import DataFile, opened, steadily, tables_of
from batch.datasets import read_rows
from batch.exports import Transcript
from batch.layout import SEGMENTS, TRANSCRIPTS
from batch.lookup import meant
from batch.outputs import Outputs
from batch.plan import Plan, read_plan
from manifests.errors import InputError
from manifests.storage import Store
from transform_handler.records import Segment


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a run has come."""

    run_id: str
    recordings: int
    shards: int
    outputs: int
    state: Literal["planned", "transforming", "transcribed", "finished", "abandoned"]
    summary: dict[str, Any] | None


def standing(output: Store, run_id: str) -> Standing:
    """How a run stands, from its files alone."""
    plan = read_plan(output, run_id)
    names = {shard.name for shard in plan.shards}
    done = Outputs(store=output, plan=plan).shards
    summary = None
    if output.stat(plan.keys.summary) is not None:
        summary = json.loads(output.read(plan.keys.summary))
    return Standing(
        run_id=run_id,
        recordings=plan.recordings,
        shards=len(names),
        outputs=len(names & done),
        state=_state(len(names), len(names & done), summary),
        summary=summary,
    )


def _state(
    shards: int, outputs: int, summary: dict[str, Any] | None
) -> Literal["planned", "transforming", "transcribed", "finished", "abandoned"]:
    if summary is not None:
        return "abandoned" if summary.get("abandoned") else "finished"
    if outputs == 0:
        return "planned"
    return "transcribed" if outputs == shards else "transforming"


def transcripts_of(output: Store, name: str) -> list[Transcript]:
    """The current transcript of one recording, one for each channel.

    Raises:
        InputError: no recording, or several, by that name.
    """
    line = meant(output, name)
    # A ledger that was lost or is older than the rows only makes this slower.
    return list(_read(output, {line.id}, line.run_id)) or list(_read(output, {line.id}, None))


def run_transcripts(output: Store, plan: Plan) -> Iterator[Transcript]:
    """Every transcript that a run made and that is still current."""
    yield from _read(output, None, plan.run_id)


def _read(output: Store, ids: set[str] | None, run_id: str | None) -> Iterator[Transcript]:
    """Current transcripts with their segments, by path and channel."""
    segments: dict[tuple[str, int | None], list[Segment]] = {}
    for row in read_rows(output, SEGMENTS, ids=ids, run_id=run_id).to_pylist():
        found = segments.setdefault((row["id"], row["channel"]), [])
        names = ("start", "end", "channel", "text", "confidence", "words", "flags")
        found.append(Segment.from_json({name: row[name] for name in names}))
    rows = read_rows(output, TRANSCRIPTS, ids=ids, run_id=run_id).to_pylist()
    for row in sorted(rows, key=lambda row: (row["path"], row["channel"] or 0)):
        spoken = segments.get((row["id"], row["channel"]), [])
        yield Transcript(
            path=row["path"],
            channel=row["channel"],
            duration=row["duration"],
            status=cast(Literal["ok", "empty", "error"], row["status"]),
            text=row["text"] or "",
            segments=tuple(sorted(spoken, key=lambda segment: segment.start)),
            error_kind=row["error_kind"],
            error_message=row["error_message"],
        )


@dataclass(frozen=True, kw_only=True)
class Found:
    """A place where a phrase was said; seconds from the beginning of the recording."""

    path: str
    channel: int | None
    start: float
    text: str


def search(output: Store, phrase: str) -> Iterator[Found]:
    """Where the words of ``phrase`` follow each other, in any case, across segment borders."""
    wanted = [_folded(word) for word in phrase.split()]
    if not wanted:
        raise InputError("give at least one word to search for")
    columns = ["id", "path", "channel", "start", "words"]
    ids = _may_say(output, wanted)
    rows = read_rows(output, SEGMENTS, ids=ids, columns=columns).to_pylist()
    rows.sort(key=lambda row: (row["path"], row["channel"] or 0, row["start"]))
    spoken: dict[tuple[str, int | None], list[dict[str, Any]]] = {}
    for row in rows:
        spoken.setdefault((row["path"], row["channel"]), []).extend(row["words"])
    for (path, channel), words in spoken.items():
        folded = [_folded(word["text"]) for word in words]
        for position in range(len(words) - len(wanted) + 1):
            if folded[position : position + len(wanted)] == wanted:
                around = words[max(0, position - 4) : position + len(wanted) + 4]
                yield Found(
                    path=path,
                    channel=channel,
                    start=words[position]["start"],
                    text=" ".join(word["text"] for word in around),
                )


def _may_say(output: Store, wanted: Sequence[str]) -> set[str]:
    """Recordings whose text has every word of plain letters, by columns: no word of others is read.

    As ``_folded`` has it, a word of plain letters comes from its capitals, from compatible forms,
    and from a sharp s.
    """
    plain = [word for word in wanted if word.isascii()]
    found: set[str] = set()

    def read(files: list[list[DataFile]]) -> None:
        for file in files[0]:
            with opened(output, file) as parquet:
                for table in tables_of(parquet, columns=["id", "text"]):
                    texts = pc.utf8_lower(pc.utf8_normalize(table["text"], form="NFKC"))
                    texts = pc.fill_null(pc.replace_substring(texts, "\u00df", "ss"), "")
                    says = [pc.match_substring(texts, word) for word in plain]
                    every = functools.reduce(pc.and_, says, pc.is_valid(table["id"]))
                    found.update(table["id"].filter(every).to_pylist())

    steadily(output, [f"{TRANSCRIPTS}/"], read)
    return found


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip(".,;:!?\"'")
