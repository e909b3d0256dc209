"""Error counts: the only thing that is ever added up; a rate is derived from a sum."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorCounts:
    """Hits, substitutions, deletions and insertions of one or more aligned pairs.

    The unit is the word, or the character where a character error rate is counted. The sums are
    sclite's and jiwer's: N = H + S + D words of reference, H + S + I words of hypothesis.

    Raises:
        ValueError: a count is negative.
    """

    hits: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __post_init__(self) -> None:
        if min(self.hits, self.substitutions, self.deletions, self.insertions) >= 0:
            return
        for field in fields(self):
            if (count := getattr(self, field.name)) < 0:
                raise ValueError(f"{field.name} is a count, 0 or more, and was given as {count}")

    def __add__(self, other: ErrorCounts) -> ErrorCounts:
        return ErrorCounts(
            hits=self.hits + other.hits,
            substitutions=self.substitutions + other.substitutions,
            deletions=self.deletions + other.deletions,
            insertions=self.insertions + other.insertions,
        )

    @property
    def reference_words(self) -> int:
        """N: the words (or characters) that were said."""
        return self.hits + self.substitutions + self.deletions

    @property
    def hypothesis_words(self) -> int:
        """The words (or characters) that the model wrote."""
        return self.hits + self.substitutions + self.insertions

    @property
    def errors(self) -> int:
        """S + D + I."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float | None:
        """WER = (S + D + I) / N, above 1 where more was inserted than said; None where N is 0.

        jiwer returns the *number* of insertions as the rate of an empty reference, which puts a
        5.0 beside percentages. Here such a pair has no rate of its own, and its hallucinated
        words still stand in the numerator of every sum that it is a part of.
        """
        return self.errors / self.reference_words if self.reference_words else None

    def as_json(self) -> dict[str, float | None]:
        """The rate beside the counts that it is made of."""
        return {
            "rate": self.rate,
            "errors": self.errors,
            "reference": self.reference_words,
            "hits": self.hits,
            "substitutions": self.substitutions,
            "deletions": self.deletions,
            "insertions": self.insertions,
        }

    @property
    def match_error_rate(self) -> float | None:
        """MER = (S + D + I) / (H + S + D + I): errors among all steps, 0 to 1; None for no steps.

        MER and WIL are those of Morris, Maier & Green 2004, "From WER and RIL to MER and WIL",
        and jiwer's where jiwer defines them.
        """
        steps = self.hits + self.errors
        return self.errors / steps if steps else None

    @property
    def information_lost(self) -> float | None:
        """WIL = 1 - H/N · H/P, with P words of hypothesis: 1 where nothing was right.

        None where both sides are empty.
        """
        if not self.reference_words and not self.hypothesis_words:
            return None
        if not self.reference_words or not self.hypothesis_words:
            return 1.0
        return 1 - (self.hits / self.reference_words) * (self.hits / self.hypothesis_words)


def sum_counts(counts: Iterable[ErrorCounts]) -> ErrorCounts:
    """The counts of a corpus; nothing at all adds up to zeros."""
    return sum(counts, start=ErrorCounts())
