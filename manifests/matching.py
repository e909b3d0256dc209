"""Which recording a name in a table means.

By relative path; else by path without extension; else by file name without extension, where
only one recording has it. A name that fits several recordings matches none and is reported.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from manifests.errors import InputError

T = TypeVar("T")
N = TypeVar("N", bound="Named")

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")


@dataclass(frozen=True, kw_only=True)
class Match:
    """The recording's path, or None with the candidates that the name fits."""

    path: str | None
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Matching(Generic[T]):
    """Table entries by recording path, and the names that found no single recording."""

    by_path: dict[str, T] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)
    ambiguous: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Matcher:
    """Finds recordings by the names that people write in tables."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = set(paths)

    # Only made where a name is not a path: of a million recordings it takes half a gigabyte.
    @cached_property
    def _by_stem(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        stems: dict[str, list[str]] = defaultdict(list)
        names: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self._paths):
            stem = without_extension(path)
            stems[stem].append(path)
            names[stem.rpartition("/")[2]].append(path)
        return stems, names

    def match(self, name: str) -> Match:
        """The one recording that ``name`` means."""
        if name in self._paths:
            return Match(path=name)
        name = name.replace("\\", "/").removeprefix("./")
        if name in self._paths:
            return Match(path=name)
        stems, names = self._by_stem
        for index, written in (
            (stems, name),
            (stems, without_extension(name)),
            (names, name.rpartition("/")[2]),
            (names, without_extension(name.rpartition("/")[2])),
        ):
            found: Sequence[str] = index.get(written, ())
            if len(found) == 1:
                return Match(path=found[0])
            if found:
                return Match(path=None, candidates=tuple(found))
        return Match(path=None)


class Named(Protocol):
    """A table's entry: the recording that it names, as it is written there."""

    @property
    def recording(self) -> str: ...


def match_entries(
    entries: Iterable[N],
    paths: Iterable[str],
    *,
    slot: Callable[[N], Hashable],
    clash: Callable[[str, N, N], InputError],
) -> Matching[list[N]]:
    """Entries by recording, one for each ``slot`` of it.

    Exact names come first: "talk.mp3" is not a second entry of "talk.wav" where that has its own.

    Raises:
        InputError: two entries for one recording and slot; ``clash`` makes it from the path, the
            entry and the one before.
    """
    known_paths = set(paths)
    matcher = Matcher(known_paths)
    matching: Matching[list[N]] = Matching()
    taken: dict[tuple[str, Hashable], N] = {}
    for entry in sorted(entries, key=lambda one: one.recording not in known_paths):
        match = matcher.match(entry.recording)
        if match.path is None and match.candidates:
            matching.ambiguous[entry.recording] = match.candidates
            continue
        known = taken.get((match.path, slot(entry))) if match.path else None
        if match.path is None or (known and known.recording == match.path != entry.recording):
            matching.unmatched.append(entry.recording)
        elif known is not None:
            raise clash(match.path, entry, known)
        else:
            taken[match.path, slot(entry)] = entry
            matching.by_path.setdefault(match.path, []).append(entry)
    return matching


def without_extension(path: str) -> str:
    """The path without an extension of one to five letters or digits."""
    return _EXTENSION.sub("", path)
