"""How likely a word is right: a logistic function of how its letters were heard.

The coefficients belong to one model in one precision with one decoder: they are fitted to labelled
speech when a bundle is made and lie in it (``confidence.json``). A word of a bundle without them
has the geometric mean over its letters of each letter's best frame: it ranks words and is no rate.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from manifests.errors import InputError
from transform_handler.identity import CONFIDENCE_NAME, DecodeSettings, digest_of
from transform_handler.records import Word

FEATURES = (
    "log_mean",
    "log_doubt_of_mean",
    "log_lowest",
    "log_doubt_of_lowest",
    "log_letters",
    "log_seconds",
)
"""What the logistic function sees of a word, natural logarithms throughout.

A letter's probability is that of its best frame. Their geometric mean and the lowest of them stand
as log p and log(1 − p), as in beta calibration (Kull et al. 2017): CTC's probabilities crowd at 1,
where log p hardly tells them apart. The seconds go from the first letter's first frame to the
last letter's last.
"""
LEAST_LOG_PROBABILITY = -10.0
"""Below this a letter is as bad as any: one frame must not outweigh all others."""
LEAST_DOUBT = 1e-3
"""Above 1 − this a probability is as good as any."""

Features = npt.NDArray[np.float64]
"""Shape (n_words, n_features), in the order of ``FEATURES``."""


@dataclass(frozen=True, kw_only=True)
class Spans:
    """Words as they were found; each array has the shape (n_words,).

    ``means`` and ``lowest`` are log-probabilities, ``starts`` and ``ends`` absolute frames.
    """

    texts: Sequence[str]
    starts: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]
    letters: npt.NDArray[np.intp]
    means: npt.NDArray[np.float64]
    lowest: npt.NDArray[np.float64]
    seconds_per_frame: float

    @property
    def features(self) -> Features:
        """What the logistic function sees of each word."""
        seconds = (self.ends - self.starts) * self.seconds_per_frame
        return np.column_stack(
            (*_logs(self.means), *_logs(self.lowest), np.log(self.letters), np.log(seconds))
        )


def _logs(log_probabilities: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    """Log p and log(1 − p), both bounded."""
    certain = np.clip(log_probabilities, LEAST_LOG_PROBABILITY, 0.0)
    return certain, np.log(np.maximum(LEAST_DOUBT, -np.expm1(certain)))


@dataclass(frozen=True, kw_only=True)
class MeasuredWord(Word):
    """A word with its features, from which a fit is made; it never goes into a record's line."""

    features: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ConfidenceFit:
    """A fit, or why there is none; the content of ``confidence.json``.

    It holds for the model and the decoding of these digests alone. ``labels`` is the digest of the
    speech, ``words`` how many were heard in it, ``right`` how many of them were said.
    ``coefficients`` are those of ``FEATURES`` and the ``intercept``, None where ``problem`` says
    why nothing was fitted.
    """

    model_digest: str
    decode_digest: str
    labels: str
    words: int
    right: int
    coefficients: Mapping[str, float] | None = None
    problem: str | None = None

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of what gives a word its confidence."""
        return digest_of({"coefficients": self.coefficients})

    def confidences(self, features: Features) -> npt.NDArray[np.float64]:
        """The probability that each word is right, shape (n_words,).

        Raises:
            ValueError: nothing was fitted.
        """
        if self.coefficients is None:
            raise ValueError(f"no confidence was fitted: {self.problem}")
        logits = self._intercept + features @ self._weights
        return 1.0 / (1.0 + np.exp(-logits))

    @cached_property
    def _weights(self) -> npt.NDArray[np.float64]:
        assert self.coefficients is not None
        return np.array([self.coefficients[name] for name in FEATURES])

    @property
    def _intercept(self) -> float:
        assert self.coefficients is not None
        return self.coefficients["intercept"]

    def to_json(self) -> str:
        """The file's text; the same fit gives the same bytes."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, name: str) -> Self:
        """Read what ``to_json`` wrote; ``name`` is for the error.

        Raises:
            InputError: not a fit of this version.
        """
        try:
            fit = cls(**json.loads(text))
            _check(fit.coefficients)
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{name}: not a confidence fit of this version ({error})") from error
        return fit

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The fit that lies in a model folder or an unpacked bundle, None if none does.

        Raises:
            InputError: as ``from_json``.
        """
        path = folder / CONFIDENCE_NAME
        return cls.from_json(path.read_bytes(), name=str(path)) if path.is_file() else None


def _check(coefficients: Mapping[str, Any] | None) -> None:
    if coefficients is None:
        return
    expected = {"intercept", *FEATURES}
    if set(coefficients) != expected:
        raise ValueError(
            f"coefficients of {', '.join(sorted(coefficients))}; expected {', '.join(expected)}"
        )
    if not all(math.isfinite(value) for value in coefficients.values()):
        raise ValueError("a coefficient is not finite")


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """How a decoder's words get theirs; ``measuring`` keeps their features for a fit."""

    fit: ConfidenceFit | None = None
    measuring: bool = False

    def words(self, found: Spans) -> list[Word]:
        """The words in order, with times in seconds to a millisecond."""
        if not found.texts:
            return []
        seconds = found.seconds_per_frame
        given = [
            {
                "text": text,
                "start": round(start * seconds, 3),
                "end": round(end * seconds, 3),
                "confidence": round(confidence, 4),
            }
            for text, start, end, confidence in zip(
                found.texts,
                found.starts.tolist(),
                found.ends.tolist(),
                self._confidences(found).tolist(),
                strict=True,
            )
        ]
        if not self.measuring:
            return [Word(**one) for one in given]
        rows = map(tuple, found.features.tolist())
        return [MeasuredWord(**one, features=row) for one, row in zip(given, rows, strict=True)]

    def _confidences(self, found: Spans) -> npt.NDArray[np.float64]:
        if self.fit is None:
            return np.exp(np.minimum(0.0, found.means))
        return self.fit.confidences(found.features)


GEOMETRIC_MEAN = Confidence()
"""The confidence of words that nobody has fitted."""


def confidence_in(folder: Path, settings: DecodeSettings) -> Confidence:
    """What a bundle's settings say, with the fit that lies in ``folder``.

    Raises:
        InputError: the settings name a fit that is not there.
    """
    if not settings.calibrated:
        return GEOMETRIC_MEAN
    fit = ConfidenceFit.read(folder)
    if fit is None or fit.coefficients is None or fit.digest != settings.confidence:
        raise InputError(
            f"{folder / CONFIDENCE_NAME}: the fit {settings.confidence} that the bundle's card "
            "names is not there; make the bundle anew"
        )
    return Confidence(fit=fit)
