"""A folder as a store."""

from __future__ import annotations

import errno
import io
import os
import secrets
import shutil
import stat as stat_module
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote_to_bytes

from manifests.durable import flush_folder, make_folder
from manifests.errors import (
    AccessDeniedError,
    InputError,
    NotAFileError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
)
from manifests.parallel import in_order
from manifests.storage import BeforeWrite, Store, StoredObject, nothing

PARTIAL_SUFFIX = ".nightscribe-part"


def path_of_uri(uri: str) -> Path:
    """The path of a ``file:///`` URI, whatever bytes its name holds.

    Raises:
        InputError: the URI names a host.
    """
    rest = uri[len("file://") :]
    if not rest.startswith("/"):
        raise InputError(f"{uri!r}: a file URI has three slashes, as in file:///folder/file")
    return Path(os.fsdecode(unquote_to_bytes(rest)))


def uri_of_path(path: Path) -> str:
    """The ``file:///`` URI of an absolute path, percent-encoded, so always ASCII."""
    return "file://" + quote(os.fsencode(path), safe="/")


class LocalStore:
    """Files below a folder; keys are paths relative to it."""

    def __init__(self, root: Path, *, before_write: BeforeWrite = nothing) -> None:
        if "\0" in str(root):
            raise InputError(f"{str(root)!r}: no folder has a null character in its name")
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - keeps links, drops ".."
        self.before_write = before_write
        self.uri = uri_of_path(self.root).removesuffix("/") + "/"

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Every file below ``prefix``, sorted by key; linked folders are not entered."""
        folder = self.path_of(prefix.rpartition("/")[0])
        found: list[StoredObject] = []
        with _translated(folder):
            for parent, _, names in os.walk(folder, onerror=_raise_unless_missing):
                for name in names:
                    if name.endswith(PARTIAL_SUFFIX):
                        continue
                    path = Path(parent, name)
                    key = path.relative_to(self.root).as_posix()
                    entry = _stat(path) if key.startswith(prefix) else None
                    if entry is not None:
                        found.append(_entry(key, entry))
        yield from sorted(found, key=lambda entry: entry.key)

    def folders(self, prefix: str = "") -> Iterator[str]:
        """Folders whose key begins with ``prefix``, each with a slash at its end, sorted."""
        above = prefix.rpartition("/")[0]
        folder = self.path_of(above)
        with _translated(folder):
            try:
                there = list(os.scandir(folder))
            except (FileNotFoundError, NotADirectoryError):
                return
        names = (entry.name for entry in there if entry.is_dir(follow_symlinks=False))
        keys = (f"{above}/{name}/" if above else f"{name}/" for name in names)
        # An object store has no empty folders.
        yield from sorted(key for key in keys if key.startswith(prefix) and self._any(key))

    def _any(self, prefix: str) -> bool:
        walked = os.walk(self.path_of(prefix))
        return any(not n.endswith(PARTIAL_SUFFIX) for _, _, names in walked for n in names)

    def noncurrent(self, prefix: str = "") -> Iterator[StoredObject]:  # noqa: ARG002
        """A folder keeps no versions."""
        yield from ()

    def stat(self, key: str) -> StoredObject | None:
        """The file's entry, or None."""
        path = self.path_of(key)
        try:
            entry = _entry_of(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}") from error
        return None if stat_module.S_ISDIR(entry.st_mode) else _entry(key, entry)

    def open(self, key: str, *, etag: str | None = None) -> BinaryIO:
        """Open a regular file; a pipe or a device would block for ever and is refused."""
        path = self.path_of(key)
        with _translated(path):
            entry = _entry_of(path)
            if not stat_module.S_ISREG(entry.st_mode):
                raise NotAFileError(f"{path}: not a regular file")
            if etag is not None and _etag(entry) != etag:
                raise ObjectChangedError(f"{path}: changed since the run was planned")
            return path.open("rb")

    def read(self, key: str) -> bytes:
        """The whole file."""
        with self.open(key) as file:
            return file.read()

    def put(self, key: str, data: bytes | Path) -> None:
        """Write whole: into a file beside it, flushed to the disk, then renamed."""
        target = self.path_of(key)
        with _translated(target), self._written(target, data) as partial:
            os.replace(partial, target)  # noqa: PTH105
            flush_folder(target.parent)

    def put_if_absent(self, key: str, data: bytes | Path) -> bool:
        """Write whole unless the file exists; a hard link fails where a rename would replace."""
        target = self.path_of(key)
        with _translated(target), self._written(target, data) as partial:
            try:
                os.link(partial, target)
            except FileExistsError:
                return False
            flush_folder(target.parent)
            return True

    def replace(self, key: str, data: bytes | Path, *, etag: str | None) -> None:
        """Write whole unless the file is another by now; looked at a moment before the rename."""
        target = self.path_of(key)
        if etag is None:
            if not self.put_if_absent(key, data):
                raise ObjectChangedError(f"{target}: written by another process meanwhile")
            return
        with _translated(target), self._written(target, data) as partial:
            found = self.stat(key)
            if found is None or found.etag != etag:
                raise ObjectChangedError(f"{target}: written by another process meanwhile")
            os.replace(partial, target)  # noqa: PTH105
            flush_folder(target.parent)

    def delete(self, key: str) -> None:
        """Remove a file if it is there."""
        path = self.path_of(key)
        self.before_write()
        with _translated(path), suppress(FileNotFoundError):
            path.unlink()
            # A file that came back after a power failure would hold rows that stand elsewhere.
            flush_folder(path.parent)

    def sweep(self, prefix: str, *, idle_seconds: float = 0.0) -> None:
        """Remove what killed writers left half written below a folder, and beside all folders.

        Only where nobody writes, or what nobody has written to for ``idle_seconds``.
        """
        pattern = f".*{PARTIAL_SUFFIX}"
        for path in (*self.root.glob(pattern), *self.path_of(prefix).rglob(pattern)):
            with _translated(path), suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime >= idle_seconds:
                    path.unlink()

    def delete_version(self, key: str, version: str) -> None:
        """A folder keeps no versions.

        Raises:
            StoreError: always.
        """
        raise StoreError(f"{self.path_of(key)}: a folder keeps no versions, so not {version!r}")

    def uri_of(self, key: str) -> str:
        """The file's URI."""
        return self.uri + quote(self._bytes_of(key), safe="/")

    def key_of(self, uri: str) -> str:
        """The key of a URI below this folder."""
        if not uri.startswith(self.uri):
            raise InputError(f"{uri!r} is not below {self.uri!r}")
        return os.fsdecode(unquote_to_bytes(uri[len(self.uri) :]))

    def path_of(self, key: str) -> Path:
        """The file's path.

        Raises:
            InputError: the key leaves the folder.
        """
        if key.startswith("/") or ".." in key.split("/") or "\0" in key:
            raise InputError(f"key {key!r} leaves the folder {str(self.root)!r}")
        self._bytes_of(key)
        return self.root / key

    def _bytes_of(self, key: str) -> bytes:
        try:
            return os.fsencode(key)
        except UnicodeEncodeError as error:  # half of a surrogate pair, which JSON can spell
            raise InputError(f"{key!r}: no file in {str(self.root)!r} can be called so") from error

    @contextmanager
    def _written(self, target: Path, data: bytes | Path) -> Iterator[Path]:
        try:
            make_folder(target.parent)
        except FileNotFoundError as error:
            raise StoreError(f"{target.parent}: no folder can be made there") from error
        partial = target.with_name(f".{secrets.token_hex(8)}{PARTIAL_SUFFIX}")
        try:
            with partial.open("xb") as file:
                if isinstance(data, bytes):
                    file.write(data)
                else:
                    with _translated(data), data.open("rb") as source:
                        shutil.copyfileobj(source, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
            # As late as can be: the file may have been large, and this process asleep.
            self.before_write()
            yield partial
        except FileNotFoundError as error:
            if not target.parent.is_dir() or partial.exists():
                raise
            raise ObjectChangedError(
                f"{target}: another process took over, and removed what was half written"
            ) from error
        finally:
            partial.unlink(missing_ok=True)


def check_unchanged(file: BinaryIO, etag: str | None) -> None:
    """Refuse a file that was written to while it was read; S3 checks the version at each read.

    Raises:
        ObjectChangedError: it is not the version ``etag`` any more.
    """
    with suppress(io.UnsupportedOperation):
        if etag is not None and _etag(os.fstat(file.fileno())) != etag:
            raise ObjectChangedError("the file changed while it was read")


def download(store: Store, folder: Path) -> None:
    """Copy everything below a store into a folder, and nothing outside of it.

    Raises:
        InputError: a key such as ``../x`` that would leave the folder.
    """
    fetch(store, [entry.key for entry in store.list()], folder)


def fetch(store: Store, keys: Iterable[str], folder: Path) -> None:
    """Copy objects into a folder, several at a time.

    Raises:
        InputError: as ``download``.
        StoreError: one of them cannot be read.
    """
    target = LocalStore(folder)
    for _ in in_order(lambda key: target.put(key, store.read(key)), keys):
        pass


def _entry_of(path: Path) -> os.stat_result:
    """What lies there, links followed; one that leads in a circle or through a file is none."""
    try:
        return path.stat()
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise FileNotFoundError(error.errno, "a link that leads nowhere") from error
        raise


def _stat(path: Path) -> os.stat_result | None:
    # A dangling link is listed as the link itself: it is then a row that says not_found.
    with suppress(OSError):
        return path.stat()
    # Archives are written to while they are listed: what has gone meanwhile is not listed.
    with suppress(FileNotFoundError):
        return path.lstat()
    return None


def changed_at(etag: str) -> int:
    """Nanoseconds since 1970 at which a file of that change token was written."""
    return int(etag.partition("-")[0], 16)


def _etag(entry: os.stat_result) -> str:
    return f"{entry.st_mtime_ns:x}-{entry.st_size:x}"


def _entry(key: str, entry: os.stat_result) -> StoredObject:
    return StoredObject(
        key=key,
        size=entry.st_size,
        etag=_etag(entry),
        modified=datetime.fromtimestamp(entry.st_mtime, UTC),
    )


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except StoreError:
        raise
    except FileNotFoundError as error:
        raise ObjectNotFoundError(f"{path}: no such file") from error
    except PermissionError as error:
        raise AccessDeniedError(f"{path}: permission denied") from error
    except NotADirectoryError as error:
        raise StoreError(f"{path}: a file lies where a folder is expected") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
