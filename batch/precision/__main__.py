"""What the child of ``batch.precision.child`` does: one task as JSON, errors as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from batch.precision.converting import NotConvertibleError, convert, heard
from batch.precision.quantising import quantise
from manifests.errors import InputError
from transform_handler.engine.converted import files_of


def main() -> int:
    """Carry the task out; status 1 with a last line of JSON where it cannot be done."""
    task = json.loads(sys.argv[1])
    folder, target = Path(task["folder"]), Path(task["target"])
    try:
        if task["task"] == "convert":
            convert(folder, target)
        else:
            _quantise(folder, target / files_of("fp32")[0], Path(task["sound"]))
    except InputError as error:
        kind = "not_convertible" if isinstance(error, NotConvertibleError) else "input"
        print(json.dumps({"kind": kind, "message": str(error)}))  # noqa: T201
        return 1
    return 0


def _quantise(folder: Path, exact: Path, sound: Path) -> None:
    from transformers import AutoProcessor  # noqa: PLC0415

    features = AutoProcessor.from_pretrained(folder, local_files_only=True).feature_extractor
    with np.load(sound) as sounds:
        quantise(exact, [heard(features, sounds[name]) for name in sounds.files])


if __name__ == "__main__":
    sys.exit(main())
