"""Scores and lengths in a few lines, for a terminal or a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
    # A summary of an earlier version has neither.
    unit, left_out = figures.get("unit", "word"), figures.get("left_out", {})
    name = "WER" if unit == "word" else "CER"
    for label, counted in ((name, figures["wer"]), (f"{name} as written", figures["raw_wer"])):
        rate = "none" if counted["rate"] is None else f"{counted['rate']:.2%}"
        lines.append(
            f"{label:<16}{rate}  (S {counted['substitutions']}, D {counted['deletions']}, "
            f"I {counted['insertions']}, N {counted['reference']} {unit}s)"
        )
    if text := left_out_text(left_out):
        lines.append(f"left out        {text}")
    return lines


def left_out_text(left_out: Mapping[str, int]) -> str:
    """What the references' marks keep out of the rates; empty where they mark nothing."""
    if not any(left_out.values()):
        return ""
    return (
        f"{left_out['regions']} unscored regions ({left_out['reference_words']} words of the "
        f"references, {left_out['hypothesis_words']} of the transcripts), "
        f"{left_out['optional_words']} optional words that were not said"
    )


def rules_line(figures: Mapping[str, Any]) -> str:
    """What was counted, and how."""
    rules = figures["rules"]
    return f"rules           {rules['normalizer']}; {rules['aligner']}"
