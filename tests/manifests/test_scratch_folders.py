from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from manifests.scratch import scratch_folder

HOLD = """
import sys
from manifests.scratch import scratch_folder
with scratch_folder("test") as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def held() -> subprocess.Popen[str]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", HOLD], text=True, **pipes)


def test_it_is_gone_at_the_end(tmp_path: Path) -> None:
    with scratch_folder("test") as folder:
        (folder / "file").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_that_of_a_killed_process_goes_with_the_next_and_that_of_a_living_one_stays() -> None:
    living, killed = held(), held()
    kept, orphan = (Path(one.stdout.readline().strip()) for one in (living, killed))
    killed.kill()
    killed.communicate()
    assert (orphan / "file").exists()
    with scratch_folder("test"):
        assert not orphan.exists()
        assert (kept / "file").exists()
    living.communicate()
    assert living.returncode == 0
    assert not kept.exists()


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "nightscribe-model-1234"
    other.mkdir()
    with scratch_folder("test"):
        pass
    assert other.is_dir()
