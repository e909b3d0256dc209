"""Disks that are full, read-only or somebody else's: one sentence, nothing lost, gone on later."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.torture.drivers import LONG, Drivers, Ended, drivers
from tests.torture.figures import count
from tests.torture.nights import first_archive, settled

SIZE = 64 << 20


@dataclass(kw_only=True)
class Disk:
    """A disk of its own (tmpfs) for the output and for temporary files."""

    path: Path
    drivers: Drivers
    end: dict[str, Any]
    used: int

    def leave(self, free: int) -> None:
        """Fill the disk but for so many bytes."""
        free_now = shutil.disk_usage(self.path).free
        with (self.path / "filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, free_now - free))

    def empty(self) -> None:
        for folder in ("out", "filler", "t"):
            subprocess.run(["rm", "-rf", str(self.path / folder)], check=True)
        (self.path / "t").mkdir()

    def stops(self, said: str) -> None:
        """The run ends with one sentence."""
        ended = self.drivers.run()
        assert ended.status == 1, ended.log
        count(f"disk fault: {said}")
        (error,) = [line for line in ended.said if "rror" in line]
        assert error.startswith("error: ")
        assert said in error
        assert "foresaw" not in error

    def goes_on(self) -> Ended:
        ended = self.drivers.run()
        assert ended.status == 0, ended.log
        assert settled(self.path / "out") == self.end
        assert self.drivers.left_behind() == []
        return ended


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    # Other users must reach it: pytest's own folders are this user's alone.
    home = Path(tempfile.mkdtemp(prefix="torture-disk-"))
    path = home / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        home.rmdir()
        pytest.skip("needs to mount a tmpfs, which only root may")
    try:
        home.chmod(0o755)
        first_archive(home)
        config = home / "nightscribe.toml"
        config.write_text(config.read_text().replace('"out"', '"disk/out"'))
        with drivers(home) as started:
            (home / "t").symlink_to(path / "t")
            (path / "t").mkdir()
            before = shutil.disk_usage(path).used
            assert started.run().status == 0
            used = shutil.disk_usage(path).used - before
            yield Disk(path=path, drivers=started, end=settled(path / "out"), used=used)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)
        shutil.rmtree(home)


@pytest.fixture
def disk(mounted: Disk) -> Disk:
    mounted.empty()
    return mounted


@pytest.mark.parametrize("number", range(20 if LONG else 1))
def test_a_full_disk_stops_the_run_and_costs_nothing(disk: Disk, number: int) -> None:
    seed = random.Random(number)
    disk.leave(seed.randrange(1, disk.used))
    disk.stops("No space left on device")
    (disk.path / "filler").unlink()
    disk.goes_on()


def test_a_disk_that_became_read_only_stops_the_run(disk: Disk) -> None:
    try:
        _remount(disk, "ro")
        disk.stops("Read-only file system")
    finally:
        _remount(disk, "rw")
    disk.goes_on()


def test_an_output_of_another_user_stops_the_run(disk: Disk) -> None:
    (disk.path / "out").mkdir(mode=0o755)
    (disk.path / "t").chmod(0o777)
    try:
        disk.drivers.uid = 65534
        disk.stops("permission denied")
    finally:
        disk.drivers.uid = 0
    disk.goes_on()


def _remount(disk: Disk, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk.path)], check=True)
