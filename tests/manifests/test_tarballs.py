"""Deterministic tarballs, and what unpacking refuses."""

import io
import os
import tarfile
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests.errors import InputError
from manifests.local_store import LocalStore
from manifests.tarball import pack, package_files, read_member, unpack

names = st.lists(
    st.text("abcé ._-", min_size=1, max_size=8).filter(lambda part: part.strip(". ") != ""),
    min_size=1,
    max_size=3,
).map("/".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(files=st.dictionaries(names, st.binary(max_size=99), min_size=1), data=st.data())
def test_the_order_of_the_files_does_not_matter(
    tmp_path: Path, files: dict[str, bytes], data: st.DataObject
) -> None:
    shuffled = dict(data.draw(st.permutations(list(files.items()))))
    assert pack(tmp_path / "a", files) == pack(tmp_path / "b", shuffled)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with tarfile.open(tmp_path / "a") as tar:
        found = {e.name: tar.extractfile(e).read() for e in tar}
    assert found == files


def test_times_modes_and_where_the_files_lie_do_not_matter(tmp_path: Path) -> None:
    digests = set()
    for folder, mtime, mode in (("one", 1, 0o644), ("two", 2_000_000_000, 0o755)):
        path = tmp_path / folder / "file"
        path.parent.mkdir()
        path.write_bytes(b"content")
        path.chmod(mode)
        os.utime(path, (mtime, mtime))
        digests.add(pack(tmp_path / f"{folder}.tar.gz", {"file": path}))
    digests.add(pack(tmp_path / "bytes.tar.gz", {"file": b"content"}))
    assert len(digests) == 1


def test_other_content_has_another_digest(tmp_path: Path) -> None:
    assert pack(tmp_path / "a", {"x": b"1"}) != pack(tmp_path / "b", {"x": b"2"})
    assert pack(tmp_path / "a", {"x": b"1"}) != pack(tmp_path / "b", {"y": b"1"})


def test_what_was_packed_unpacks(tmp_path: Path) -> None:
    files = {"a": b"", "deep/er/ü.txt": b"x" * 100_000, "n" * 150 + "/long": b"1"}
    pack(tmp_path / "t.tar.gz", files)
    unpack(tmp_path / "t.tar.gz", tmp_path / "out")
    found = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert found == files


def member(name: str, **fields: object) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry


REFUSED = {
    "parent": member("../x"),
    "parent inside": member("a/../../x"),
    "absolute": member("/tmp/nightscribe-x"),
    "link out": member("l", type=tarfile.SYMTYPE, linkname="../../etc/passwd"),
    "absolute link": member("l", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "hard link out": member("l", type=tarfile.LNKTYPE, linkname="../x"),
    "device": member("d", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "pipe": member("p", type=tarfile.FIFOTYPE),
}


@pytest.mark.parametrize("case", REFUSED)
def test_unpack_refuses_what_reaches_out_and_leaves_nothing(tmp_path: Path, case: str) -> None:
    tarball = tmp_path / "t.tar.gz"
    with tarfile.open(tarball, "w:gz") as tar:
        tar.addfile(member("good", size=1), io.BytesIO(b"x"))
        tar.addfile(REFUSED[case])
    with pytest.raises(InputError, match=r"t\.tar\.gz: cannot be unpacked as a bundle"):
        unpack(tarball, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["t.tar.gz"]
    assert not Path("/tmp/nightscribe-x").exists()


def damaged(how: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as tar:
        tar.addfile(member("a", size=400_000), io.BytesIO(os.urandom(200_000) * 2))
    data = bytearray(stream.getvalue())
    middle = len(data) // 2
    if how == "cut":
        return bytes(data[:middle])
    if how == "flipped":
        data[middle : middle + 50_000] = os.urandom(50_000)
        return bytes(data)
    return {"empty": b"", "text": b"this is no tarball"}[how]


@pytest.mark.parametrize("how", ["empty", "text", "cut", "flipped"])
def test_a_damaged_tarball_is_refused_and_leaves_nothing(tmp_path: Path, how: str) -> None:
    (tmp_path / "t.tar.gz").write_bytes(damaged(how))
    with pytest.raises(InputError, match="cannot be unpacked as a bundle"):
        unpack(tmp_path / "t.tar.gz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failed_unpack_leaves_alone_what_was_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "t.tar.gz").write_bytes(b"no tarball")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_bytes(b"precious")
    with pytest.raises(InputError):
        unpack(tmp_path / "t.tar.gz", tmp_path / "out")
    assert (tmp_path / "out/mine").read_bytes() == b"precious"


def test_a_package_is_packed_without_caches(tmp_path: Path) -> None:
    for name in ("p/__init__.py", "p/a/b.py", "p/__pycache__/b.cpython-311.pyc", "p/x.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = package_files(tmp_path / "p", prefix="code")
    assert sorted(found) == ["code/p/__init__.py", "code/p/a/b.py"]


def test_a_small_file_is_read_without_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = np.random.default_rng(0).bytes(8 << 20)
    pack(tmp_path / "t.tar.gz", {"model.safetensors": weights, "z-card.json": b"{}"})
    opened = []
    monkeypatch.setattr(LocalStore, "read", None)
    real = LocalStore.open

    def watched(store: LocalStore, key: str, *, etag: str | None = None) -> BinaryIO:
        opened.append(real(store, key, etag=etag))
        opened[0].close = lambda: None
        return opened[0]

    monkeypatch.setattr(LocalStore, "open", watched)
    assert read_member(str(tmp_path / "t.tar.gz"), "z-card.json") == b"{}"
    assert opened[0].tell() < 1 << 20


def test_a_member_that_is_not_there_is_none_and_what_is_no_tarball_an_error(tmp_path: Path) -> None:
    pack(tmp_path / "t.tar.gz", {"a": b"1", "b": b"2" * 9999})
    assert read_member(str(tmp_path / "t.tar.gz"), "c") is None
    (tmp_path / "other.tar.gz").write_bytes(b"<html>sign in</html>")
    with pytest.raises(InputError, match=r"other\.tar\.gz: cannot be unpacked as a bundle"):
        read_member(str(tmp_path / "other.tar.gz"), "c")
