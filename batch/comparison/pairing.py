"""The recordings that two sides can be compared on, and how many cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from batch.comparison.sides import Side

_KEYS = ["id", "channel"]
_COLUMNS = [
    *_KEYS,
    "path",
    "substitutions",
    "deletions",
    "insertions",
    "reference_words",
    "meeting",
    "slices",
    "reference_digest",
    "hypothesis_digest",
    "run_id",
]


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """One row a recording and channel that both sides scored anew.

    ``rows`` has the columns ``id``, ``channel`` (-1 where mixed), ``path``, ``meeting``,
    ``slices``, ``words``, ``errors_a``, ``errors_b`` and ``same_text``. ``left_out`` counts what
    could not be compared, by reason.
    """

    rows: pd.DataFrame
    left_out: Mapping[str, int]


def pair(a: Side, b: Side) -> Pairing:
    """Pair the scored recordings of two sides."""
    both = _frame(a).merge(_frame(b), on=_KEYS, how="outer", suffixes=("_a", "_b"), indicator=True)
    reasons = {
        "scored in A only": both["_merge"] == "left_only",
        "scored in B only": both["_merge"] == "right_only",
        "with another reference in B": both["reference_digest_a"] != both["reference_digest_b"],
        "with the same transcript in both runs": (a.output == b.output)
        & (both["run_id_a"] == both["run_id_b"]),
    }
    left_out, kept = {}, np.ones(len(both), dtype=np.bool_)
    for reason, found in reasons.items():
        if lost := int((kept & found.to_numpy()).sum()):
            left_out[reason] = lost
        kept &= ~found.to_numpy()
    both = both[kept]
    both = both.sort_values(["path_b", *_KEYS], kind="stable").reset_index(drop=True)
    rows = both[[*_KEYS]].assign(
        path=both["path_b"],
        meeting=both["meeting_b"],
        slices=both["slices_b"],
        words=both["reference_words_b"].astype(np.int64),
        errors_a=_errors(both, "a"),
        errors_b=_errors(both, "b"),
        same_text=both["hypothesis_digest_a"] == both["hypothesis_digest_b"],
    )
    return Pairing(rows=rows, left_out=left_out)


def _frame(side: Side) -> pd.DataFrame:
    """The scored rows; a missing channel is -1, because nothing equals a missing value."""
    frame: pd.DataFrame = side.scores.select(_COLUMNS).to_pandas()
    frame = frame[frame["reference_words"].notna()]
    frame["channel"] = frame["channel"].fillna(-1).astype(np.int64)
    # Of no rows at all pandas would not know that ids are text.
    frame["id"] = frame["id"].astype("string")
    return frame


def _errors(both: pd.DataFrame, side: str) -> pd.Series:
    kinds = [f"{kind}_{side}" for kind in ("substitutions", "deletions", "insertions")]
    return both[kinds].sum(axis=1).astype(np.int64)
