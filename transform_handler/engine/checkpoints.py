"""What every kind of checkpoint has to have before anything is transcribed with it."""

from __future__ import annotations

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
