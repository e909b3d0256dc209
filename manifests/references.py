"""References: what was really said, in the forms that people keep it.

TSV or CSV (recording, text), JSONL in NeMo's form, STM, or a folder of ``.txt`` files.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from manifests.errors import InputError, ObjectNotFoundError, StoreError
from manifests.matching import Matching, match_entries
from manifests.storage import Store, open_store, parent_store
from manifests.tables import (
    RECORDING_COLUMNS,
    TEXT_COLUMNS,
    TableRow,
    decode_utf8,
    find_column,
    lines_of,
    read_rows,
)


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The text of one recording, or of one channel of it, and where it was written."""

    recording: str
    text: str
    channel: int | None = None
    source: str = ""


UNSCORED_REGION = "(( ))"
"""What stands in a text for a region that is not scored; docs/scoring.md says how."""
ReferenceTexts = dict[int | None, str]
"""Text by channel; the whole recording's under None."""


def load_references(location: str) -> list[Reference]:
    """Read references from a file's or a folder's URI or path.

    Raises:
        InputError: naming the file, the line, what was found and what is expected; also where
            there is not a single reference.
    """
    found = _read(location)
    if not found:
        raise InputError(
            f"[references] uri {location!r}: no reference found there; "
            "a .tsv, .csv, .jsonl or .stm file, or a folder of .txt files is expected"
        )
    return found


def _read(location: str) -> list[Reference]:
    kind = location.lower().rpartition(".")[2]
    if kind not in _FILE_KINDS:
        try:
            return list(_sidecars(open_store(location)))
        except StoreError as error:
            raise InputError(f"[references] uri {location!r}: {error}") from error
    store, name = parent_store(location)
    try:
        data = store.read(name)
    except ObjectNotFoundError as error:
        raise InputError(f"references: {error}; check [references] uri") from error
    if kind in ("jsonl", "json"):
        return _unique(_from_json_lines(decode_utf8(data, name=name), name))
    if kind == "stm":
        return _unique(_from_stm(decode_utf8(data, name=name), name))
    return _unique(_from_table(list(read_rows(data, name=name)), name))


_FILE_KINDS = frozenset({"tsv", "csv", "jsonl", "json", "stm"})


def match_references(
    references: Iterable[Reference], paths: Iterable[str]
) -> Matching[ReferenceTexts]:
    """References by recording path, with those that match none or several.

    Raises:
        InputError: two references for the same recording and channel.
    """
    matching = match_entries(references, paths, slot=lambda one: one.channel, clash=_twice)
    return Matching(
        by_path={
            path: {one.channel: one.text for one in found}
            for path, found in matching.by_path.items()
        },
        unmatched=matching.unmatched,
        ambiguous=matching.ambiguous,
    )


def _twice(recording: str, reference: Reference, known: Reference) -> InputError:
    return InputError(
        f"{reference.source}: {recording!r} has a reference already ({known.source}); "
        "keep one of them"
    )


def _from_table(rows: list[TableRow], name: str) -> Iterator[Reference]:
    if not rows:
        raise InputError(f"{name}: the file is empty; rows of recording and text are expected")
    recording = find_column(rows[0].cells, RECORDING_COLUMNS)
    text = find_column(rows[0].cells, TEXT_COLUMNS)
    if recording is not None and text is None:
        raise InputError(
            f"{name}, line 1: no column named {' or '.join(TEXT_COLUMNS)} for the text; "
            f"found {', '.join(cell.strip() for cell in rows[0].cells)}"
        )
    if recording is None or text is None:
        recording, text = 0, 1  # no header: recording, text
    else:
        rows = rows[1:]
    for row in rows:
        if len(row.cells) <= max(recording, text):
            raise InputError(
                f"{name}, line {row.line}: {len(row.cells)} column(s) found, "
                f"{max(recording, text) + 1} expected (recording, then text)"
            )
        yield Reference(
            recording=row.cells[recording].strip(),
            text=row.cells[text].strip(),
            source=f"{name}, line {row.line}",
        )


def _from_json_lines(text: str, name: str) -> Iterator[Reference]:
    for number, line in lines_of(text):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            data = json.loads(line)
        except ValueError as error:
            raise InputError(f"{where}: not JSON ({error})") from error
        recording = _first(data, RECORDING_COLUMNS, where)
        spoken = _first(data, TEXT_COLUMNS, where)
        yield Reference(recording=recording, text=spoken.strip(), source=where)


def _first(data: object, names: tuple[str, ...], where: str) -> str:
    if isinstance(data, dict):
        for name in names:
            if isinstance(data.get(name), str):
                return str(data[name])
    found = ", ".join(data) if isinstance(data, dict) else type(data).__name__
    raise InputError(f"{where}: key {names[0]!r} (or {', '.join(names[1:])}) expected; has {found}")


def _from_stm(text: str, name: str) -> Iterator[Reference]:
    """Segments of each file and channel, joined in the order of their times."""
    spoken: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
    for number, line in lines_of(text):
        fields = line.split(maxsplit=5)
        if not fields or line.startswith(";;"):
            continue
        if len(fields) < 5:
            raise InputError(
                f"{name}, line {number}: {len(fields)} fields found; "
                "file channel speaker start end text expected"
            )
        words = fields[5] if len(fields) > 5 else ""
        if words.startswith("<"):
            words = words.partition(">")[2]
        if words.strip().upper() == "IGNORE_TIME_SEGMENT_IN_SCORING":
            words = UNSCORED_REGION
        try:
            spoken[fields[0], fields[1]].append((float(fields[3]), words.strip()))
        except ValueError as error:
            raise InputError(f"{name}, line {number}: start {fields[3]!r} is no number") from error
    yield from _joined_stm(spoken, name)


def _joined_stm(
    spoken: dict[tuple[str, str], list[tuple[float, str]]], name: str
) -> Iterator[Reference]:
    files: dict[str, list[str]] = defaultdict(list)
    for file, channel in sorted(spoken):
        files[file].append(channel)
    for file, channels in files.items():
        everything = [part for channel in channels for part in spoken[file, channel]]
        yield Reference(recording=file, text=_in_time(everything), source=name)
        if len(channels) > 1:
            for position, channel in enumerate(channels):
                yield Reference(
                    recording=file,
                    text=_in_time(spoken[file, channel]),
                    channel=_stm_channel(channel, position),
                    source=name,
                )


def _in_time(parts: list[tuple[float, str]]) -> str:
    return " ".join(text for _, text in sorted(parts, key=lambda part: part[0]) if text)


def _stm_channel(name: str, position: int) -> int:
    # STM counts channels from 1 or from A (SCTK, doc/infmts.htm); records count from 0.
    if name.isdecimal() and int(name) > 0:
        return int(name) - 1
    if len(name) == 1 and name.isascii() and name.isalpha():
        return ord(name.upper()) - ord("A")
    return position


def _sidecars(store: Store) -> Iterator[Reference]:
    for entry in store.list():
        if entry.key.lower().endswith(".txt"):
            text = decode_utf8(store.read(entry.key), name=entry.key)
            yield Reference(
                recording=entry.key[: -len(".txt")],
                text=" ".join(text.split()),
                source=entry.key,
            )


def _unique(found: Iterable[Reference]) -> list[Reference]:
    references: dict[tuple[str, int | None], Reference] = {}
    for reference in found:
        known = references.setdefault((reference.recording, reference.channel), reference)
        if known is not reference:
            raise _twice(reference.recording, reference, known)
    return list(references.values())
