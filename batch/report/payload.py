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

from batch.report.alignment import align_recording, timed
from batch.report.places import CLIPS
from batch.report.slices import slice_value
from training.scoring import raw_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from batch.report.alignment import AlignedRecording, ShownToken
    from batch.report.breakdown import Confusion
    from batch.report.model import Channel, Report, ScoredRecording
    from batch.report.places import Clip
    from training.scoring import AlignedPair, ErrorCounts

# The page lists this many recordings at most and holds the words of the worst of them, counted on
# both sides: about 5 MB packed. The rest is in scores.parquet and errors.parquet.
MAX_RECORDINGS = 20_000
MAX_WORDS = 1_500_000
_LETTERS = {"hit": "=", "sub": "S", "del": "D", "ins": "I"}
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


def cigar(steps: Iterable[AlignedPair]) -> str:
    """The steps as run lengths: ``12=1S3=2D`` (the letters of SAM's CIGAR, S, D, I as sclite's)."""
    runs = groupby(steps, key=lambda step: _LETTERS[step.op])
    return "".join(f"{sum(1 for _ in run)}{letter}" for letter, run in runs)


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
        "ref": " ".join(token.text for token in aligned.reference),
        "hyp": " ".join(token.text for token in aligned.hypothesis),
        "refWritten": _respelled(aligned.reference),
        "hypWritten": _respelled(aligned.hypothesis),
        "starts": _starts([token.start for token in aligned.hypothesis]),
    }


def _plain(row: ScoredRecording) -> dict[str, Any]:
    words = raw_tokens(row.hypothesis or "")
    starts = [word.start if word else None for word in timed(words, row.words)]
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


def _respelled(tokens: Iterable[ShownToken]) -> dict[int, str] | None:
    """The spellings that the normaliser changed, by token index; nothing if it changed none."""
    changed = {i: token.written for i, token in enumerate(tokens) if token.written != token.text}
    return changed or None


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
