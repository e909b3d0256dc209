"""What changed between two sides, and the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from batch.comparison.pairing import pair
from batch.report.meetings import INTERVAL_RULE, sums_by_block
from manifests.errors import InputError
from training.scoring.bootstrap import Difference, differences
from training.scoring.verdict import SIGNIFICANT, Verdict, holm, p_value, verdict

if TYPE_CHECKING:
    import pandas as pd

    from batch.comparison.sides import Side

CHANGES = ("fixed", "better", "worse", "broken", "changed", "unchanged")


@dataclass(frozen=True, kw_only=True)
class SliceDifference:
    """The difference on one slice; ``p`` is corrected (Holm) for all slices looked at."""

    column: str
    value: str
    recordings: int
    difference: Difference
    p: float
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """B against A. ``rows`` are ``Pairing.rows`` with a column ``change`` (``CHANGES``)."""

    a: Side
    b: Side
    rows: pd.DataFrame
    left_out: Mapping[str, int]
    difference: Difference
    verdict: Verdict
    reason: str
    threshold: float
    slices: tuple[SliceDifference, ...]

    @property
    def words(self) -> int:
        """Reference words of all that was compared."""
        return int(self.rows["words"].sum())

    def rate(self, side: str) -> float | None:
        """WER of side ``a`` or ``b`` over what was compared."""
        return int(self.rows[f"errors_{side}"].sum()) / self.words if self.words else None

    @property
    def changes(self) -> dict[str, int]:
        """How many recordings for each of ``CHANGES``."""
        found = self.rows["change"].value_counts()
        return {name: int(found.get(name, 0)) for name in CHANGES}

    @property
    def moved(self) -> pd.DataFrame:
        """The recordings whose number of errors differs, the largest difference first."""
        changed = self.rows[self.rows["errors_a"] != self.rows["errors_b"]]
        by = (changed["errors_b"] - changed["errors_a"]).abs()
        return changed.loc[by.sort_values(ascending=False, kind="stable").index]

    def as_json(self) -> dict[str, Any]:
        """Every figure as plain values, with its rules."""
        return {
            "a": _side_json(self.a, self.rate("a"), int(self.rows["errors_a"].sum())),
            "b": _side_json(self.b, self.rate("b"), int(self.rows["errors_b"].sum())),
            "recordings": len(self.rows),
            "words": self.words,
            "left_out": dict(self.left_out),
            "difference": self.difference.as_json(),
            "verdict": str(self.verdict),
            "reason": self.reason,
            "threshold": self.threshold,
            "changes": self.changes,
            "slices": [
                {
                    "column": one.column,
                    "value": one.value,
                    "recordings": one.recordings,
                    **one.difference.as_json(),
                    "p_holm": one.p,
                    "verdict": str(one.verdict),
                }
                for one in self.slices
            ],
            "rules": {
                "normalizer": self.a.rules[0],
                "aligner": self.a.rules[1],
                "interval": f"{INTERVAL_RULE}; paired",
                "slices": f"Holm's correction over {len(self.slices)} slices, {SIGNIFICANT:g}",
            },
        }


def compare(a: Side, b: Side, *, threshold: float) -> Comparison:
    """Compare B with A on the recordings that both transcribed, meeting by meeting.

    ``threshold`` is the smallest difference of WER that matters, as a rate.

    Raises:
        InputError: the sides were scored by different rules.
    """
    for name, one, other in zip(("normaliser", "aligner"), a.rules, b.rules, strict=True):
        if one != other:
            raise InputError(
                f"A ({a.run_id}) was scored with the {name} {one!r}, B ({b.run_id}) with "
                f"{other!r}; 'nightscribe score' scores one of them again"
            )
    pairing = pair(a, b)
    rows = pairing.rows.assign(change=list(_changes(pairing.rows)))
    groups = _groups(rows)
    whole, *parts = _differences(rows, [range(len(rows)), *groups.values()])
    found, reason = verdict(whole, threshold=threshold)
    if not len(rows):
        reason = "nothing in common to compare; a golden set ([report] golden) would be"
    return Comparison(
        a=a,
        b=b,
        rows=rows,
        left_out=pairing.left_out,
        difference=whole,
        verdict=found,
        reason=reason,
        threshold=threshold,
        slices=tuple(_slices(groups, parts, threshold)),
    )


def _changes(rows: pd.DataFrame) -> Iterator[str]:
    columns = (rows["errors_a"], rows["errors_b"], rows["same_text"])
    for before, after, same in zip(*columns, strict=True):
        if before == after:
            yield "unchanged" if same else "changed"
        elif after < before:
            yield "better" if after else "fixed"
        else:
            yield "worse" if before else "broken"


def _groups(rows: pd.DataFrame) -> dict[tuple[str, str], list[int]]:
    """Indexes of the rows by column and value; a column with one value slices nothing."""
    groups: dict[tuple[str, str], list[int]] = {}
    for index, slices in enumerate(rows["slices"]):
        for column, value in slices if slices is not None else ():
            groups.setdefault((column, value), []).append(index)
    return {key: found for key, found in sorted(groups.items()) if len(found) < len(rows)}


def _differences(rows: pd.DataFrame, members: Sequence[Sequence[int]]) -> list[Difference]:
    values = rows[["errors_a", "errors_b", "words"]].to_numpy(dtype=np.float64)
    meetings = [str(one) for one in rows["meeting"]]
    before, after, words = sums_by_block(meetings, values, members)
    return differences((before, words), (after, words))


def _slices(
    groups: Mapping[tuple[str, str], Sequence[int]], found: Sequence[Difference], threshold: float
) -> Iterator[SliceDifference]:
    corrected = holm([p_value(one) for one in found])
    for (key, members), one, p in zip(groups.items(), found, corrected, strict=True):
        judged, _ = verdict(one, threshold=threshold)
        shown = p < SIGNIFICANT or judged not in (Verdict.WORSE, Verdict.BETTER)
        yield SliceDifference(
            column=key[0],
            value=key[1],
            recordings=len(members),
            difference=one,
            p=p,
            verdict=judged if shown else Verdict.UNKNOWN,
        )


def _side_json(side: Side, rate: float | None, errors: int) -> dict[str, Any]:
    return {
        "run_id": side.run_id,
        "uri": side.uri,
        "model": side.summary["model"],
        "decode_digest": side.summary["decode_digest"],
        "wer": rate,
        "errors": errors,
    }
