"""An n-gram language model of words, read by KenLM (Heafield 2011).

The package is needed by bundles with a language model only, which is why it is imported here and
nowhere else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from manifests.errors import InputError

History = Any
"""The words before, as KenLM keeps them."""

# log10 of the probability of a word that the model does not know. Models made without <unk> call
# it impossible (-100), and no name would ever be written.
_UNKNOWN_FLOOR = -7.0
# The same of a word that the user expects: as likely as a word said once in a thousand.
_EXPECTED_FLOOR = -3.0


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """Scores words by the words before them.

    ``expected`` are words that may well be said though the model does not know them.
    """

    model: Any
    weight: float
    expected: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: Path, *, weight: float, expected: frozenset[str] = frozenset()) -> Self:
        """Read an ARPA file or a KenLM binary.

        Raises:
            InputError: it is none, or the package is not installed.
        """
        try:
            import kenlm  # noqa: PLC0415
        except ImportError as error:
            raise InputError(
                "[decode] language_model needs the package ufal.kenlm; install nightscribe[lm]"
            ) from error
        config = kenlm.Config()
        config.show_progress = False
        config.arpa_complain = kenlm.ARPALoadComplain.NONE
        try:
            return cls(model=kenlm.Model(str(path), config), weight=weight, expected=expected)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"[decode] language_model {path.name}: KenLM cannot read it; an ARPA file "
                f"or a KenLM binary is expected ({_first_line(error)})"
            ) from error

    @property
    def start(self) -> History:
        """Nothing before: what is decoded begins after a pause, seldom with a sentence."""
        import kenlm  # noqa: PLC0415

        history = kenlm.State()
        self.model.NullContextWrite(history)
        return history

    def scored(self, history: History, word: str) -> tuple[History, float]:
        """The words before the next, and the weighted natural logarithm of this one's probability.

        The case is the model's own where it knows the word in one.
        """
        import kenlm  # noqa: PLC0415

        form = next((f for f in (word, word.lower(), word.upper()) if f in self.model), word)
        after = kenlm.State()
        score = self.model.BaseScore(history, form, after)
        if form not in self.model:
            score = max(score, _EXPECTED_FLOOR if word in self.expected else _UNKNOWN_FLOOR)
        return after, self.weight * score * math.log(10)


def _first_line(error: Exception) -> str:
    return str(error.__cause__ or error).splitlines()[0] if str(error) else type(error).__name__
