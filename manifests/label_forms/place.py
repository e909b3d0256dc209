"""Where labels are said to be: one file, or a folder with everything below it."""

from __future__ import annotations

import gzip
import posixpath
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO, cast

from manifests.errors import InputError, StoreError
from manifests.json_files import parsed_json
from manifests.labels import LabelledUtterance, located
from manifests.matching import Matcher
from manifests.storage import Store, open_store, parent_store
from manifests.tables import decode_utf8, lines_of

SOUND_EXTENSIONS = frozenset(
    (
        *("wav", "flac", "mp3", "m4a", "mp4", "ogg", "oga", "opus", "aac"),
        *("aif", "aiff", "au", "sph", "webm", "wma", "amr", "caf"),
    )
)
_BARE_BUCKET = re.compile(r"s3://[^/]+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder as a store, and the one file in it where a file was named.

    What is listed or read is read once: forms look at the same place one after the other.
    """

    location: str
    store: Store
    file: str | None = None

    @staticmethod
    def at(location: str) -> Place:
        """The file or the folder at a path, a ``file://`` or an ``s3://`` URI.

        Raises:
            InputError: there is neither.
        """
        if not location.endswith("/") and not _BARE_BUCKET.fullmatch(location):
            store, name = parent_store(location)
            if store.stat(name) is not None:
                return Place(location=location, store=store, file=name)
        place = Place(location=location, store=open_store(location))
        if not place.keys:
            raise InputError(f"labels: {location}: no such file, and no folder with files in it")
        return place

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Every file of the folder and below, sorted."""
        return tuple(entry.key for entry in self.store.list())

    @cached_property
    def sounds(self) -> tuple[str, ...]:
        """The files that are sound by their extension."""
        return tuple(key for key in self.keys if extension(key) in SOUND_EXTENSIONS)

    def shown(self, key: str) -> str:
        """The file's name for a message, as the user would write it."""
        if self.file == key:
            return self.location
        folder = self.location if self.file is None else self.location[: -len(self.file)]
        return f"{folder.rstrip('/')}/{key}" if folder else key

    def named(self, wanted: Callable[[str], bool]) -> list[str]:
        """The named file where ``wanted`` says yes to it; of a folder all such files."""
        keys: Sequence[str] = self.keys if self.file is None else (self.file,)
        return [key for key in keys if wanted(key)]

    def lines(self, key: str) -> Iterator[tuple[str, str]]:
        """Lines that are not blank, each after the file and line to name in a message."""
        for number, line in lines_of(self.text(key)):
            if line.strip():
                yield f"{self.shown(key)}, line {number}", line

    def text(self, key: str) -> str:
        """A file's text; one that ends in ``.gz`` is unpacked."""
        return decode_utf8(self.data(key), name=self.shown(key))

    def data(self, key: str) -> bytes:
        """A file's bytes; one that ends in ``.gz`` is unpacked.

        Raises:
            InputError: it cannot be read or unpacked.
        """
        try:
            data = self.store.read(key)
            return gzip.decompress(data) if key.lower().endswith(".gz") else data
        except StoreError as error:
            raise InputError(f"labels: {error}") from error
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{self.shown(key)}: not a whole gzip file ({error})") from error

    def objects(self, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The JSON objects of a file, one a line, each after where it stands.

        Raises:
            InputError: a line is no JSON object.
        """
        for where, line in self.lines(key):
            yield where, json_object(line, where)

    def first_object(self, key: str) -> dict[str, Any]:
        """The JSON object in a file's first line; empty where there is none."""
        line = self.first_line(key)
        try:
            found = parsed_json(line)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def first_line(self, key: str) -> str:
        """A file's first line that is not blank, read without the rest; empty where none is."""
        try:
            with self.store.open(key) as raw, _unpacked(raw, key) as file:
                # Whatever is no text has no line end for long: a megabyte is enough to see.
                lines = (file.readline(1 << 20) for _ in range(16))
                text = next((line for line in lines if line.strip()), b"")
        except (OSError, EOFError, zlib.error):
            return ""
        return text.decode("utf-8-sig", errors="replace").strip("\r\n")

    def sound(self, name: str, *, where: str) -> str:
        """The URI of the recording that ``name`` means: by path, or by name without extension.

        A recording that is not there keeps the URI that its name would have, so that a data
        check counts it as missing beside the others.

        Raises:
            InputError: the name fits several recordings.
        """
        if "://" in name or name.startswith("/"):
            return located(name, self.store)
        match = self._matcher.match(name)
        if match.path is not None:
            return self.store.uri_of(match.path)
        if match.candidates:
            raise InputError(
                f"{where}: {name!r} fits {len(match.candidates)} recordings "
                f"({', '.join(match.candidates[:3])}); write its path with the extension"
            )
        return located(name, self.store)

    def with_sound(self, found: list[LabelledUtterance]) -> list[LabelledUtterance]:
        """``found`` as it is, unless not one of its recordings is there.

        Raises:
            InputError: naming what was looked for and where.
        """
        here = {self.store.uri_of(key) for key in self.sounds}
        if found and not any(
            one.audio in here or not one.audio.startswith(self.store.uri) for one in found
        ):
            name = found[0].audio.removeprefix(self.store.uri)
            raise InputError(
                f"{found[0].source}: no recording {name!r}, nor any other that is named there; "
                f"{len(self.sounds)} sound files found in {self.store.uri}; put the labels beside "
                "their recordings, or name the folder that holds both"
            )
        return found

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher(self.sounds)


@dataclass(frozen=True, kw_only=True)
class LabelForm:
    """One way in which people keep labels.

    ``looks_like`` says to a person what the form is known by; ``fits`` says whether a place has
    it, and ``read`` reads it.
    """

    name: str
    looks_like: str
    fits: Callable[[Place], bool]
    read: Callable[[Place], list[LabelledUtterance]]


def _unpacked(raw: BinaryIO, key: str) -> BinaryIO:
    return cast("BinaryIO", gzip.open(raw)) if key.lower().endswith(".gz") else raw


def extension(key: str) -> str:
    """A file's extension in lower case, without the dot; ``.gz`` counts for nothing."""
    return posixpath.splitext(key.lower().removesuffix(".gz"))[1].removeprefix(".")


def json_object(line: str, where: str) -> dict[str, Any]:
    """The JSON object of one line.

    Raises:
        InputError: it is none.
    """
    try:
        found = parsed_json(line)
    except ValueError as error:
        raise InputError(f"{where}: not JSON ({error}); one object a line is expected") from error
    if not isinstance(found, dict):
        raise InputError(f"{where}: found {line[:60]!r}; a JSON object is expected")
    return found


def split_named(name: str) -> str | None:
    """The split that a file's or a folder's name tells: ``train``, ``validation`` or ``test``."""
    word = re.split(r"[^a-z]", name.lower(), maxsplit=1)[0]
    return _SPLITS.get(word)


_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "valid", "validation", "val"), "validation"),
    **dict.fromkeys(("test", "testing", "eval"), "test"),
}
