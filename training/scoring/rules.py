"""A configuration's rules of scoring as one value: whatever counts errors is given the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from manifests.errors import InputError
from training.scoring.align import ALIGNERS, UNIT, Aligner
from training.scoring.custom import NO_RULES, CustomRules
from training.scoring.normalize import normalizer_for

if TYPE_CHECKING:
    from training.scoring.normalize import Normalizer

RULES_FILE = "scoring.json"
"""The file that brings them into a training container."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoringRules:
    """What ``[scoring]`` says: the aligner, and the project's rules after a language's own.

    False where nothing differs from the defaults.
    """

    aligner: Aligner = UNIT
    custom: CustomRules = NO_RULES

    def __bool__(self) -> bool:
        return self != DEFAULT_RULES

    def normalizer_for(self, language: str | None) -> Normalizer:
        """The language's rule with the project's after it.

        Raises:
            InputError: a custom rule means nothing once it is normalised, or two contradict.
        """
        try:
            return normalizer_for(language, self.custom)
        except ValueError as error:
            raise InputError(
                f"[scoring], for texts of language {language or 'not known'}: {error}"
            ) from error

    def as_json(self) -> dict[str, Any]:
        """The rules under the names of ``[scoring]``: what ``of_json`` reads."""
        return {"aligner": self.aligner.key, **self.custom.as_json()}

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> ScoringRules:
        """The rules that ``as_json`` wrote.

        Raises:
            InputError: there is no such aligner.
        """
        if (key := data["aligner"]) not in ALIGNERS:
            raise InputError(f"{RULES_FILE}: aligner is {key!r}; expected {' or '.join(ALIGNERS)}")
        return cls(aligner=ALIGNERS[key], custom=CustomRules.of_json(data))


DEFAULT_RULES = ScoringRules()
