"""Deterministic tarballs: the same files give the same bytes, so the SHA-256 is an identity."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from manifests.errors import InputError, NightscribeError
from manifests.hashing import sha256_of
from manifests.storage import parent_store


def pack(target: Path, files: Mapping[str, Path | bytes]) -> str:
    """Write ``files`` (name in the tarball to content) as ``.tar.gz``; returns its SHA-256.

    Times, owners and modes are fixed. Small files come first: a reader of one of them need not go
    through the weights.
    """
    with target.open("wb") as raw:
        # Weights do not compress; level 1 keeps code small and bundling quick.
        zipped = gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=1, mtime=0)
        with zipped, tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in sorted(files, key=lambda name: (_size(files[name]), name)):
                _add(tar, name, files[name])
    return sha256_of(target)


def _size(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _add(tar: tarfile.TarFile, name: str, content: Path | bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o644
    entry.size = _size(content)
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        tar.addfile(entry, file)


def unpack(tarball: Path, folder: Path) -> None:
    """Extract with the data filter: no links out, no devices, nothing outside ``folder``.

    A folder that was not there before is not there after a failure either.

    Raises:
        InputError: the file is not a tarball, or holds what the filter refuses.
    """
    with tarball.open("rb") as file:
        _extract(file, folder, name=str(tarball))


def unpack_object(uri: str, folder: Path) -> None:
    """``unpack`` a tarball that lies in storage; ``uri`` is its URI or path.

    Raises:
        InputError: as ``unpack``.
        StoreError: it cannot be read.
    """
    store, key = parent_store(uri)
    with store.open(key) as file:
        _extract(file, folder, name=uri)


def read_member(uri: str, member: str) -> bytes | None:
    """One file of a tarball that lies in storage, without what comes after it; None: not in it.

    Raises:
        InputError: that is not a tarball.
        StoreError: it cannot be read.
    """
    store, key = parent_store(uri)
    with (
        store.open(key) as file,
        _damage(uri),
        tarfile.open(fileobj=file, mode="r|gz") as tar,
    ):
        for entry in tar:
            if entry.name == member and (content := tar.extractfile(entry)) is not None:
                return content.read()
    return None


def _extract(file: BinaryIO, folder: Path, *, name: str) -> None:
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _damage(name), tarfile.open(fileobj=file, mode="r:gz") as tar:
            tar.extractall(folder, filter=_inside)  # noqa: S202 - the filter is stricter than "data"
    except NightscribeError:
        if not existed:
            shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _damage(name: str) -> Iterator[None]:
    """What a damaged tarball raises, as one sentence; what the store raises is its own."""
    try:
        yield
    except NightscribeError:
        raise
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise InputError(f"{name}: cannot be unpacked as a bundle: {error}") from error


def _inside(entry: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    if entry.name.startswith("/"):  # the data filter would quietly make it relative
        raise tarfile.AbsolutePathError(entry)
    return tarfile.data_filter(entry, folder)


def package_files(package: Path, *, prefix: str) -> dict[str, Path]:
    """The files of a Python package for a tarball, without caches; below ``prefix`` if any."""
    return {
        f"{prefix}/{path.relative_to(package.parent).as_posix()}".lstrip("/"): path
        for path in sorted(package.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
