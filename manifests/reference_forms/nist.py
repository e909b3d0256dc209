"""NIST's forms: STM (segments), CTM (words) and RTTM (objects, some of them words).

Sources: SCTK's doc/infmts.htm for STM and CTM; "The Rich Transcription 2009 evaluation plan",
appendix A, for RTTM.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from manifests.errors import InputError
from manifests.reference_forms.timed import Spoken, references_of, span
from manifests.references import Reference, Span, Utterance
from manifests.tables import lines_of

IGNORED = "IGNORE_TIME_SEGMENT_IN_SCORING"
_LABELS = re.compile(r"<[^<>]*>\s*")
_ALTERNATIVES = {"<ALT_BEGIN>": "{", "<ALT>": "/", "<ALT_END>": "}"}
_STM = "file channel speaker start end text"
_CTM = "file channel start duration word [confidence]"
_RTTM = "type file channel start duration word subtype speaker"

Unscored = dict[tuple[str, str], list[Span]]


def from_stm(text: str, name: str) -> Iterator[Reference]:
    """Segments joined in the order of their times; regions to ignore are unscored."""
    found: list[Spoken] = []
    unscored: Unscored = defaultdict(list)
    for where, line in _lines(text, name):
        fields = line.split(maxsplit=5)
        if len(fields) < 5:
            raise InputError(f"{where}: {len(fields)} fields found; {_STM} expected")
        start, end = _span(where, *_numbers(where, start=fields[3], end=fields[4]))
        labels = _LABELS.match(words := fields[5] if len(fields) > 5 else "")
        spoken = words[labels.end() :] if labels else words
        if spoken.strip().upper() == IGNORED:
            unscored[fields[0], fields[1]].append((start, end))
            continue
        found.append(_spoken(fields, start, end, spoken.strip(), fields[2]))
    return references_of(found, unscored, name=name)


def from_ctm(text: str, name: str) -> Iterator[Reference]:
    """A word a line; what stands between ``<ALT_BEGIN>`` and ``<ALT_END>`` is ``{ a / b }``."""
    found: list[Spoken] = []
    open_since: int | None = None
    for where, line in _lines(text, name):
        fields = line.split()
        if len(fields) < 5:
            raise InputError(f"{where}: {len(fields)} fields found; {_CTM} expected")
        if mark := _ALTERNATIVES.get(fields[4].upper()):
            # A mark has no time of its own; it is said when the word before it is.
            at = found[-1].utterance.start if found else 0.0
            found.append(_spoken(fields, at, at, mark))
            open_since = len(found) - 1 if mark == "{" else open_since
            if mark == "}" and open_since is not None:
                found[open_since:] = [_as_one(found[open_since:])]
        else:
            start, duration = _numbers(where, start=fields[2], duration=fields[3])
            found.append(_spoken(fields, *_span(where, start, start + duration), fields[4]))
    return references_of(found, {}, name=name)


def _as_one(block: Sequence[Spoken]) -> Spoken:
    """Alternatives are said at the same time: in the order of their times they would mix."""
    words = [one.utterance for one in block if one.utterance.text not in _ALTERNATIVES.values()]
    text = " ".join(one.utterance.text for one in block)
    start = min((one.start for one in words), default=block[0].utterance.start)
    end = max((one.end for one in words), default=start)
    return replace(block[0], utterance=Utterance(start=start, end=end, text=text))


def from_rttm(text: str, name: str) -> Iterator[Reference]:
    """Words are LEXEME objects, unscored regions NOSCORE; who spoke when alone has no text."""
    found: list[Spoken] = []
    unscored: Unscored = defaultdict(list)
    types = set()
    for where, line in _lines(text, name):
        fields = line.split()
        if len(fields) < 8:
            raise InputError(f"{where}: {len(fields)} fields found; {_RTTM} expected")
        types.add(fields[0])
        if fields[0] not in ("LEXEME", "NOSCORE"):
            continue
        start, duration = _numbers(where, start=fields[3], duration=fields[4])
        start, end = _span(where, start, start + duration)
        if fields[0] == "NOSCORE":
            unscored[fields[1], fields[2]].append((start, end))
        else:
            found.append(_spoken(fields[1:], start, end, fields[5], fields[7]))
    if types and not found:
        raise InputError(
            f"{name}: it says who spoke when ({', '.join(sorted(types))}), but not what: LEXEME "
            "lines are expected; or name the .stm or the table that has the text"
        )
    return references_of(found, unscored, name=name)


def _lines(text: str, name: str) -> Iterator[tuple[str, str]]:
    for number, line in lines_of(text):
        if line.strip() and not line.startswith(";;"):
            yield f"{name}, line {number}", line


def _numbers(where: str, **fields: str) -> Sequence[float]:
    found = []
    for label, text in fields.items():
        try:
            found.append(float(text))
        except ValueError as error:
            raise InputError(f"{where}: {label} {text!r} is no number") from error
    return found


def _span(where: str, start: float, end: float) -> Span:
    try:
        return span(start, end)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def _spoken(
    place: Sequence[str], start: float, end: float, text: str, speaker: str | None = None
) -> Spoken:
    """``place`` begins with recording and channel."""
    utterance = Utterance(start=start, end=end, text=text, speaker=speaker)
    return Spoken(recording=place[0], channel=place[1], utterance=utterance)
