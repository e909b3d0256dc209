"""Rows of transcripts beside their references: what the report counts, one recording at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import groupby
from typing import Any
from urllib.parse import quote

from batch.report.alignment import AlignedRecording
from batch.report.model import Channel, ScoredRecording, Sound
from batch.report.scoring import Pair, ScoringPool
from batch.report.words import TimedWord, TimedWords
from manifests.local_store import path_of_uri
from manifests.matching import Matching
from manifests.references import (
    Reference,
    References,
    Utterance,
    overlap_share,
    seconds_of,
    within,
)
from training.scoring import raw_tokens

SOUND = [one.name for one in fields(Sound)]


def units(
    rows: list[dict[str, Any]], matching: Matching[References], scorer: Scorer
) -> Iterator[dict[str, Any]]:
    """What is scored as one: a row, or all channels of a recording whose reference is one text."""
    for _, group in groupby(rows, key=lambda row: row["id"]):
        channels = list(group)
        texts = matching.by_path.get(channels[0]["path"], {})
        split = channels[0]["channel"] is not None
        if split and None in texts and not any(row["channel"] in texts for row in channels):
            yield scorer.merged(channels)
        else:
            yield from channels


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """Puts rows beside their references; ``texts`` and ``words`` are those of the rows at hand."""

    matching: Matching[References]
    previous: Mapping[Channel, str]
    report_uri: str
    meeting: str | None
    texts: dict[Channel, str | None] = field(default_factory=dict)
    words: dict[Channel, TimedWords] = field(default_factory=dict)

    def merged(self, channels: list[dict[str, Any]]) -> dict[str, Any]:
        """The channels of a recording as one, their words in the order of their times."""
        whole = (channels[0]["id"], None)
        words = [
            word for row in channels for word in self.words.get((row["id"], row["channel"]), ())
        ]
        self.words[whole] = TimedWords.of(sorted(words, key=lambda word: word.start))
        self.texts[whole] = " ".join(self.words[whole].texts)
        spoken = any(row["status"] == "ok" for row in channels)
        status = "ok" if spoken else channels[0]["status"]
        return {
            **channels[0],
            "channel": None,
            "status": status,
            "confidence": None,
            "merged": True,
        }

    def scored(self, row: dict[str, Any]) -> ScoredRecording:
        """One row of the report, not counted yet."""
        where, meta = (row["id"], row["channel"]), dict(row["meta"] or ())
        found = self.matching.by_path.get(row["path"], {}).get(row["channel"])
        reference, spans = (found.text, found.unscored) if found is not None else (None, ())
        words = self.words.get(where, TimedWords())
        hypothesis = self.texts.get(where) if reference is not None else None
        if spans:
            words = TimedWords.of(word for word in words if not within(_middle(word), spans))
            hypothesis = hypothesis and " ".join(words.texts)
        return ScoredRecording(
            id=row["id"],
            path=row["path"],
            channel=row["channel"],
            status=row["status"],
            error_kind=row["error_kind"],
            error_message=row["error_message"],
            duration=row["duration"],
            reference=reference,
            hypothesis=hypothesis,
            confidence=row["confidence"],
            words=words,
            overlap=self._overlap(row),
            turns=() if row.get("merged") else _turns(found),
            unscored_seconds=seconds_of(spans, duration=row["duration"]),
            calibrated=row["calibrated"],
            decode_digest=row["decode_digest"],
            run_id=row["run_id"],
            meta=meta,
            audio_href=_href(row["uri"], self.report_uri),
            uri=row["uri"],
            language=row["language"],
            sound=Sound(**{name: row[name] for name in SOUND}),
            meeting_name=meta.get(self.meeting) if self.meeting else None,
            # Without times nobody can say what of it lies in a region that is not scored.
            previous=None if spans else self.previous.get(where),
        )

    def _overlap(self, row: Mapping[str, Any]) -> float | None:
        """Of the whole recording, by its reference; else by what its channels wrote when."""
        whole = self.matching.by_path.get(row["path"], {}).get(None)
        if whole is not None and whole.utterances:
            return overlap_share(whole.utterances)
        if row["channel"] is None:
            return None
        return overlap_share(
            [
                Utterance(start=one.start, end=one.end, text=one.text, speaker=str(channel))
                for channel in range(row["channels"] or 0)
                for one in self.words.get((row["id"], channel), ())
            ]
        )


def _turns(reference: Reference | None) -> tuple[int, ...]:
    """The written words of each utterance that is scored, where several speakers are named."""
    if reference is None or reference.channel is not None or len(reference.speakers) < 2:
        return ()
    return tuple(len(raw_tokens(one.text)) for one in reference.scored_utterances)


def counted(
    rows: Sequence[ScoredRecording], pool: ScoringPool
) -> Iterator[tuple[ScoredRecording, AlignedRecording | None]]:
    """The rows with their counts, and the alignments, which hold the words' times from here on."""
    found = pool.scored(
        Pair(row.reference or "", row.hypothesis or "", TimedWords.of(row.words))
        for row in rows
        if row.scored
    )
    for row in rows:
        if row.scored:
            score, aligned = next(found)
            yield (
                replace(
                    row,
                    raw=score.raw,
                    normalized=score.normalized,
                    characters=score.characters,
                    left_out=score.left_out,
                    words=(),
                ),
                aligned,
            )
        else:
            yield row, None


def _middle(word: TimedWord) -> float:
    return (word.start + word.end) / 2


def _href(audio: str, report: str) -> str | None:
    """The recording relative to the page, where both lie on this machine."""
    if not (audio.startswith("file://") and report.startswith("file://")):
        return None
    relative = os.path.relpath(path_of_uri(audio), path_of_uri(report))
    return quote(os.fsencode(relative), safe="/")
