"""Which checkpoint a run goes on from: the newest whole one of the same run."""

import shutil

import pytest

from training.running.checkpoints import (
    BEST,
    CHECKPOINT,
    MARKER,
    CheckpointError,
    folder_of,
    prune,
    remove_torn,
    resume_point,
    whole,
)

RUN = {"learning_rate": 0.1, "training labels": "abc"}


def save(checkpoints, step, *, kind=CHECKPOINT, best=None, run=RUN):
    with whole(checkpoints, kind, step, run=run, best=best) as folder:
        (folder / "weights.pt").write_bytes(b"weights")
        (folder / "state").write_bytes(str(step).encode())


def names(checkpoints):
    return sorted(path.name for path in checkpoints.iterdir())


def test_nothing_means_a_new_run(tmp_path):
    assert resume_point(tmp_path, run=RUN) is None
    assert resume_point(tmp_path / "nowhere", run=RUN) is None


def test_steps_are_numbers_not_texts(tmp_path):
    for step in (9, 100, 20):
        save(tmp_path, step)
    assert resume_point(tmp_path, run=RUN).step == 100


@pytest.mark.parametrize("harm", ["no marker", "a file less", "a shorter file", "half a marker"])
def test_a_torn_checkpoint_is_passed_over_and_removed(tmp_path, harm):
    save(tmp_path, 10)
    save(tmp_path, 20)
    torn = folder_of(tmp_path, CHECKPOINT, 20)
    if harm == "no marker":
        (torn / MARKER).unlink()
    elif harm == "a file less":
        (torn / "state").unlink()
    elif harm == "a shorter file":
        (torn / "weights.pt").write_bytes(b"wei")
    else:
        (torn / MARKER).write_text((torn / MARKER).read_text()[:30])
    resume = resume_point(tmp_path, run=RUN)
    assert resume.step == 10
    remove_torn(tmp_path, resume=resume)
    assert names(tmp_path) == ["checkpoint-10"]


def test_what_fails_in_the_writing_is_not_there(tmp_path):
    with pytest.raises(OSError, match="disk"):
        _fill_the_disk(tmp_path)
    assert names(tmp_path) == []


def _fill_the_disk(checkpoints):
    with whole(checkpoints, CHECKPOINT, 3, run=RUN, best=None) as folder:
        (folder / "weights.pt").write_bytes(b"wei")
        raise OSError("the disk is full")


def test_a_process_killed_in_the_writing_leaves_what_the_next_removes(tmp_path):
    save(tmp_path, 10)
    (tmp_path / ".torn-checkpoint-20").mkdir()
    (tmp_path / ".torn-checkpoint-20" / "weights.pt").write_bytes(b"wei")
    resume = resume_point(tmp_path, run=RUN)
    assert resume.step == 10
    remove_torn(tmp_path, resume=resume)
    assert names(tmp_path) == ["checkpoint-10"]


def test_a_checkpoint_without_its_best_model_is_passed_over(tmp_path):
    save(tmp_path, 5, kind=BEST, best=5)
    save(tmp_path, 10, best=5)
    save(tmp_path, 20, best=15)
    assert resume_point(tmp_path, run=RUN).step == 10


def test_two_checkpoints_are_kept_with_the_best_models_that_they_name(tmp_path):
    for step in (0, 10, 20, 30):
        save(tmp_path, step, kind=BEST, best=step)
    for step, best in ((10, 0), (20, 10), (30, 30)):
        save(tmp_path, step, best=best)
    prune(tmp_path)
    assert names(tmp_path) == ["best-10", "best-30", "checkpoint-20", "checkpoint-30"]


def test_another_mount_point_makes_no_difference(tmp_path):
    save(tmp_path / "a", 10, kind=BEST, best=10)
    save(tmp_path / "a", 10, best=10)
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert resume_point(tmp_path / "b", run=RUN).folder == tmp_path / "b/checkpoint-10"


def test_a_checkpoint_of_another_run_is_refused_with_what_changed(tmp_path):
    save(tmp_path, 10)
    with pytest.raises(CheckpointError) as raised:
        resume_point(tmp_path, run={**RUN, "learning_rate": 0.2})
    assert "learning_rate (0.1 → 0.2)" in str(raised.value)
    assert "training labels" not in str(raised.value)
    assert "checkpoint folder of its own" in str(raised.value)
    assert names(tmp_path) == ["checkpoint-10"]


def test_a_checkpoint_of_another_program_is_refused_and_left_alone(tmp_path):
    (tmp_path / "checkpoint-500").mkdir()
    (tmp_path / "checkpoint-500" / "training_args.bin").write_bytes(b"")
    with pytest.raises(CheckpointError, match="another program"):
        resume_point(tmp_path, run=RUN)
    assert names(tmp_path) == ["checkpoint-500"]
