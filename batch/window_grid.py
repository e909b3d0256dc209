"""Where a run's windows could join: by the settings that its records name."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice

from batch.layout import RunKeys
from batch.report.findings.joins import JoinGrid
from manifests.errors import StoreError
from manifests.storage import Store
from transform_handler.audio.layout import WindowLayout

_MOST_RUNS = 3
_MOST_FILES = 3


def window_grid(output: Store, runs: Iterable[str], decode_digest: str) -> JoinGrid | None:
    """The grid of recordings that were decoded under a digest, None where no record says it.

    Looks at the first records of the newest of ``runs``: every record holds the settings by which
    it was made (docs/contract.md), so that a newer version's defaults cannot be taken for them.
    """
    for run_id in islice(sorted(set(runs), reverse=True), _MOST_RUNS):
        outputs = (one.key for one in output.list(RunKeys(run_id=run_id).out))
        for key in islice((key for key in outputs if key.endswith(".out")), _MOST_FILES):
            if grid := _grid(_settings(output, key), decode_digest):
                return grid
    return None


def _settings(output: Store, key: str) -> object:
    try:
        with output.open(key) as file:
            return json.loads(file.readline() or b"{}").get("decode")
    except (StoreError, ValueError, AttributeError):
        return None


def _grid(settings: object, decode_digest: str) -> JoinGrid | None:
    if not isinstance(settings, dict) or settings.get("digest") != decode_digest:
        return None
    step, reach = settings.get("step_seconds"), settings.get("reach_seconds")
    if not (isinstance(step, float) and isinstance(reach, float)):
        return None
    return JoinGrid(step=step, reach=reach, longest=step + 2 * reach + WindowLayout.tail_seconds)
