"""A file that means ill, and how a recording of that name may end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

OK, EMPTY = frozenset({"ok"}), frozenset({"empty"})
EMPTY_FILE, TOO_LONG = frozenset({"empty_file"}), frozenset({"too_long"})
CORRUPT, UNSUPPORTED = frozenset({"corrupt"}), frozenset({"unsupported_format"})
FORBIDDEN, NOT_FOUND = frozenset({"forbidden"}), frozenset({"not_found"})
CHANGED = frozenset({"changed"})
NO_SOUND = CORRUPT | UNSUPPORTED
SOUND = OK | EMPTY
FINAL = SOUND | NO_SOUND | TOO_LONG | EMPTY_FILE


@dataclass(frozen=True, kw_only=True)
class HostileFile:
    """``group`` is its line in the table of docs/reliability.md, ``make`` puts it at a path.

    ``ends`` are the statuses or error kinds that are right for it. A ``large`` one takes seconds
    or gigabytes, and belongs to the long form of the tests.
    """

    group: str
    name: str
    make: Callable[[Path], None]
    ends: frozenset[str]
    large: bool = False


def of_bytes(
    group: str, name: str, data: bytes, ends: frozenset[str], *, large: bool = False
) -> HostileFile:
    """A file with these bytes."""

    def make(path: Path) -> None:
        path.write_bytes(data)

    return HostileFile(group=group, name=name, make=make, ends=ends, large=large)
