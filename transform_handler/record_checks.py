"""What the values of a transcript record must be before anything is made of them.

A line of an output may be torn, of another version, or edited: what is no record then is none,
and does not stop the collection of a night.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from manifests.json_files import is_text

Check = Callable[[Any], bool]

_MOST = 1e12
_MOST_INTEGER = 1 << 31
_PLAIN_KEYS = 4  # text, start, end, confidence


def check_record(data: Mapping[str, Any]) -> None:
    """Check the values of a record as JSON has them; a key that is missing is for its reader.

    Raises:
        ValueError: naming the first key whose value cannot be.
    """
    _check(data, _RECORD)
    for segment in data["segments"]:
        _check(segment, _SEGMENT)
        if not _are_plain_words(segment["words"]):
            for word in segment["words"]:
                _check(word, _WORD)
    for window in data.get("sound", ()):
        _check(window, _WINDOW)


def _are_plain_words(words: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the checks of words would find nothing, at a fraction of their time.

    Nearly all of an output is words.
    """
    try:
        texts = [word["text"] for word in words]
        plain = all(
            len(word) == _PLAIN_KEYS
            and type(start := word["start"]) is float
            and type(end := word["end"]) is float
            and type(sure := word["confidence"]) is float
            and -_MOST < start < _MOST
            and -_MOST < end < _MOST
            and -_MOST < sure < _MOST
            for word in words
        )
        return plain and is_text("".join(texts))
    except (KeyError, TypeError):
        return False


def _check(data: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    for key, value in data.items():
        check = checks.get(key, _is_number)
        if not check(value):
            raise ValueError(f"{key} is {str(value)[:60]!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_INTEGER


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and is_text(value.get("kind")) and is_text(value.get("message"))


def _is_stamp(value: Any) -> bool:
    return isinstance(value, dict) and is_text(value.get("digest", ""))


def _are_seconds(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


_RECORD: Mapping[str, Check] = {
    "id": is_text,
    "uri": is_text,
    "status": is_text,
    "channel": _or_none(_is_whole),
    "offset": _or_none(_is_number),
    "error": _or_none(_is_error),
    "duration": _or_none(_is_number),
    "channels": _or_none(_is_whole),
    "language": _or_none(is_text),
    "segments": _are_objects,
    "calibrated": _is_flag,
    "sound": _are_objects,
    "mix": _or_none(_are_seconds),
    "model": _is_stamp,
    "decode": _is_stamp,
}
_WORD: Mapping[str, Check] = {"text": is_text, "flags": _are_texts}
_SEGMENT: Mapping[str, Check] = {
    **_WORD,
    "flags": _or_none(_are_texts),
    "channel": _or_none(_is_whole),
    "words": _are_objects,
}
_WINDOW: Mapping[str, Check] = {
    name: _or_none(_is_number) for name in ("peak_dbfs", "level_dbfs", "snr_db")
} | {"bandwidth_hertz": _or_none(_is_whole)}
