"""A reference with marks beside a hypothesis: which of its words count, and how they align."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from training.scoring.align import Aligner
from training.scoring.cutting import Piece, pieces
from training.scoring.marks import Stretch
from training.scoring.network import Network, Path, cheapest_path
from training.scoring.steps import LETTERS, AlignedPair, Steps, numbered

CELLS = 4_000_000
"""Pairs of tokens that are aligned at once: 32 MB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """What a reference's marks keep out of the counts.

    ``regions`` could not be made out by whoever wrote the reference; ``reference_words`` are their
    guesses and ``hypothesis_words`` what was heard there. ``optional_words`` were not said.
    """

    regions: int = 0
    reference_words: int = 0
    hypothesis_words: int = 0
    optional_words: int = 0

    def __add__(self, other: LeftOut) -> LeftOut:
        names = [field.name for field in fields(self)]
        return LeftOut(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


NOTHING = LeftOut()


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkedTokens:
    """A stretch of a reference with the tokens of each of its choices."""

    stretch: Stretch
    choices: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkedAlignment:
    """The tokens of both sides that count, by number, and the steps between those.

    ``reference`` numbers the tokens of all choices in order; ``steps`` are between both lists.
    """

    reference: tuple[int, ...]
    hypothesis: tuple[int, ...]
    steps: Steps
    left_out: LeftOut


def align_marked(
    stretches: Sequence[MarkedTokens], hypothesis: Sequence[str], aligner: Aligner
) -> MarkedAlignment:
    """The cheapest alignment with any of the texts that a reference allows.

    More than 4 million pairs of tokens are cut into pieces in the middle of runs on which the first
    choices and the hypothesis agree.
    """
    tokens = [token for one in stretches for choice in one.choices for token in choice]
    said, heard = numbered(tokens, hypothesis)
    steps: list[AlignedPair] = []
    unscored: set[int] = set()
    for part, piece in _pieces(_with_numbers(stretches), said, heard):
        start, stop = piece.hypothesis.start, piece.hypothesis.stop
        path = cheapest_path(_network(part), said, heard[start:stop], aligner.costs)
        steps += _shifted(path, start)
        unscored |= {start + index for index in path.unscored}
    return _renumbered(steps, unscored, stretches, len(heard))


_Numbered = tuple[str, tuple[range, ...]]
"""The kind of a stretch and the numbers of its choices' tokens."""


def _with_numbers(stretches: Sequence[MarkedTokens]) -> list[_Numbered]:
    found: list[_Numbered] = []
    place = 0
    for one in stretches:
        choices = []
        for choice in one.choices:
            choices.append(range(place, place + len(choice)))
            place += len(choice)
        found.append((one.stretch.kind, tuple(choices)))
    return found


def _network(stretches: Sequence[_Numbered]) -> Network:
    network = Network()
    for kind, choices in stretches:
        if kind == "plain":
            network.words(choices[0])
        elif kind == "optional":
            network.optional(choices[0])
        elif kind == "either":
            network.either(choices)
        else:
            network.unscored()
    return network


def _pieces(
    stretches: Sequence[_Numbered], said: Sequence[int], heard: Sequence[int]
) -> Iterator[tuple[list[_Numbered], Piece]]:
    """The stretches of each piece, cut only between the tokens of plain ones."""
    first = [at for kind, choices in stretches if kind != "unscored" for at in choices[0]]
    plain = {at for kind, choices in stretches if kind == "plain" for at in choices[0]}
    closed = frozenset(place for place, at in enumerate(first) if at not in plain)
    found = pieces([said[at] for at in first], heard, cells=CELLS, closed=closed)
    for piece in found:
        begins = first[piece.reference.start] if piece.reference.start else 0
        ends = piece.reference.stop
        last = first[ends] if ends < len(first) else len(said) + 1
        yield list(_between(stretches, begins, last)), piece


def _between(stretches: Sequence[_Numbered], start: int, stop: int) -> Iterator[_Numbered]:
    for kind, choices in stretches:
        if kind == "plain":
            inside = range(max(start, choices[0].start), min(stop, choices[0].stop))
            if inside:
                yield kind, (inside,)
        elif start <= choices[0].start < stop:
            yield kind, choices


def _shifted(path: Path, start: int) -> list[AlignedPair]:
    """The steps with the numbers of hypothesis tokens in the whole, not the piece."""
    return [
        AlignedPair(
            op=step.op,
            ref_index=step.ref_index,
            hyp_index=None if step.hyp_index is None else start + step.hyp_index,
        )
        for step in path.steps
    ]


def _renumbered(
    steps: Sequence[AlignedPair],
    unscored: set[int],
    stretches: Sequence[MarkedTokens],
    heard: int,
) -> MarkedAlignment:
    reference = [step.ref_index for step in steps if step.ref_index is not None]
    hypothesis = [at for at in range(heard) if at not in unscored]
    return MarkedAlignment(
        reference=tuple(reference),
        hypothesis=tuple(hypothesis),
        steps=Steps("".join(LETTERS[step.op] for step in steps)),
        left_out=_left_out(stretches, set(reference), len(unscored)),
    )


def _left_out(
    stretches: Sequence[MarkedTokens], chosen: set[int], hypothesis_words: int
) -> LeftOut:
    numbers = _with_numbers(stretches)
    regions = [choices[0] for kind, choices in numbers if kind == "unscored"]
    optional = [at for kind, choices in numbers if kind == "optional" for at in choices[0]]
    return LeftOut(
        regions=len(regions),
        reference_words=sum(len(region) for region in regions),
        hypothesis_words=hypothesis_words,
        optional_words=sum(at not in chosen for at in optional),
    )
