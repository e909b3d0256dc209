"""The file of a reviewer's verdicts: what the page exports and ``--verdicts`` reads.

``docs/verdicts.md`` describes it. Everything is checked before anything is counted, and what is
wrong is named with its file and its entry.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

from manifests.errors import InputError, ObjectNotFoundError, StoreError
from manifests.json_files import is_text, parsed_json
from manifests.storage import parent_store

VERSION = 1
Ruling = Literal["acceptable", "reference-wrong", "excluded"]
_RULINGS: tuple[str, ...] = get_args(Ruling)
_KINDS = ("S", "D", "I")
_KEYS = ("recording", "channel", "path", "verdict", "error", "reference", "note", "by", "given_at")
_ERROR_KEYS = ("kind", "position", "nth", "reference_word", "hypothesis_word")


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedError:
    """One word error, found by its place in the reference, so that another run has it too.

    ``position`` counts the scored words of the reference before it, ``nth`` the inserted words
    between it and that place (0 for all but insertions).
    """

    kind: Literal["S", "D", "I"]
    position: int
    nth: int
    reference_word: str | None
    hypothesis_word: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a reviewer says of a recording (``error`` is None), or of one error in it.

    ``reference`` is what was really said, where the reference is wrong and the reviewer wrote it
    down.
    """

    recording: str
    channel: int | None
    path: str
    verdict: Ruling
    error: JudgedError | None = None
    reference: str | None = None
    note: str = ""
    by: str
    given_at: datetime

    @property
    def target(self) -> tuple[object, ...]:
        """What the verdict is about: no two verdicts of a file share it."""
        error = self.error
        where = (error.kind, error.position, error.nth) if error else None
        return self.recording, self.channel, where

    def as_json(self) -> dict[str, Any]:
        """The verdict as an entry of the file."""
        entry = asdict(self) | {"given_at": self.given_at.isoformat().replace("+00:00", "Z")}
        optional = ("error", "reference")
        return {k: v for k, v in entry.items() if k not in optional or v is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdicts:
    """The verdicts of one file, and the run on whose page they were given."""

    file: str
    run_id: str
    entries: tuple[Verdict, ...]


def read_verdicts(path: Path | str) -> Verdicts:
    """Read and check a file of verdicts, by its path or URI.

    Raises:
        InputError: it is no such file; the message names the entry and what was expected there.
    """
    try:
        store, key = parent_store(str(path))
        content = parsed_json(store.read(key).decode("utf-8-sig"))
    except ObjectNotFoundError as error:
        raise InputError(
            f"{path}: no such file of verdicts; the report page exports one (Export)"
        ) from error
    except StoreError as error:
        raise InputError(f"verdicts: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text; expected what the report page exports"
        ) from error
    except ValueError as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(f"{path}{line}: not JSON ({error}); export the verdicts again") from error
    return _verdicts(str(path), content)


def _verdicts(file: str, content: Any) -> Verdicts:
    if not isinstance(content, dict) or content.get("nightscribe") != "verdicts":
        raise InputError(
            f'{file}: no file of verdicts; expected {{"nightscribe": "verdicts", …}} as the report '
            "page exports it"
        )
    if content.get("version") != VERSION:
        raise InputError(
            f"{file}: version is {_named(content.get('version'))}; expected {VERSION}, which this "
            "nightscribe reads"
        )
    listed = content.get("verdicts")
    if not isinstance(listed, list):
        raise InputError(f"{file}: 'verdicts' is {_named(listed)}; expected a list")
    run_id = _Entry(file, content).text("run_id")
    entries = tuple(
        _verdict(_Entry(f"{file}, verdicts[{at}]", item)) for at, item in enumerate(listed)
    )
    _check_once(file, entries)
    return Verdicts(file=file, run_id=run_id, entries=entries)


def _check_once(file: str, entries: tuple[Verdict, ...]) -> None:
    first: dict[tuple[object, ...], int] = {}
    for at, entry in enumerate(entries):
        before = first.setdefault(entry.target, at)
        if before != at:
            raise InputError(
                f"{file}, verdicts[{at}]: about the same place as verdicts[{before}]; "
                "keep one of them"
            )


def _verdict(entry: _Entry) -> Verdict:
    entry.only(_KEYS)
    verdict = cast(Ruling, entry.one_of("verdict", _RULINGS))
    error = entry.value.get("error")
    if (verdict == "acceptable" and error is None) or (verdict == "excluded" and error is not None):
        expected = "an 'error'" if error is None else "no 'error': recordings are excluded"
        raise InputError(f"{entry.where}: verdict {verdict!r} needs {expected}")
    reference = entry.text_or_none("reference")
    if reference is not None and (verdict != "reference-wrong" or error is not None):
        raise InputError(
            f"{entry.where}: 'reference' goes with verdict 'reference-wrong' of a whole recording"
        )
    return Verdict(
        recording=entry.text("recording"),
        channel=entry.number_or_none("channel"),
        path=entry.text_or_none("path") or "",
        verdict=verdict,
        error=None if error is None else _error(_Entry(f"{entry.where}, error", error)),
        reference=reference,
        note=entry.text_or_none("note") or "",
        by=entry.text("by"),
        given_at=entry.moment("given_at"),
    )


def _error(entry: _Entry) -> JudgedError:
    entry.only(_ERROR_KEYS)
    kind = cast(Literal["S", "D", "I"], entry.one_of("kind", _KINDS))
    words = {name: entry.text_or_none(name) for name in _ERROR_KEYS[3:]}
    for name, absent in (("reference_word", "I"), ("hypothesis_word", "D")):
        if (words[name] is None) != (kind == absent):
            wanted = "none" if kind == absent else "a word"
            raise InputError(
                f"{entry.where}: {name!r} is {words[name]!r}; an error of kind {kind} has {wanted}"
            )
    return JudgedError(
        kind=kind,
        position=entry.number("position"),
        nth=entry.number_or_none("nth") or 0,
        reference_word=words["reference_word"],
        hypothesis_word=words["hypothesis_word"],
    )


class _Entry:
    """One object of the file, with its place for messages."""

    def __init__(self, where: str, value: Any) -> None:
        if not isinstance(value, dict):
            raise InputError(f"{where}: {_named(value)}; expected an object")
        self.where = where
        self.value: Mapping[str, Any] = value

    def only(self, keys: tuple[str, ...]) -> None:
        for key in self.value:
            if key not in keys:
                raise InputError(f"{self.where}: unknown key {key!r}{_nearest(key, keys)}")

    def text(self, key: str) -> str:
        found = self.value.get(key)
        if not is_text(found) or not str(found).strip():
            raise InputError(f"{self.where}: {key!r} is {_named(found)}; expected a text")
        return str(found)

    def text_or_none(self, key: str) -> str | None:
        found = self.value.get(key)
        if found is not None and not is_text(found):
            raise InputError(f"{self.where}: {key!r} is {_named(found)}; expected a text")
        return found

    def number(self, key: str) -> int:
        found = self.number_or_none(key)
        if found is None:
            raise InputError(f"{self.where}: {key!r} is missing; expected a number from 0")
        return found

    def number_or_none(self, key: str) -> int | None:
        found = self.value.get(key)
        if found is None:
            return None
        if isinstance(found, bool) or not isinstance(found, int) or found < 0:
            raise InputError(f"{self.where}: {key!r} is {_named(found)}; expected a number from 0")
        return found

    def one_of(self, key: str, known: tuple[str, ...]) -> str:
        found = self.value.get(key)
        if found not in known:
            expected = ", ".join(known) + _nearest(str(found), known)
            raise InputError(
                f"{self.where}: {key!r} is {_named(found)}; expected one of {expected}"
            )
        return cast(str, found)

    def moment(self, key: str) -> datetime:
        found = self.value.get(key)
        try:
            given = datetime.fromisoformat(found) if isinstance(found, str) else None
            moment = given.astimezone(UTC) if given and given.tzinfo else None
        except (ValueError, OverflowError):
            moment = None
        if moment is None:
            raise InputError(
                f"{self.where}: {key!r} is {_named(found)}; expected a moment as in "
                "2026-11-23T08:12:00Z"
            )
        return moment


def _named(value: Any) -> str:
    if value is None:
        return "missing"
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


def _nearest(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
