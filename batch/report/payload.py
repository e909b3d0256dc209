"""The recordings as packed JSON for the page's script, which draws an alignment when opened."""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from batch.report.alignment import align_recording, word_places
from batch.report.places import CLIPS
from batch.report.slices import slice_value
from batch.report.words import TimedWords, known
from training.scoring import raw_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batch.report.alignment import AlignedRecording
    from batch.report.breakdown import Confusion
    from batch.report.model import Channel, Report, ScoredRecording
    from batch.report.places import Clip
    from training.scoring import ErrorCounts, Steps

# The page lists this many recordings at most and holds the words of the worst of them, counted on
# both sides: about 5 MB packed. The rest is in scores.parquet and errors.parquet.
MAX_RECORDINGS = 20_000
MAX_WORDS = 1_500_000
_PLAYABLE = {"", "http", "https", "file", "data", "blob"}


def payload(
    report: Report,
    confused: Mapping[str, Sequence[Confusion]],
    columns: Sequence[str],
    clips: Iterable[Clip] = (),
) -> str:
    """The page's data, packed, so that it can stand in a script element.

    ``confused`` are the word errors listed on the page by kind, ``columns`` the sliced ones,
    ``clips`` the short sounds that lie beside the page.
    """
    listed = _listed(report)
    inline = _inline(report, listed)
    position = {index: place for place, index in enumerate(listed)}
    sounds = _by_recording(clips)
    return packed(
        {
            "run": report.facts.run_id,
            "archive": report.facts.archive,
            "total": _counts(report.normalized),
            "verdicts": [entry.as_json() for entry in report.verdicts.entries]
            if report.verdicts
            else [],
            "columns": columns,
            "recordings": [_recording(report, i, sounds, inline=i in inline) for i in listed],
            "slices": [[slice_value(report.recordings[i], c) for c in columns] for i in listed],
            "places": {
                kind: [[position[i] for i in row.recordings if i in position] for row in rows]
                for kind, rows in confused.items()
            },
        }
    )


def packed(data: object) -> str:
    """JSON in gzip (RFC 1952) in Base64: nothing in it can leave the script element it is put in.

    The same data is the same text. Half a surrogate pair, which a file name's undecodable byte
    becomes, stays what it was: JSON can escape it.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    whole = text.encode("utf-8", "backslashreplace")
    return base64.b64encode(gzip.compress(whole, compresslevel=6, mtime=0)).decode("ascii")


def unpacked(text: str) -> Any:
    """What was packed."""
    return json.loads(gzip.decompress(base64.b64decode(text)))


def cigar(steps: Steps) -> str:
    """The steps as run lengths: ``12=1S3=2D`` (the letters of SAM's CIGAR, S, D, I as sclite's)."""
    runs = groupby(steps.letters)
    return "".join(f"{len(list(run))}{letter}" for letter, run in runs)


def _listed(report: Report) -> list[int]:
    """Which recordings are listed, in the report's order: the scored ones with most errors."""
    rows = report.recordings
    worst = sorted(range(len(rows)), key=lambda i: (not rows[i].scored, -rows[i].normalized.errors))
    return sorted(worst[:MAX_RECORDINGS])


def _inline(report: Report, listed: Iterable[int]) -> set[int]:
    """Which recordings' texts go into the page: the worst, as many as the budget holds."""
    rows = report.recordings
    chosen, words = set(), 0
    for index in sorted(listed, key=lambda i: -rows[i].normalized.errors):
        row = rows[index]
        words += len((row.reference or "").split()) + len((row.hypothesis or "").split())
        if words > MAX_WORDS:
            break
        chosen.add(index)
    return chosen


def _recording(
    report: Report, index: int, sounds: Mapping[Channel, list[Clip]], *, inline: bool
) -> dict[str, Any]:
    row, aligned = report.recordings[index], report.alignments[index]
    cells: dict[str, Any] = {
        "id": row.id,
        "path": row.path,
        "status": row.status,
        "channel": row.channel,
        "kind": row.error_kind,
        "message": row.error_message,
        "duration": _number(row.duration),
        "confidence": _number(row.confidence),
        "meta": " · ".join(f"{key} {value}" for key, value in row.meta.items()) or None,
        "audio": playable(row.audio_href),
        "clips": [_clip(clip) for clip in sounds.get((row.id, row.channel), ())] or None,
    }
    if row.scored:
        cells |= {
            "n": _counts(row.normalized),
            "raw": _counts(row.raw),
            "cer": _number(row.characters.rate, 5),
        }
    if inline:
        cells |= _aligned(aligned) if aligned else _plain(row)
        cells["previous"] = _previous(report, row)
    else:
        cells["cut"] = True
    return {key: value for key, value in cells.items() if value is not None}


def _aligned(aligned: AlignedRecording) -> dict[str, Any]:
    return {
        "ops": cigar(aligned.steps),
        "ref": " ".join(aligned.reference.texts),
        "hyp": " ".join(aligned.hypothesis.texts),
        "refWritten": dict(aligned.reference.respelled) or None,
        "hypWritten": dict(aligned.hypothesis.respelled) or None,
        "starts": _starts([known(start) for start in aligned.hypothesis.starts]),
    }


def _plain(row: ScoredRecording) -> dict[str, Any]:
    words = raw_tokens(row.hypothesis or "")
    timed = TimedWords.of(row.words)
    places = word_places(words, timed.texts)
    starts = [None if at is None else timed.starts[at] for at in places]
    text = {"ref": row.reference, "hyp": " ".join(words) or None, "starts": _starts(starts)}
    return {key: value for key, value in text.items() if value is not None}


def _previous(report: Report, row: ScoredRecording) -> dict[str, Any] | None:
    """What an earlier run wrote, beside the same reference."""
    if row.previous is None or not row.scored:
        return None
    facts = report.facts
    aligned = align_recording(
        row.reference or "", row.previous, (), facts.rule, facts.alignment_rule
    )
    shown = _aligned(aligned)
    return {key: shown[key] for key in ("ops", "hyp", "hypWritten") if shown[key] is not None}


def _by_recording(clips: Iterable[Clip]) -> dict[Channel, list[Clip]]:
    found: defaultdict[Channel, list[Clip]] = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: clip.start):
        found[clip.recording, clip.channel].append(clip)
    return found


def _clip(clip: Clip) -> list[str | float]:
    return [f"{CLIPS}/{clip.name}", round(clip.start, 3), round(clip.end, 3), clip.peaks]


def _starts(starts: Sequence[float | None]) -> str | None:
    """Start times in hundredths of a second, each as what it adds to the one before it.

    ``-`` where there is none; nothing if none has one. Differences pack to half of times.
    """
    if all(start is None for start in starts):
        return None
    last, steps = 0, []
    for start in starts:
        if start is None:
            steps.append("-")
        else:
            steps.append(str(round(start * 100) - last))
            last = round(start * 100)
    return " ".join(steps)


def _counts(counts: ErrorCounts) -> list[int]:
    return [counts.hits, counts.substitutions, counts.deletions, counts.insertions]


def _number(value: float | None, digits: int = 3) -> float | None:
    return None if value is None or math.isnan(value) else round(value, digits)


def playable(href: str | None) -> str | None:
    """A link that an audio element may be given: relative, file, http, data; never a script."""
    if href is None:
        return None
    try:
        scheme = urlsplit(href).scheme
    except ValueError:
        return None
    return href if scheme in _PLAYABLE else None
