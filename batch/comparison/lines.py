"""A comparison in a few lines: what was compared, the verdict, where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from batch.report.lines import printable
from training.scoring.verdict import Verdict

if TYPE_CHECKING:
    from batch.comparison.comparison import Comparison, SliceDifference
    from training.scoring.bootstrap import Difference

_SHOWN = 5


def lines_of(found: Comparison) -> Iterator[str]:
    """The lines, in the order in which a reader asks."""
    yield f"A               {found.a.run_id} ({found.a.made_with})"
    yield f"B               {found.b.run_id} ({found.b.made_with})"
    yield f"compared        {compared(found)}"
    for reason, count in found.left_out.items():
        yield f"left out        {count} {reason}"
    yield f"WER             A {_rate(found.rate('a'))}, B {_rate(found.rate('b'))}"
    yield f"difference      {difference_text(found.difference)}"
    yield f"verdict         {verdict_text(found)}"
    if len(found.rows):
        changes = ", ".join(f"{count} {name}" for name, count in found.changes.items())
        yield f"recordings      {changes}"
    shown = telling(found)
    for one in shown[:_SHOWN]:
        yield f"slice           {printable(f'{one.column} {one.value}')}: {slice_text(one)}"
    if len(shown) > _SHOWN:
        yield f"slice           and {len(shown) - _SHOWN} more; --json has them all"
    for _, row in found.moved.head(_SHOWN).iterrows():
        change = f"{row['errors_a']} -> {row['errors_b']} errors"
        yield f"moved           {printable(row['path'])}: {change}"
    rules = found.as_json()["rules"]
    yield f"rules           {rules['normalizer']}; {rules['aligner']}; {rules['interval']}"


def compared(found: Comparison) -> str:
    """How much was compared."""
    meetings = found.difference.blocks
    return (
        f"{len(found.rows)} recordings of {meetings} meeting{'' if meetings == 1 else 's'}, "
        f"{found.words} words"
    )


def verdict_text(found: Comparison) -> str:
    """``worse: the whole interval is above 0, ...``."""
    judged = str(found.verdict)
    named = judged if found.verdict is Verdict.UNKNOWN else f"B is {_than(found.verdict)}"
    return f"{named}: {found.reason}"


def _than(judged: Verdict) -> str:
    return "as good as A" if judged is Verdict.SAME else f"{judged} than A"


def difference_text(found: Difference) -> str:
    """``+0.29 points (95 % interval -0.12 to +0.71; worse in 91.2 % of draws)``."""
    if found.delta is None:
        return "none: nothing to compare"
    text = f"{100 * found.delta:+.2f} points"
    if found.low is None or found.high is None or found.p_worse is None:
        return text
    return (
        f"{text} ({found.level:.0%} interval {100 * found.low:+.2f} to {100 * found.high:+.2f}, "
        f"paired; B worse in {found.p_worse:.1%} of draws)"
    )


def slice_text(one: SliceDifference) -> str:
    """The verdict on a slice, corrected for having looked at all of them."""
    found = one.difference
    assert found.delta is not None
    assert found.low is not None
    assert found.high is not None
    return (
        f"{one.verdict}, {100 * found.delta:+.2f} points ({100 * found.low:+.2f} to "
        f"{100 * found.high:+.2f}), corrected p {one.p:.3f}"
    )


def telling(found: Comparison) -> list[SliceDifference]:
    """The slices of which something is shown, the surest first."""
    shown = [one for one in found.slices if one.verdict in (Verdict.WORSE, Verdict.BETTER)]
    return sorted(shown, key=lambda one: (one.p, one.column, one.value))


def _rate(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.2%}"
