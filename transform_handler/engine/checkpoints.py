"""What every kind of checkpoint has to have before anything is transcribed with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manifests.errors import InputError


def refuse_untrained(folder: Path, info: Mapping[str, Any], *, expected: str) -> None:
    """Refuse a checkpoint some of whose weights are not in its file, and would be random.

    ``info`` is what ``from_pretrained`` says with ``output_loading_info``; ``expected`` is the kind
    of model that is wanted.

    Raises:
        InputError: naming some of what is missing.
    """
    lacking = sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]]))
    if lacking:
        raise InputError(
            f"{folder}: the checkpoint lacks trained weights ({', '.join(lacking[:4])}); "
            f"a fine-tuned {expected} is expected, not a pretrained one"
        )


def refuse_fast(name: str, precision: str) -> None:
    """Refuse to be less than exact with a model that writes text.

    Raises:
        InputError: naming the key.
    """
    if precision != "exact":
        raise InputError(
            f'[model] precision "{precision}" is for CTC models, and {name} writes text; '
            'set precision = "exact"'
        )


def model_config(folder: Path) -> dict[str, Any]:
    """A model folder's ``config.json``.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: no config.json; a Hugging Face model folder is expected"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: config.json cannot be read: {error}") from error
    if not isinstance(config, dict):
        raise InputError(f"{folder}: config.json is no model's: an object is expected")
    return config
