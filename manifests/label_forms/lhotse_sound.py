"""The sound of a lhotse recording: which file, and which channel of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manifests.errors import InputError
from manifests.label_forms.relative import base_of
from manifests.labels import located
from manifests.storage import Store

_URL_SCHEMES = ("s3://", "file://")
# Every reader here resamples anyway; other transforms make another sound than the file's.
_HARMLESS_TRANSFORM = "Resample"


@dataclass(frozen=True, kw_only=True)
class Sound:
    """A file's URI, and the channel in it; None for the only one, or for all of them mixed."""

    uri: str
    channel: int | None


@dataclass(frozen=True, kw_only=True)
class LhotseRecording:
    """A recording's files with the channels that they hold, in the files' own order."""

    id: str
    sources: tuple[tuple[str, tuple[int, ...]], ...]

    @staticmethod
    def read_all(
        rows: Sequence[tuple[str, Mapping[str, Any]]], store: Store
    ) -> list[LhotseRecording]:
        """Recordings of a manifest in ``store``, each row after where it stands.

        Raises:
            InputError: a recording is no file: a command, sound in the manifest, or transformed.
        """
        written = [_written(row, where) for where, row in rows]
        base = base_of(store, [path for one in written for path, _ in one.sources])
        return [
            LhotseRecording(
                id=one.id,
                sources=tuple((located(path, base), channels) for path, channels in one.sources),
            )
            for one in written
        ]

    def channel(self, wanted: object, where: str) -> Sound:
        """The file and channel of a supervision's ``channel``, a number or a list of them.

        Raises:
            InputError: there is no such channel, or some of a file's channels but not all.
        """
        channels = _numbers(wanted if wanted is not None else 0, where)
        for uri, held in self.sources:
            if set(channels) == set(held):
                return Sound(uri=uri, channel=None)
            if len(channels) == 1 and channels[0] in held:
                return Sound(uri=uri, channel=held.index(channels[0]))
        raise InputError(
            f"{where}: channel is {wanted!r}; recording {self.id!r} has files with channels "
            f"{', '.join(str(list(held)) for _, held in self.sources)}: one, or all of a file"
        )


def _written(row: Mapping[str, Any], where: str) -> LhotseRecording:
    sources = row.get("sources")
    if not isinstance(row.get("id"), str) or not isinstance(sources, list) or not sources:
        raise InputError(f"{where}: a recording with id and sources is expected; has {list(row)}")
    for transform in row.get("transforms") or ():
        name = transform.get("name") if isinstance(transform, dict) else transform
        if name != _HARMLESS_TRANSFORM:
            raise InputError(
                f"{where}: recording {row['id']!r} has the transform {name!r}, which is not "
                "applied here; write the changed sound to files (lhotse's CutSet.save_audios)"
            )
    return LhotseRecording(id=row["id"], sources=tuple(_source(one, where) for one in sources))


def _source(source: object, where: str) -> tuple[str, tuple[int, ...]]:
    found = source if isinstance(source, dict) else {}
    kind, path = found.get("type"), found.get("source")
    if isinstance(path, str) and (
        kind == "file" or (kind == "url" and path.startswith(_URL_SCHEMES))
    ):
        return path, tuple(_numbers(found.get("channels", [0]), where))
    raise InputError(
        f"{where}: found a source of type {kind!r} ({str(path)[:60]!r}); the sound must be a file "
        "or an s3:// URL: write it to files first (lhotse's CutSet.save_audios)"
    )


def _numbers(value: object, where: str) -> list[int]:
    numbers = value if isinstance(value, list) else [value]
    whole = [one for one in numbers if type(one) is int and one >= 0]
    if not whole or len(whole) != len(numbers):
        raise InputError(f"{where}: channel is {value!r}; 0, 1, … or a list of them is expected")
    return whole
