"""Conversions in an interpreter of their own.

Converters number what they make, so the same model gives the same bytes only from a fresh start;
and they keep memory that the run around them needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import batch
from batch.precision.converting import NotConvertibleError, Sound
from manifests.errors import InputError
from manifests.scratch import scratch_folder
from transform_handler.engine.converted import Form, files_of

TIMEOUT_SECONDS = 3600.0


def converted(folder: Path, target: Path) -> dict[str, Path]:
    """Convert the model of ``folder``; the files by their names in a bundle, below ``target``.

    Raises:
        NotConvertibleError: OpenVINO cannot run it as torch does.
        InputError: no CTC model lies in the folder.
    """
    _run({"task": "convert", "folder": str(folder), "target": str(target)})
    return _files(target, "fp32")


def quantised(folder: Path, target: Path, sounds: Sequence[Sound]) -> dict[str, Path]:
    """Quantise what ``converted`` wrote below ``target``; the files by their names in a bundle.

    Raises:
        NotConvertibleError: NNCF cannot.
    """
    import numpy as np  # noqa: PLC0415

    with scratch_folder("calibration") as scratch:
        sound = scratch / "sound.npz"
        np.savez(sound, *sounds)
        _run(
            {
                "task": "quantise",
                "folder": str(folder),
                "target": str(target),
                "sound": str(sound),
            }
        )
    return _files(target, "int8")


def _files(target: Path, form: Form) -> dict[str, Path]:
    return {name: target / name for name in files_of(form)}


def _run(task: dict[str, str]) -> None:
    roots = [str(Path(batch.__path__[0]).parent), os.environ.get("PYTHONPATH", "")]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "batch.precision", json.dumps(task)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots))},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise NotConvertibleError(
            f"converting it took longer than {TIMEOUT_SECONDS / 60:.0f} minutes"
        ) from error
    if done.returncode == 0:
        return
    answer = _answer(done.stdout)
    if answer.get("kind") == "input":
        raise InputError(answer["message"])
    said = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
    raise NotConvertibleError(answer.get("message") or f"converting it failed ({said[:200]})")


def _answer(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text.strip().rpartition("\n")[2])
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
