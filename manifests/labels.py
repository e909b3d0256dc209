"""Labelled speech: stretches of sound and what is said in them, in a manifest of JSON lines.

The form is NeMo's (``audio_filepath``, ``duration``, ``text``, ``offset``, ``speaker``, ``lang``)
with a few keys more; other forms are read by ``manifests.label_forms``.
"""

from __future__ import annotations

import json
import math
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from manifests.errors import InputError, StoreError
from manifests.json_files import parsed_json
from manifests.local_store import uri_of_path
from manifests.storage import Store, open_store, open_uri, parent_store
from manifests.tables import decode_utf8, lines_of

MANIFEST = "manifest.jsonl"
_EXPECTED = 'expected {"audio_filepath": …, "text": …} and maybe duration, offset, speaker'


@dataclass(frozen=True, kw_only=True)
class LabelledUtterance:
    """One stretch of sound and what is said in it; times in seconds.

    ``audio`` is a ``file://`` or ``s3://`` URI. A ``duration`` of None means to the end of the
    sound, which a data check measures. ``recording`` names what the sound was cut from, so that
    two stretches of one meeting are known to be of one. ``source`` says where the label stands.
    ``id`` is the utterance's name where its sound was moved to another one.
    """

    audio: str
    text: str
    duration: float | None = None
    offset: float = 0.0
    channel: int | None = None
    speaker: str | None = None
    recording: str | None = None
    language: str | None = None
    split: str | None = None
    source: str = ""
    id: str | None = None

    @property
    def key(self) -> str:
        """Names the utterance wherever its folder is mounted and its sound was moved to."""
        if self.id is not None:
            return self.id
        name = self.audio.rpartition("/")[2]
        channel = "" if self.channel is None else f"#{self.channel}"
        return f"{name}{channel}@{self.offset:.3f}"

    def open(self) -> BinaryIO:
        """The recording that holds the utterance, seekable.

        Raises:
            StoreError: it cannot be read.
        """
        return open_uri(self.audio)


def read_labels(location: str | Path) -> list[LabelledUtterance]:
    """The utterances of a manifest; a folder means its ``manifest.jsonl``.

    Raises:
        InputError: naming the file, the line, what was found and what is expected.
    """
    location = str(location)
    if not location.lower().endswith((".jsonl", ".json")):
        location = location.rstrip("/") + "/" + MANIFEST
    store, key = parent_store(location)
    try:
        text = decode_utf8(store.read(key), name=key)
    except StoreError as error:
        raise InputError(f"labels: {error}; expected a manifest of labelled speech") from error
    found = [
        _utterance(line, store, f"{location}, line {number}")
        for number, line in lines_of(text)
        if line.strip()
    ]
    if not found:
        raise InputError(f"{location}: the manifest is empty; {_EXPECTED}")
    return found


def _utterance(line: str, store: Store, where: str) -> LabelledUtterance:
    try:
        row = parsed_json(line)
        audio = str(row.get("audio_filepath") or row["audio_filename"])
        utterance = LabelledUtterance(
            audio=located(audio, store),
            text=_text(row),
            duration=None if row.get("duration") is None else float(row["duration"]),
            offset=float(row.get("offset") or 0),
            channel=None if row.get("channel") is None else int(row["channel"]),
            speaker=_name(row.get("speaker")),
            recording=_name(row.get("recording")),
            language=_name(row.get("lang") or row.get("language")),
            split=_name(row.get("split")),
            source=where,
            id=_name(row.get("id")),
        )
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
        raise InputError(f"{where}: found {line[:80]!r} ({error!r}); {_EXPECTED}") from error
    return checked(utterance)


def _text(row: dict[str, Any]) -> str:
    # str(None) is a word; a null text is none.
    if row["text"] is None:
        raise ValueError("text is null")
    return str(row["text"])


def checked(utterance: LabelledUtterance) -> LabelledUtterance:
    """The utterance, whose times can be.

    Raises:
        InputError: it begins before its recording, ends before it begins, or has no such channel.
    """
    where, duration = utterance.source, utterance.duration
    if duration is not None and not 0 < duration < math.inf:
        raise InputError(f"{where}: duration is {duration}; expected seconds above 0")
    if not 0 <= utterance.offset < math.inf:
        raise InputError(f"{where}: offset is {utterance.offset}; expected seconds from 0")
    if utterance.channel is not None and utterance.channel < 0:
        raise InputError(f"{where}: channel is {utterance.channel}; expected 0, 1, …")
    return utterance


def located(path: str, store: Store) -> str:
    """The URI of a path that a manifest in ``store`` names: absolute, relative, or a URI itself."""
    if "://" in path:
        return path
    if path.startswith("/"):
        return uri_of_path(Path(path))
    key = posixpath.normpath(path)
    if not key.startswith("../"):
        return store.uri_of(key)
    above = key.count("../")
    root = store.uri.rstrip("/").rsplit("/", above)[0] + "/"
    return open_store(root).uri_of(key[3 * above :])


def _name(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


def write_labels(utterances: Iterable[LabelledUtterance]) -> bytes:
    """The manifest of ``utterances``, in order; the same ones give the same bytes."""
    # A file's name need not be UTF-8; what stands for its bytes is escaped as JSON would.
    return "".join(_line(one) for one in utterances).encode("utf-8", "backslashreplace")


def _line(one: LabelledUtterance) -> str:
    row = {
        "audio_filepath": one.audio,
        "text": one.text,
        "duration": one.duration,
        "offset": one.offset or None,
        "channel": one.channel,
        "speaker": one.speaker,
        "recording": one.recording,
        "lang": one.language,
        "split": one.split,
        "id": one.id,
    }
    kept = {key: value for key, value in row.items() if value is not None}
    return json.dumps(kept, ensure_ascii=False) + "\n"
