"""JSONL, an object a recording as in NeMo's manifests; and SegLST, an array of segments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from manifests.errors import InputError
from manifests.json_files import is_text, parsed_json
from manifests.reference_forms.timed import Spoken, references_of, span
from manifests.references import Reference, Utterance
from manifests.tables import RECORDING_COLUMNS, TEXT_COLUMNS, lines_of

_SEGMENT = "session_id, speaker, start_time, end_time and words"


def from_json(text: str, name: str) -> Iterator[Reference]:
    """An array is SegLST; anything else is read line by line."""
    if _is_array(text):
        return from_seglst(text, name)
    return from_json_lines(text, name)


def _is_array(text: str) -> bool:
    """Whether the whole is an array of objects; a line of JSONL may be an array too."""
    if not text.lstrip().startswith("["):
        return False
    try:
        found = parsed_json(text)
    except ValueError:
        return False
    return isinstance(found, list) and all(isinstance(one, dict) for one in found)


def from_json_lines(text: str, name: str) -> Iterator[Reference]:
    """One recording a line."""
    for number, line in lines_of(text):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            data = parsed_json(line)
        except ValueError as error:
            raise InputError(f"{where}: not JSON ({error})") from error
        recording = _first(data, RECORDING_COLUMNS, where)
        spoken = _first(data, TEXT_COLUMNS, where)
        yield Reference(recording=recording, text=spoken.strip(), source=where)


def from_seglst(text: str, name: str) -> Iterator[Reference]:
    """Segments as meeteval and the CHiME challenges keep them; speakers are no channels."""
    found = [
        _segment(one, f"{name}, segment {number}")
        for number, one in enumerate(parsed_json(text), start=1)
    ]
    return references_of(found, {}, name=name)


def _segment(data: dict[str, Any], where: str) -> Spoken:
    try:
        start, end = span(float(data["start_time"]), float(data["end_time"]))
        return Spoken(
            recording=str(data["session_id"]),
            channel="",
            utterance=Utterance(
                start=start,
                end=end,
                text=_text(data["words"]),
                speaker=str(data["speaker"]) if data.get("speaker") is not None else None,
            ),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{where}: has {', '.join(data)}; {_SEGMENT} are expected ({error})"
        ) from error


def _text(words: object) -> str:
    if not is_text(words):
        raise TypeError(f"words is {words!r}")
    return str(words)


def _first(data: object, names: tuple[str, ...], where: str) -> str:
    if isinstance(data, dict):
        for name in names:
            if is_text(data.get(name)):
                return str(data[name])
    found = ", ".join(data) if isinstance(data, dict) else type(data).__name__
    raise InputError(f"{where}: key {names[0]!r} (or {', '.join(names[1:])}) expected; has {found}")
