"""How many workers this machine is given: by cores and GPUs, and no more than its memory holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch.platforms import this_machine
from batch.platforms.this_machine import (
    available_memory,
    default_workers,
    fitting_workers,
    gpus,
)

GIGABYTE = 1 << 30


def test_a_worker_for_each_gpu_else_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(this_machine, "available_cores", lambda: 6)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 5")
    assert (gpus(), default_workers()) == (["2", "5"], 2)
    for none in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert (gpus(), default_workers()) == ([], 6)


def test_gpus_are_counted_where_the_driver_lists_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus(root=tmp_path) == []
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / "proc/driver/nvidia/gpus" / name).mkdir(parents=True)
    assert gpus(root=tmp_path) == ["0", "1"]


def test_memory_is_the_machine_s_or_that_of_its_control_group(tmp_path: Path) -> None:
    assert available_memory(root=tmp_path) is None
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9 kB\nMemAvailable:   8388608 kB\n")
    assert available_memory(root=tmp_path) == 8 * GIGABYTE
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("max\n")
    assert available_memory(root=tmp_path) == 8 * GIGABYTE
    (group / "memory.max").write_text(str(4 * GIGABYTE))
    (group / "memory.current").write_text(str(3 * GIGABYTE))
    (group / "memory.stat").write_text(f"anon 1\ninactive_file {GIGABYTE}\n")
    assert available_memory(root=tmp_path) == 2 * GIGABYTE


@pytest.mark.parametrize(
    ("model", "available", "count"),
    [
        (0, None, 8),  # nobody knows: as asked for
        (14 << 20, 64 * GIGABYTE, 8),
        (360 << 20, 8 * GIGABYTE, 2),
        (1200 << 20, 3 * GIGABYTE, 1),  # one is tried, whatever the memory
    ],
)
def test_no_more_workers_than_the_memory_holds(
    model: int, available: int | None, count: int
) -> None:
    assert fitting_workers(8, model, available) == count
