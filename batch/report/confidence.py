"""What confidence is worth: how far it is a probability, and which errors it leads to.

The unit is the word as the model wrote it, as in the fit (docs/engine-confidence.md): it is right
if all that became of it after the normaliser was said.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from batch.report.words import known
from training.scoring.calibration import BINS, expected_calibration_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batch.report.alignment import AlignedRecording
    from batch.report.model import Report

LEAST_WORDS = 500
"""As many as a fit needs; with fewer, bins hold too few words to say anything."""
LEAST_RIGHT = 100
SHARES = (0.01, 0.02, 0.05, 0.10, 0.20, 0.30, 0.50)
_CURVE = tuple(number / 50 for number in range(51))

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bin:
    """Words of neighbouring confidence: their mean confidence and the share that is right.

    ``low`` and ``high`` bound the share at 95 % if words were independent (Wilson 1927).
    """

    confidence: float
    right: float
    words: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Reliability:
    """One kind of rows, calibrated or not: 15 bins of equally many words, and their mean error.

    ``ece`` is the expected calibration error, ``chance`` about what true probabilities would
    have with this number of words.
    """

    calibrated: bool
    words: int
    right: int
    mean: float
    ece: float
    chance: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Check this share of the words, the least sure first, and so many errors are among them."""

    share: float
    words: int
    caught: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfidenceFigures:
    """Words with a confidence, and the errors that they can and cannot lead to.

    ``catchable`` errors (substitutions, insertions) stand on a word with a confidence; ``errors``
    are all. ``uncalibrated`` words come from rows whose confidence is no probability, or of which
    that is not known. ``sure`` is the median confidence of the words that are right.
    """

    words: int
    unknown: int
    uncalibrated: int
    errors: int
    deletions: int
    catchable: int
    reliability: tuple[Reliability, ...] = ()
    budgets: tuple[Budget, ...] = ()
    curve: tuple[Budget, ...] = ()
    sure: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The figures as plain values."""
        plain = asdict(self)
        del plain["curve"]
        return plain


def confidence_figures(report: Report) -> ConfidenceFigures:
    """Judge every word of the scored recordings.

    Raises:
        ValueError: this installation lacks the normaliser that the run was scored with.
    """
    found = _Words()
    for row, aligned in zip(report.recordings, report.alignments, strict=True):
        if aligned is not None:
            found.add(aligned, calibrated=bool(row.calibrated))
    counts = report.normalized
    return found.figures(errors=counts.errors, deletions=counts.deletions)


class _Words:
    """Confidence, errors and calibration of each word, a few bytes a word."""

    def __init__(self) -> None:
        self._confidences, self._errors, self._calibrated = array("f"), array("h"), bytearray()
        self.unknown = 0

    def add(self, aligned: AlignedRecording, *, calibrated: bool) -> None:
        before = len(self._errors)
        for confidence, errors in word_errors_of(aligned):
            if confidence is None:
                self.unknown += 1
            else:
                self._confidences.append(confidence)
                self._errors.append(errors)
        self._calibrated += bytes([calibrated]) * (len(self._errors) - before)

    def figures(self, *, errors: int, deletions: int) -> ConfidenceFigures:
        """What comes of them, beside all errors of the corpus."""
        confidences, numbers, calibrated = self._arrays()
        right, found = numbers == 0, np.maximum(numbers, 0)
        enough = len(confidences) >= LEAST_WORDS
        return ConfidenceFigures(
            words=len(confidences),
            unknown=self.unknown,
            uncalibrated=int((~calibrated).sum()),
            errors=errors,
            deletions=deletions,
            catchable=int(found.sum()),
            reliability=tuple(
                _reliability(confidences[chosen], right[chosen], calibrated=kind)
                for kind, chosen in ((True, calibrated), (False, ~calibrated))
                if chosen.sum() >= LEAST_WORDS
            ),
            budgets=_budgets(confidences, found, SHARES) if enough else (),
            curve=_budgets(confidences, found, _CURVE) if enough else (),
            sure=float(np.median(confidences[right])) if right.sum() >= LEAST_RIGHT else None,
        )

    def _arrays(self) -> tuple[Values, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        return (
            np.array(self._confidences, np.float64),
            np.array(self._errors, np.int64),
            np.array(self._calibrated, np.bool_),
        )


def word_errors_of(aligned: AlignedRecording) -> Iterator[tuple[float | None, int]]:
    """Confidence and number of errors of each written word of which the normaliser leaves any.

    An error of a token that several words share counts at each word for whether it is right, and
    is given to the first of them, so that the errors add up: a later one has -1.
    """
    errors: list[int | None] = [None] * len(aligned.confidences)
    heard = aligned.hypothesis
    letters = aligned.steps.letters.replace("D", "")
    for letter, first, last in zip(letters, heard.first, heard.last, strict=True):
        for place in range(first, last + 1):
            before = errors[place] or 0
            if letter == "=":
                errors[place] = before
            elif place == first:
                errors[place] = max(before, 0) + 1
            else:
                errors[place] = before or -1
    return (
        (known(confidence), number)
        for confidence, number in zip(aligned.confidences, errors, strict=True)
        if number is not None
    )


def _reliability(
    confidences: Values, right: npt.NDArray[np.bool_], *, calibrated: bool
) -> Reliability:
    order = np.argsort(confidences, kind="stable")
    parts = np.array_split(order, BINS)
    spread = [float((confidences[p] * (1 - confidences[p])).mean()) / len(p) for p in parts]
    shares = [len(part) / len(order) for part in parts]
    return Reliability(
        calibrated=calibrated,
        words=len(order),
        right=int(right.sum()),
        mean=float(confidences.mean()),
        ece=expected_calibration_error(confidences, right),
        # The mean size of a normal deviation is sqrt(2/pi) of its standard deviation.
        chance=sum(w * math.sqrt(2 / math.pi * v) for w, v in zip(shares, spread, strict=True)),
        bins=tuple(_bin(confidences[part], right[part]) for part in parts),
    )


def _bin(confidences: Values, right: npt.NDArray[np.bool_]) -> Bin:
    words, share = len(right), float(right.mean())
    z = 1.96
    middle = (share + z * z / (2 * words)) / (1 + z * z / words)
    half = z / (1 + z * z / words)
    half *= math.sqrt(share * (1 - share) / words + z * z / (4 * words * words))
    return Bin(
        confidence=float(confidences.mean()),
        right=share,
        words=words,
        low=max(0.0, middle - half),
        high=min(1.0, middle + half),
    )


def _budgets(
    confidences: Values, found: npt.NDArray[np.int64], shares: tuple[float, ...]
) -> tuple[Budget, ...]:
    order = np.argsort(confidences, kind="stable")
    caught = np.concatenate(([0], np.cumsum(found[order])))
    numbers = [round(share * len(order)) for share in shares]
    return tuple(
        Budget(share=share, words=number, caught=int(caught[number]))
        for share, number in zip(shares, numbers, strict=True)
    )
