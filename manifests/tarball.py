"""Deterministic tarballs: the same files give the same bytes, so the SHA-256 is an identity."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from manifests.errors import InputError
from manifests.hashing import sha256_of
from manifests.storage import parent_store


def pack(target: Path, files: Mapping[str, Path | bytes]) -> str:
    """Write ``files`` (name in the tarball to content) as ``.tar.gz``; returns its SHA-256.

    Names are sorted; times, owners and modes are fixed.
    """
    with target.open("wb") as raw:
        # Weights do not compress; level 1 keeps code small and bundling quick.
        zipped = gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=1, mtime=0)
        with zipped, tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in sorted(files):
                _add(tar, name, files[name])
    return sha256_of(target)


def _add(tar: tarfile.TarFile, name: str, content: Path | bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o644
    if isinstance(content, bytes):
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
        return
    with content.open("rb") as file:
        entry.size = content.stat().st_size
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
    _extract(io.BytesIO(store.read(key)), folder, name=uri)


def _extract(file: BinaryIO, folder: Path, *, name: str) -> None:
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(fileobj=file, mode="r:gz") as tar:
            tar.extractall(folder, filter=_inside)  # noqa: S202 - the filter is stricter than "data"
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        if not existed:
            shutil.rmtree(folder, ignore_errors=True)
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
