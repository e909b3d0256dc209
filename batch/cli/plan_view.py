"""What ``nightscribe plan --dry-run`` says: what a run would take on, and what it would cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from batch.capacity.estimate import Estimate, estimate
from batch.cli.estimate_command import span
from batch.report.lines import hours

if TYPE_CHECKING:
    from batch.planning import Planner
    from batch.survey import Survey

Policy = Literal["new-only", "all"]


def estimates(planner: Planner, survey: Survey) -> dict[Policy, Estimate]:
    """What a run would come to under the configured policy, and under the other one after it."""
    ours = survey.on_model_change
    other: Policy = "all" if ours == "new-only" else "new-only"
    now = datetime.now(UTC)
    return {
        ours: estimate(planner, survey, now=now),
        other: estimate(planner, replace(survey, on_model_change=other), now=now),
    }


def plan_json(survey: Survey, found: dict[Policy, Estimate]) -> dict[str, Any]:
    """As plain values; seconds and dollars are null where no speed or price is known."""
    return {
        "listed": len(survey.recordings),
        "would_transcribe": len(survey.selection.chosen),
        "reasons": survey.reasons,
        "moved": len(survey.carried),
        "gone": survey.gone,
        "predicted_seconds": round(survey.audio_seconds, 1),
        "other_model": survey.selection.waiting,
        "settling": survey.selection.settling,
        "errors_kept": survey.selection.failed,
        "on_model_change": {policy: _cost(one) for policy, one in found.items()},
    }


def plan_lines(survey: Survey, found: dict[Policy, Estimate]) -> Iterator[str]:
    """For a terminal; the policies only where they differ."""
    chosen, listed = len(survey.selection.chosen), len(survey.recordings)
    why = ", ".join(f"{count} {reason}" for reason, count in survey.selection.reasons.items())
    yield (
        f"{chosen} of {listed} recordings would be transcribed, about "
        f"{hours(survey.audio_seconds)} of audio{f' ({why})' if why else ''}"
    )
    if survey.carried:
        yield f"{len(survey.carried)} were moved or renamed, and keep their transcript"
    if survey.selection.settling:
        yield f"{survey.selection.settling} are too young ([archive] settle_minutes) and wait"
    if survey.gone:
        yield (
            f"{survey.gone} recordings with a transcript are not in the archive any more; their "
            "rows stay ('nightscribe forget' deletes a recording's)"
        )
    if len({one.work.recordings for one in found.values()}) > 1:
        for policy, one in found.items():
            ours = ", as configured" if policy == survey.on_model_change else ""
            yield f'on_model_change = "{policy}"{ours}: {_priced(one)}'
    elif chosen:
        yield _priced(found[survey.on_model_change])


def _priced(one: Estimate) -> str:
    text = f"{one.work.recordings} recordings, about {hours(one.work.audio_seconds)} of audio"
    if one.configured is None:
        unknown = "the time is not known before a run or 'nightscribe estimate --canary'"
        return f"{text}; {unknown}" if one.work.recordings else text
    text += f", {span(one.configured.seconds)} on {one.instances} x {one.machine.named}"
    dollars = one.configured.dollars
    return text if dollars is None else f"{text}, about ${dollars:.2f}"


def _cost(one: Estimate) -> dict[str, Any]:
    chosen = one.configured
    return {
        "recordings": one.work.recordings,
        "audio_seconds": one.work.audio_seconds,
        "seconds": chosen and chosen.seconds,
        "instance_hours": chosen and chosen.instance_hours,
        "dollars": chosen and chosen.dollars,
    }
