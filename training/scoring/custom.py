"""A project's own rules of scoring: spellings that count as one, and words that do not count."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from training.scoring.caching import CachedRule
from training.scoring.languages import Unit

if TYPE_CHECKING:
    from training.scoring.normalize import Normalizer

Tokens = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomRules:
    """Equivalences such as ``wi fi = wifi``, and fillers such as ``äh``, as a person writes them.

    All sides of an equivalence count as its last one. False where there is no rule at all.
    """

    equivalences: tuple[str, ...] = ()
    fillers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.equivalences or self.fillers)

    @property
    def label(self) -> str:
        """How many rules there are, and a digest that tells them from others."""
        data = json.dumps([self.equivalences, self.fillers], ensure_ascii=False)
        digest = hashlib.sha256(data.encode()).hexdigest()[:8]
        counted = [
            f"{len(rules)} {noun}{'' if len(rules) == 1 else 's'}"
            for rules, noun in ((self.equivalences, "equivalence"), (self.fillers, "filler"))
            if rules
        ]
        return f"custom rules {digest} ({', '.join(counted)})"

    def as_json(self) -> dict[str, list[str]]:
        """The rules as plain values: what ``of_json`` reads."""
        return {"equivalences": list(self.equivalences), "fillers": list(self.fillers)}

    @classmethod
    def of_json(cls, data: Mapping[str, Sequence[str]]) -> CustomRules:
        """The rules that ``as_json`` wrote; absent keys are no rules."""
        return cls(
            equivalences=tuple(data.get("equivalences", ())), fillers=tuple(data.get("fillers", ()))
        )


NO_RULES = CustomRules()


class Customised(CachedRule):
    """A normaliser with a project's rules after it.

    Both sides of an equivalence, and fillers, go through the normaliser first: they may be written
    as people write them. Of several that begin at a token the longest is taken.

    Raises:
        ValueError: a rule means nothing once it is normalised, or two contradict.
    """

    def __init__(self, rule: Normalizer, custom: CustomRules) -> None:
        self._rule, self._custom = rule, custom
        self._changes = _changes(rule, custom)

    @property
    def name(self) -> str:
        return f"{self._rule.name}, {self._custom.label}"

    @property
    def unit(self) -> Unit:
        return self._rule.unit

    @cached_property
    def _lengths(self) -> dict[str, list[int]]:
        """The lengths of what is changed, by first token, longest first."""
        lengths: dict[str, set[int]] = {}
        for tokens in self._changes:
            lengths.setdefault(tokens[0], set()).add(len(tokens))
        return {first: sorted(found, reverse=True) for first, found in lengths.items()}

    def _normalize(self, text: str) -> str:
        tokens = self._rule(text).split()
        if self._lengths.keys().isdisjoint(tokens):
            return " ".join(tokens)
        made: list[str] = []
        place = 0
        while place < len(tokens):
            length = self._match(tokens, place)
            source = tuple(tokens[place : place + max(1, length)])
            made += self._changes[source] if length else source
            place += len(source)
        return " ".join(made)

    def _match(self, tokens: Sequence[str], place: int) -> int:
        """How many tokens from ``place`` on are changed together; 0 for none."""
        for length in self._lengths.get(tokens[place], ()):
            if tuple(tokens[place : place + length]) in self._changes:
                return length
        return 0


def _changes(rule: Normalizer, custom: CustomRules) -> dict[Tokens, Tokens]:
    changes: dict[Tokens, Tokens] = {}
    for line in custom.equivalences:
        *others, kept = _sides(rule, line)
        for other in others:
            if other != kept and changes.setdefault(other, kept) != kept:
                raise ValueError(
                    f"equivalence {line!r}: {' '.join(other)!r} already counts as "
                    f"{' '.join(changes[other])!r}; write all forms in one line, a = b = c"
                )
    for line in custom.fillers:
        changes[_tokens(rule, line, f"filler {line!r}")] = ()
    for kept in list(changes.values()):
        if kept in changes:
            raise ValueError(
                f"{' '.join(kept)!r} counts by one custom rule and is changed by another; "
                "write all forms in one line, a = b = c"
            )
    return changes


def _sides(rule: Normalizer, line: str) -> list[Tokens]:
    sides = line.split("=")
    if len(sides) < 2:
        raise ValueError(f"equivalence {line!r}: no '='; two spellings are expected, ok = okay")
    return [_tokens(rule, side, f"equivalence {line!r}") for side in sides]


def _tokens(rule: Normalizer, text: str, where: str) -> Tokens:
    tokens = tuple(rule(text).split())
    if not tokens:
        raise ValueError(
            f"{where}: nothing is left of {text.strip()!r} once it is normalised by {rule.name}; "
            "a word that is scored is expected"
        )
    return tokens
