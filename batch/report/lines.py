"""Scores and lengths in a few lines, for a terminal or a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batch.report.adjudication import adjudicated_lines
from training.scoring.bootstrap import ENOUGH_BLOCKS


def hours(seconds: float) -> str:
    """``0.21 h`` or ``12.6 min`` for short sound."""
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def printable(text: str) -> str:
    """Text in one line, with what would move a terminal's cursor written out."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


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
    # Figures of earlier versions have fewer keys, and a night's message may tell of such a run.
    if seconds := coverage.get("unscored_seconds"):
        lines.append(f"not scored      {hours(seconds)}, as references say")
    if edited := len(coverage.get("references_that_look_edited", ())):
        lines.append(f"look again      {edited} references look edited: the report names them")
    unit = figures.get("unit", "word")
    name = "WER" if unit == "word" else "CER"
    for label, counted in ((name, figures["wer"]), (f"{name} as written", figures["raw_wer"])):
        rate = "none" if counted["rate"] is None else f"{counted['rate']:.2%}"
        lines.append(
            f"{label:<16}{rate}  (S {counted['substitutions']}, D {counted['deletions']}, "
            f"I {counted['insertions']}, N {counted['reference']} {unit}s)"
        )
        if "interval" in counted:
            lines.append(f"interval        {interval_text(counted['interval'])}")
    if "adjudicated" in figures:
        lines += adjudicated_lines(figures["adjudicated"])
    if several := figures.get("several_speakers"):
        lines.append(f"ORC-WER         {orc_text(several)}")
    if text := left_out_text(figures.get("left_out", {})):
        lines.append(f"left out        {text}")
    if figures.get("golden") is not None:
        lines.append(f"golden set      {golden_text(figures['golden'])}")
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


def orc_text(several: Mapping[str, Any]) -> str:
    """The ORC-WER of mixes against several speakers, and meeteval's where it was there."""
    number = several["recordings"]
    mixes = f"{number} mix{'' if number == 1 else 'es'}"
    text = f"{_percent(several['orc_wer']['rate'])} in {mixes} against several speakers"
    if (theirs := several.get("meeteval")) is not None:
        text += f"; by meeteval {theirs['version']} {_percent(theirs['orc_wer']['rate'])}"
    return text


def _percent(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.2%}"


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
