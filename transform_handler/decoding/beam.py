"""CTC prefix beam search: the text that is likeliest over all its alignments.

After Graves and Jaitly 2014 (section 3.3) and Hannun et al. 2014. A hypothesis is a prefix with the
symbol of its last frame, which may be the blank: whether a letter said again is a new one depends
on nothing else. What the text itself is worth (language model, hot words) is multiplied in as the
prefix grows.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nlargest
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from transform_handler.decoding.symbols import BLANK, Symbols
from transform_handler.decoding.text_scores import Context, TextScores

# A symbol below this probability is not tried in a frame, unless it is the best there…
SYMBOL_FLOOR = math.exp(-6.0)
# …or a hot word needs it next: names that the model never saw are spelled by unlikely letters.
HOT_FLOOR = math.exp(-10.0)
# A hypothesis this much below the best one is given up.
BEAM_MARGIN = math.exp(-16.0)

Tried = list[tuple[int, float]]
"""Symbols with their probabilities."""
Candidates = tuple[Tried, Tried]
"""What is tried in a frame: by every hypothesis, and by those that are in need of it."""


@dataclass(frozen=True, kw_only=True)
class BeamSearch:
    """Finds the best text of one stretch of frames.

    With a width, a floor and a margin that cut nothing off the result is exact.
    """

    symbols: Symbols
    scores: TextScores
    width: int
    floor: float = SYMBOL_FLOOR
    hot_floor: float = HOT_FLOOR
    margin: float = BEAM_MARGIN

    def best(self, log_probabilities: npt.NDArray[np.float64]) -> tuple[int, ...]:
        """The symbols of the best text; ``log_probabilities`` has shape (n_frames, n_symbols).

        Delimiters stand once between words.
        """
        tree = PrefixTree(symbols=self.symbols, scores=self.scores)
        beam = {tree.root: 1.0}
        rare = min(self.floor, self.hot_floor) if self.scores.hot_words else self.floor
        for tried in candidates(log_probabilities, floor=self.floor, rare=rare):
            beam = self._pruned(tree.grown(beam, tried))
        return tree.likeliest(beam)

    def _pruned(self, beam: dict[int, float]) -> dict[int, float]:
        """The best hypotheses, scaled so that the best of all has mass 1."""
        kept = nlargest(self.width, beam.items(), key=itemgetter(1))
        scale = 1.0 / kept[0][1]
        return {key: mass * scale for key, mass in kept if mass * scale >= self.margin}


def candidates(
    log_probabilities: npt.NDArray[np.float64], *, floor: float, rare: float
) -> Iterator[Candidates]:
    """What is tried in each frame that can change a beam.

    Where nothing but the blank is likely, a second such frame changes nothing.
    """
    probabilities = np.exp(log_probabilities)
    best = probabilities.argmax(axis=1)
    tried = probabilities >= rare
    tried[np.arange(len(tried)), best] = True
    idle = tried[:, BLANK] & (tried.sum(axis=1) == 1)
    idle[1:] &= idle[:-1].copy()
    idle[:1] = False
    for frame in np.flatnonzero(~idle):
        symbols = np.flatnonzero(tried[frame])
        row = probabilities[frame, symbols]
        usual = (row >= floor) | (symbols == best[frame])
        pairs = list(zip(symbols.tolist(), row.tolist(), usual.tolist(), strict=True))
        yield (
            [(symbol, weight) for symbol, weight, often in pairs if often],
            [(symbol, weight) for symbol, weight, often in pairs if not often],
        )


class PrefixTree:
    """The prefixes of one search.

    A hypothesis is one number, ``prefix * n_symbols + last symbol``, and so is the way from it by
    a symbol: this is the innermost loop of decoding.
    """

    def __init__(self, *, symbols: Symbols, scores: TextScores) -> None:
        self._symbols = symbols
        self._scores = scores
        self._size = len(symbols.texts)
        self._parents = [0]
        self._last = [BLANK]
        self._contexts: list[Context] = [scores.start]
        self._grown: dict[int, tuple[int, float]] = {}
        self._needed: dict[int, frozenset[int]] = {}
        self.root = BLANK

    def grown(self, beam: dict[int, float], tried: Candidates) -> dict[int, float]:
        """The hypotheses one frame later, with their masses."""
        size, known, grow = self._size, self._grown, self._grow
        usual, rare = tried
        found: dict[int, float] = {}
        for key, mass in beam.items():
            last = key % size
            prefix = key - last
            pairs = usual + self._in_need(prefix // size, rare) if rare else usual
            for symbol, weight in pairs:
                if symbol in (last, BLANK):
                    target, share = prefix + symbol, mass * weight
                else:
                    step = prefix + symbol
                    target, gain = known.get(step) or grow(step)
                    share = mass * weight * gain
                found[target] = found.get(target, 0.0) + share
        return found

    def _in_need(self, prefix: int, rare: Tried) -> Tried:
        """Those of rare symbols that the hot words in this prefix may go on with."""
        needed = self._needed.get(prefix)
        if needed is None:
            needed = self._symbols.beginning_with(self._scores.needed(self._contexts[prefix]))
            self._needed[prefix] = needed
        return [pair for pair in rare if pair[0] in needed] if needed else []

    def _grow(self, step: int) -> tuple[int, float]:
        """The hypothesis that a new symbol leads to, and by what it multiplies the mass."""
        prefix, symbol = divmod(step, self._size)
        if symbol == self._symbols.delimiter and not self._contexts[prefix].word:
            # A second delimiter, or one before the first word, writes nothing.
            self._grown[step] = (step, 1.0)
            return self._grown[step]
        text = self._symbols.texts[symbol]
        context, gain = self._scores.extended(self._contexts[prefix], text)
        grown = len(self._parents) * self._size + symbol
        self._parents.append(prefix)
        self._last.append(symbol)
        self._contexts.append(context)
        self._grown[step] = (grown, math.exp(gain))
        return self._grown[step]

    def likeliest(self, beam: dict[int, float]) -> tuple[int, ...]:
        """The symbols of the text with the largest mass, over all prefixes that write it."""
        masses: dict[int, float] = defaultdict(float)
        for key, mass in beam.items():
            masses[key // self._size] += mass
        totals: dict[str, float] = defaultdict(float)
        writes: dict[str, tuple[float, tuple[int, ...]]] = {}
        for prefix, mass in masses.items():
            whole = mass * math.exp(self._scores.ended(self._contexts[prefix]))
            sequence = self._sequence(prefix)
            text = self._symbols.text_of(sequence)
            totals[text] += whole
            writes[text] = max(writes.get(text, (0.0, ())), (whole, sequence))
        # Of equal texts the first in the alphabet, whatever the order of the beam.
        return writes[min(totals, key=lambda text: (-totals[text], text))][1]

    def _sequence(self, prefix: int) -> tuple[int, ...]:
        sequence = []
        while prefix:
            sequence.append(self._last[prefix])
            prefix = self._parents[prefix]
        if sequence and sequence[0] == self._symbols.delimiter:
            sequence = sequence[1:]
        return tuple(reversed(sequence))
