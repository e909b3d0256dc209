"""Checkpoints that are whole or not there, and that know which run they belong to.

A folder is written under another name and renamed when its marker, which lists every file with its
digest, is in it. What a killed process or a broken upload left behind is recognised and removed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests.hashing import sha256_of

CHECKPOINT = "checkpoint"
BEST = "best"
MARKER = "complete.json"
_TORN = ".torn-"
_KEPT = 2


class CheckpointError(ValueError):
    """Checkpoints that cannot be used for this run."""


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A whole folder of the checkpoint directory: a step's state, or the best model's weights."""

    folder: Path
    step: int
    run: Mapping[str, Any]
    """What fixes the course of the run that wrote it, by name."""
    best: int | None
    """The step whose weights were the best up to here."""


def folder_of(checkpoints: Path, kind: str, step: int) -> Path:
    """Where a folder of a kind and a step stands; the directory may be mounted anywhere."""
    return checkpoints / f"{kind}-{step}"


@contextmanager
def whole(
    checkpoints: Path,
    kind: str,
    step: int,
    *,
    run: Mapping[str, Any],
    best: int | None,
) -> Iterator[Path]:
    """A folder to write into; it gets its name when the block ends, and vanishes on an error."""
    target = folder_of(checkpoints, kind, step)
    scratch = checkpoints / f"{_TORN}{target.name}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield scratch
        files = {p.relative_to(scratch).as_posix(): p for p in scratch.rglob("*") if p.is_file()}
        marker = {
            "step": step,
            "best": best,
            "run": dict(run),
            "files": {name: sha256_of(path) for name, path in sorted(files.items())},
        }
        (scratch / MARKER).write_text(json.dumps(marker, indent=1), "utf-8")
        _remove(target)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def read(folder: Path) -> Saved | None:
    """A folder whose files are those that its marker lists; None for any other."""
    try:
        marker = json.loads((folder / MARKER).read_text("utf-8"))
        wanted = marker["files"]
        if any(sha256_of(folder / name) != digest for name, digest in wanted.items()):
            return None
        return Saved(folder=folder, step=marker["step"], run=marker["run"], best=marker["best"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def resume_point(checkpoints: Path, *, run: Mapping[str, Any]) -> Saved | None:
    """The newest whole checkpoint, whose best weights are there too; None to begin anew.

    Raises:
        CheckpointError: it was written by a run of other settings or data, which are named, or
            by another program.
    """
    if foreign := sorted(checkpoints.glob(f"{CHECKPOINT}-*/training_args.bin")):
        raise CheckpointError(
            f"{foreign[0].parent} was written by another program; choose an empty checkpoint folder"
        )
    for folder in reversed(_steps(checkpoints, CHECKPOINT)):
        saved = read(folder)
        if saved is None or not _best_is_there(checkpoints, saved):
            continue
        _check_same_run(saved, run)
        return saved
    return None


def remove_torn(checkpoints: Path, *, resume: Saved | None) -> None:
    """Delete what was not finished, and every checkpoint that is newer than the resume point.

    Those were found broken; and a best model of a later step is found again by the same steps.
    """
    for folder in checkpoints.glob(f"{_TORN}*"):
        shutil.rmtree(folder, ignore_errors=True)
    for kind in (CHECKPOINT, BEST):
        for folder in _steps(checkpoints, kind):
            if resume is None or _step_of(folder) > resume.step:
                _remove(folder)


def prune(checkpoints: Path, *, also: Collection[int] = ()) -> None:
    """Keep the newest two checkpoints and the best models that they name, and those of ``also``."""
    folders = _steps(checkpoints, CHECKPOINT)
    for folder in folders[:-_KEPT]:
        _remove(folder)
    named = {_best_of(folder) for folder in folders[-_KEPT:]} | set(also)
    for folder in _steps(checkpoints, BEST):
        if _step_of(folder) not in named:
            _remove(folder)


def _best_is_there(checkpoints: Path, saved: Saved) -> bool:
    return saved.best is None or read(folder_of(checkpoints, BEST, saved.best)) is not None


def _check_same_run(saved: Saved, run: Mapping[str, Any]) -> None:
    def shown(values: Mapping[str, Any], name: str) -> str:
        return f"{values[name]!r}"[:40] if name in values else "nothing"

    names = [n for n in sorted({*run, *saved.run}) if run.get(n) != saved.run.get(n)]
    if names:
        changes = ", ".join(f"{n} ({shown(saved.run, n)} → {shown(run, n)})" for n in names[:6])
        raise CheckpointError(
            f"{saved.folder} was written by another run; changed since: {changes}. Resuming would "
            "mix the two: give this run a checkpoint folder of its own, or delete the old one"
        )


def _best_of(folder: Path) -> int | None:
    try:
        best: int | None = json.loads((folder / MARKER).read_text("utf-8"))["best"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return best


def _steps(checkpoints: Path, kind: str) -> list[Path]:
    folders = [
        p for p in checkpoints.glob(f"{kind}-*") if p.is_dir() and p.name[len(kind) + 1 :].isdigit()
    ]
    return sorted(folders, key=_step_of)


def _step_of(folder: Path) -> int:
    return int(folder.name.rpartition("-")[2])


def _remove(folder: Path) -> None:
    # The marker goes first: a folder that is half deleted must not look whole.
    (folder / MARKER).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
