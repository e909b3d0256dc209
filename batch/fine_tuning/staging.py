"""Training data where a job can reach it: sound that lies right is named, the rest goes up once.

Sound on this machine for a job in S3 goes to ``training/sound/`` under the hash of its bytes, so
that no recording is uploaded twice, and an interrupted upload goes on.
"""

from __future__ import annotations

import os
import posixpath
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from batch.fine_tuning.request import Channel
from manifests.errors import InputError
from manifests.hashing import sha256_of
from manifests.labels import MANIFEST, LabelledUtterance, write_labels
from manifests.local_store import path_of_uri, uri_of_path
from manifests.manifest_file import write_manifest
from manifests.parallel import in_order
from manifests.storage import Store, open_store
from transform_handler.identity import digest_of

SOUND = "training/sound/"

OnBytes = Callable[[int, int], None]
"""Told how many bytes of how many are uploaded."""


@dataclass(frozen=True, kw_only=True)
class Stager:
    """Puts the channels of a training job below an output location; ``dry`` only names them."""

    output: Store
    dry: bool = False
    on_bytes: OnBytes | None = None

    def labels(
        self,
        name: str,
        utterances: Sequence[LabelledUtterance],
        beside: Mapping[str, bytes] | None = None,
    ) -> list[Channel]:
        """The channels of one set: its labels, and each place that its sound lies in.

        ``beside`` are files that go into the labels' folder too. The manifest names each recording
        relative to its own folder: ``../train_sound/a.flac``.

        Raises:
            StoreError: a recording cannot be read.
        """
        placed = self._placed(utterances)
        places = _places({one.audio for one in placed})
        versions = self._versions(places)
        manifest = write_labels(
            replace(one, audio=_relative(one.audio, name, places)) for one in placed
        )
        files = {MANIFEST: manifest, **(beside or {})}
        hashes = {name: sha256_of(content) for name, content in files.items()}
        folder = f"training/data/{digest_of({'files': hashes, 'sound': versions})}/"
        for file, content in files.items():
            self.put(f"{folder}labels/{file}", content)
        channels = [Channel(name=name, uri=self.output.uri_of(f"{folder}labels/"))]
        for number, (prefix, names) in enumerate(sorted(places.items()), start=1):
            key = f"{folder}sound-{number}.json"
            self._renew(key, write_manifest(prefix, sorted(names)))
            channels.append(
                Channel(name=_sound(name, number), uri=self.output.uri_of(key), kind="ManifestFile")
            )
        return channels

    def put(self, key: str, content: bytes | Path) -> None:
        """Write an object of a content-addressed key, unless it is there."""
        if not self.dry and self.output.stat(key) is None:
            self.output.put(key, content)

    def _renew(self, key: str, content: bytes) -> None:
        """Write what the key's name does not tell: the same sound may lie elsewhere by now."""
        stale = self.output.stat(key) is None or self.output.read(key) != content
        if not self.dry and stale:
            self.output.put(key, content)

    def _placed(self, utterances: Sequence[LabelledUtterance]) -> list[LabelledUtterance]:
        """The utterances with their sound where the job can read it."""
        utterances = [replace(one, audio=_canonical(one.audio)) for one in utterances]
        if not self.output.uri.startswith("s3://"):
            return utterances
        here = sorted({one.audio for one in utterances if one.audio.startswith("file://")})
        keys = dict(zip(here, in_order(_content_key, here), strict=True))
        if not self.dry:
            self._upload(keys)
        moved = {uri: self.output.uri_of(key) for uri, key in keys.items()}
        # Augmentation is keyed by name: the same training here and there hears the same.
        return [
            replace(one, audio=moved[one.audio], id=one.key) if one.audio in moved else one
            for one in utterances
        ]

    def _upload(self, keys: Mapping[str, str]) -> None:
        there = self._there
        missing = {key: path_of_uri(uri) for uri, key in keys.items() if key not in there}
        sizes = {key: path.stat().st_size for key, path in missing.items()}
        done, lock = 0, threading.Lock()

        def upload(key: str) -> None:
            nonlocal done
            self.output.put(key, missing[key])
            with lock:
                there.add(key)
                done += sizes[key]
                if self.on_bytes is not None:
                    self.on_bytes(done, sum(sizes.values()))

        for _ in in_order(upload, missing):
            pass

    @cached_property
    def _there(self) -> set[str]:
        """What is uploaded; one recording may serve several sets."""
        return {entry.key for entry in self.output.list(SOUND)}

    def _versions(self, places: Mapping[str, Iterable[str]]) -> list[str]:
        """Something that changes when sound does, which no hash in its name tells."""
        uploaded = self.output.uri_of(SOUND)
        uris = [
            (prefix, name)
            for prefix, names in sorted(places.items())
            for name in sorted(names)
            if not prefix.startswith(uploaded)
        ]
        return list(in_order(_version, uris))


def _canonical(uri: str) -> str:
    """A file's URI as this package writes it: somebody else's may hold spaces or dots."""
    if not uri.startswith("file://"):
        return uri
    return uri_of_path(Path(os.path.abspath(path_of_uri(uri))))  # noqa: PTH100 - keeps links


def _version(place: tuple[str, str]) -> str:
    prefix, name = place
    store = open_store(prefix)
    if prefix.startswith("file://"):
        return sha256_of(path_of_uri(store.uri_of(name)))
    entry = store.stat(name)
    if entry is None:
        raise InputError(f"{store.uri_of(name)}: the recording is gone")
    return entry.etag


def _content_key(uri: str) -> str:
    path = path_of_uri(uri)
    return f"{SOUND}{sha256_of(path)[:24]}{path.suffix.lower()}"


def _places(uris: Iterable[str]) -> dict[str, list[str]]:
    """Objects below the longest prefix that all of one bucket, or of this machine, share."""
    roots: dict[str, list[str]] = {}
    for uri in uris:
        scheme, _, rest = uri.partition("://")
        roots.setdefault(f"{scheme}://{rest.partition('/')[0]}", []).append(uri)
    places = {}
    for root, found in roots.items():
        scheme = root.partition("://")[0]
        folders = [posixpath.dirname(uri.partition("://")[2]) for uri in found]
        store = open_store(f"{scheme}://{posixpath.commonpath(folders).rstrip('/')}/")
        places[store.uri] = [store.key_of(uri) for uri in found]
    return places


def _relative(uri: str, name: str, places: Mapping[str, Sequence[str]]) -> str:
    for number, prefix in enumerate(sorted(places), start=1):
        if uri.startswith(prefix):
            return f"../{_sound(name, number)}/{open_store(prefix).key_of(uri)}"
    raise AssertionError(uri)


def _sound(name: str, number: int) -> str:
    return f"{name}_sound" if number == 1 else f"{name}_sound_{number}"
