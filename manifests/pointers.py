"""Pointers: one JSON line for each recording, or part of one, that a transform job is to read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from manifests.errors import InputError
from manifests.json_files import is_text, parsed_json

ChannelMode = Literal["mix", "split"]


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """Where a recording lies, which version of it, and which stretch of it is asked for.

    ``offset`` and ``duration`` are seconds; both None mean the whole recording, and ``duration``
    None means to its end.
    """

    id: str
    uri: str
    etag: str | None = None
    version: str | None = None
    size: int | None = None
    offset: float | None = None
    duration: float | None = None
    channels: ChannelMode = "mix"
    language: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)

    def to_line(self) -> str:
        """The pointer as one JSON line without its newline; what is None is left out."""
        data = {name: value for name, value in asdict(self).items() if value not in (None, {})}
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_line(cls, line: str) -> Pointer:
        """Read one line.

        Raises:
            InputError: it is not a pointer; the message names the key.
        """
        try:
            data = parsed_json(line)
        except ValueError as error:
            raise InputError(f"not JSON ({error})") from error
        if not isinstance(data, dict):
            raise InputError(f"a JSON object is expected, found {type(data).__name__}")
        for name, value in data.items():
            _check_field(name, value)
        for name in ("id", "uri"):
            if name not in data:
                raise InputError(f"key {name!r} is missing")
        return cls(**data)


def read_pointers(text: str, *, name: str) -> Iterator[Pointer]:
    """The pointers of a shard; blank lines are passed over.

    Raises:
        InputError: naming the shard and the line.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield Pointer.from_line(line)
            except InputError as error:
                raise InputError(f"{name}, line {number}: {error}") from error


def write_pointers(pointers: Iterable[Pointer]) -> bytes:
    """A shard's bytes."""
    return "".join(pointer.to_line() + "\n" for pointer in pointers).encode()


_TEXT = frozenset({"id", "uri", "etag", "version", "language"})
_SECONDS = frozenset({"offset", "duration"})


def _check_field(name: str, value: object) -> None:
    if name in _TEXT:
        good, expected = is_text(value) and bool(value), "a text that is not empty"
    elif name in _SECONDS:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        good, expected = number and 0 <= value < 1e9, "seconds, zero or more"  # type: ignore[operator]
    elif name == "size":
        good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        expected = "bytes, zero or more"
    elif name == "channels":
        good, expected = value in ("mix", "split"), '"mix" or "split"'
    elif name == "meta":
        good = isinstance(value, dict) and all(map(is_text, (*value, *value.values())))
        expected = "an object whose values are texts"
    else:
        raise InputError(
            f"key {name!r} is not known; known are {', '.join(Pointer.__dataclass_fields__)}"
        )
    if not good:
        raise InputError(f"key {name!r}: {expected} expected, found {value!r}")
