"""Base model and fine-tuned one on the sets of a job, and the facts for its report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from manifests.labels import read_labels
from training.evaluation import Evaluation, evaluate
from training.head import is_pretrained_only
from training.report import Compared, DataFacts, write_details

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from manifests.labels import LabelledUtterance
    from training.job import Job

SCORED = ("validation", "test", "domain")


def measure(job: Job, *, on_line: Callable[[str], None]) -> dict[str, Compared]:
    """Evaluate the job's base and the model in its output folder on each set that it has.

    What quotes the labels goes below `SM_OUTPUT_DATA_DIR`, where a container has one; `on_line`
    gets one line of figures for each set.

    Raises:
        InputError: a model or a set cannot be read.
    """
    found = {}
    for name in SCORED:
        place = getattr(job, name)
        if place is None:
            continue
        utterances = read_labels(place)
        found[name] = Compared(
            before=_before(job, utterances),
            after=evaluate(job.output, utterances, name="after"),
        )
        on_line(_line(name, found[name]))
    if folder := os.environ.get("SM_OUTPUT_DATA_DIR"):
        write_details(found, Path(folder) / "evaluation")
    return found


def data_facts(job: Job) -> dict[str, DataFacts]:
    """What is in each set of the job, by name."""
    places = {name: getattr(job, name) for name in ("train", *SCORED)}
    return {
        name: DataFacts.of(place, read_labels(place))
        for name, place in places.items()
        if place is not None
    }


def _before(job: Job, utterances: Sequence[LabelledUtterance]) -> Evaluation | None:
    """The base on the same utterances; None where it has no head for them."""
    if job.base is None or job.settings.adapter_language or is_pretrained_only(job.base):
        return None
    return evaluate(job.base, utterances, name="before")


def _line(name: str, compared: Compared) -> str:
    sides = (("before", compared.before), ("after", compared.after))
    rates = [
        f"{side}={'nan' if (rate := one.total.normalized.rate) is None else f'{rate:.6g}'}"
        for side, one in sides
        if one is not None
    ]
    return f"evaluated={name} {' '.join(rates)} unreadable={len(compared.after.failures)}"
