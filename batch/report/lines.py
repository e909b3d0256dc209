"""Scores and lengths in a few lines, for a terminal or a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batch.report.adjudication import adjudicated_lines


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
    for label, counted in (("WER", figures["wer"]), ("WER as written", figures["raw_wer"])):
        rate = "none" if counted["rate"] is None else f"{counted['rate']:.2%}"
        lines.append(
            f"{label:<16}{rate}  (S {counted['substitutions']}, D {counted['deletions']}, "
            f"I {counted['insertions']}, N {counted['reference']} words)"
        )
    if "adjudicated" in figures:
        lines += adjudicated_lines(figures["adjudicated"])
    return lines


def rules_line(figures: Mapping[str, Any]) -> str:
    """What was counted, and how."""
    rules = figures["rules"]
    return f"rules           {rules['normalizer']}; {rules['aligner']}"
