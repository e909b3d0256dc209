"""Scores and lengths in a few lines, for a terminal or a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batch.report.adjudication import adjudicated_lines
from training.scoring.bootstrap import ENOUGH_BLOCKS


def hours(seconds: float) -> str:
    """``0.21 h`` or ``12.6 min`` for short sound."""
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def score_lines(figures: Mapping[str, Any]) -> list[str]:
    """Coverage first, then the word error rates; ``figures`` are those of ``summary``."""
    coverage = figures["coverage"]
    if not coverage["references"]:
        return ["no references: nothing was scored"]
    orphans = len(coverage["references_without_recording"])
    lines = [
        (
            f"coverage        {coverage['scored']} of {coverage['references']} references scored "
            f"({coverage['empty']} empty transcripts, {coverage['error']} errors, "
            f"{coverage['missing']} missing, {orphans} without a recording)"
        )
    ]
    if coverage["unscored_seconds"]:
        lines.append(f"not scored      {hours(coverage['unscored_seconds'])}, as references say")
    for label, counted in (("WER", figures["wer"]), ("WER as written", figures["raw_wer"])):
        rate = "none" if counted["rate"] is None else f"{counted['rate']:.2%}"
        lines.append(
            f"{label:<16}{rate}  (S {counted['substitutions']}, D {counted['deletions']}, "
            f"I {counted['insertions']}, N {counted['reference']} words)"
        )
        if label == "WER":
            lines.append(f"interval        {interval_text(counted['interval'])}")
    if "adjudicated" in figures:
        lines += adjudicated_lines(figures["adjudicated"])
    if figures["golden"] is not None:
        lines.append(f"golden set      {golden_text(figures['golden'])}")
    return lines


def golden_text(golden: Mapping[str, Any]) -> str:
    """The verdict on the golden set and the two rates, against the model before."""
    before, now = (golden[side]["wer"] for side in ("a", "b"))
    rates = "" if before is None or now is None else f"; WER {before:.2%} before, {now:.2%} now"
    return f"{golden['verdict']}: {golden['reason']}{rates}"


def interval_text(interval: Mapping[str, Any]) -> str:
    """``12.31 % to 15.02 % (95 %, over 48 meetings)``, or why there is none."""
    meetings = f"{interval['blocks']} meeting{'' if interval['blocks'] == 1 else 's'}"
    if interval["low"] is None:
        return f"none, from {meetings}"
    few = f"; too few meetings, {ENOUGH_BLOCKS} are wanted" if interval["note"] else ""
    return (
        f"{interval['low']:.2%} to {interval['high']:.2%} "
        f"({interval['level']:.0%}, over {meetings}{few})"
    )


def rules_line(figures: Mapping[str, Any]) -> str:
    """What was counted, and how."""
    rules = figures["rules"]
    return f"rules           {rules['normalizer']}; {rules['aligner']}"
