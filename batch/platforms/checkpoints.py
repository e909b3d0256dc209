"""A job's checkpoint folder and its place in storage, kept the same as SageMaker keeps them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from manifests.errors import NightscribeError
from manifests.local_store import LocalStore, download
from manifests.storage import Store, open_store

_EVERY_SECONDS = 5.0


@contextmanager
def synchronised(uri: str | None, folder: Path) -> Iterator[None]:
    """Make ``folder`` and fill it from ``uri``; what is written into it goes up as it appears.

    A place on this machine is the folder itself, by a link. Files that the job removes stay in S3.
    """
    store = None if uri is None else open_store(uri)
    if store is None:
        folder.mkdir()
        yield
    elif isinstance(store, LocalStore):
        store.root.mkdir(parents=True, exist_ok=True)
        folder.symlink_to(store.root)
        yield
    else:
        folder.mkdir()
        download(store, folder)
        with _Uploads(store, folder):
            yield


class _Uploads:
    """A thread that uploads files whose size or time changed."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._seen = self._files()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()
        self._upload()

    def _watch(self) -> None:
        while not self._done.wait(_EVERY_SECONDS):
            # A store that fails for a while is tried again; the last upload says so.
            with suppress(NightscribeError):
                self._upload()

    def _upload(self) -> None:
        files = self._files()
        for path, stamp in files.items():
            if self._seen.get(path) != stamp:
                # A checkpoint that was rotated away meanwhile needs no upload.
                with suppress(FileNotFoundError):
                    self._store.put(path.relative_to(self._folder).as_posix(), path)
                self._seen[path] = stamp

    def _files(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for path in sorted(self._folder.rglob("*")):
            with suppress(FileNotFoundError):
                if path.is_file():
                    entry = path.stat()
                    found[path] = (entry.st_size, entry.st_mtime_ns)
        return found
