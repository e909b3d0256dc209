"""Alignment with a reference that leaves a choice: the cheapest path through its alternatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from training.scoring.steps import AlignedPair, Costs

_HITS = 1 << 22
"""What a cost outweighs: more hits than any path has."""

Row = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A place in the network: a ``word`` is said, ``any`` words may be, or paths ``join``.

    ``before`` are the nodes that it follows; only a join follows several. ``word`` is the number
    of a reference token.
    """

    kind: Literal["start", "word", "any", "join"]
    before: tuple[int, ...] = ()
    word: int = -1


class Network:
    """The ways to say a reference, built from left to right."""

    def __init__(self) -> None:
        self.nodes = [Node(kind="start")]
        self._end = 0

    def words(self, tokens: range) -> None:
        """Reference tokens that are said, one after the other."""
        self._end = self._chain(tokens, self._end)

    def optional(self, tokens: range) -> None:
        """Reference tokens that are said, or none of them."""
        self.either([tokens, range(0)])

    def either(self, choices: Sequence[range]) -> None:
        """The tokens of one of several choices; of equally cheap ones the first is taken."""
        start = self._end
        ends = tuple(dict.fromkeys(self._chain(tokens, start) for tokens in choices))
        self._end = ends[0] if len(ends) == 1 else self._add(Node(kind="join", before=ends))

    def unscored(self) -> None:
        """Any number of words that cost nothing."""
        self._end = self._add(Node(kind="any", before=(self._end,)))

    def _chain(self, tokens: range, start: int) -> int:
        for token in tokens:
            start = self._add(Node(kind="word", before=(start,), word=token))
        return start

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1


class Path(NamedTuple):
    """The steps of the cheapest path, and the hypothesis tokens that fell into unscored regions."""

    steps: list[AlignedPair]
    unscored: list[int]


def cheapest_path(
    network: Network, reference: Sequence[int], hypothesis: Sequence[int], costs: Costs
) -> Path:
    """The cheapest alignment of a hypothesis with any of the ways through a network.

    Tokens are numbers. Of several cheapest paths one with most hits is taken, and of those the one
    that is found going back from the end: hit or substitution before deletion before insertion.
    Time and memory grow with the product of the lengths, eight bytes for each pair of tokens.
    """
    # Otherwise an unscored region would swallow a word that was said, to call the next one wrong.
    weighed = Costs(*(cost * _HITS for cost in costs))
    return _Table(network.nodes, reference, hypothesis, weighed).path()


class _Table:
    """The cost of each hypothesis prefix at each node: a row a node, of shape (n_tokens + 1,)."""

    def __init__(
        self, nodes: Sequence[Node], said: Sequence[int], heard: Sequence[int], costs: Costs
    ) -> None:
        self._nodes, self._said, self._heard, self._costs = nodes, said, heard, costs
        self._inserted = np.arange(len(heard) + 1, dtype=np.int64) * costs.insertion
        self._tokens = np.asarray(heard, dtype=np.int64)
        self._rows: list[Row] = []
        for node in nodes:
            self._rows.append(self._row(node))

    def _row(self, node: Node) -> Row:
        if node.kind == "start":
            return self._inserted
        row: Row = np.minimum.reduce([self._rows[before] for before in node.before])
        if node.kind == "join":
            return row
        if node.kind == "any":
            found: Row = np.minimum.accumulate(row)
            return found
        hits = self._tokens == self._said[node.word]
        best = row + self._costs.deletion
        best[1:] = np.minimum(best[1:], row[:-1] + np.where(hits, -1, self._costs.substitution))
        return self._with_insertions(best)

    def _with_insertions(self, costs: Row) -> Row:
        best: Row = np.minimum.accumulate(costs - self._inserted) + self._inserted
        return best

    def path(self) -> Path:
        """Back from the end to the start."""
        steps: list[AlignedPair] = []
        unscored: list[int] = []
        at, heard = len(self._nodes) - 1, len(self._heard)
        while at or heard:
            node, cost = self._nodes[at], self._rows[at][heard]
            costs_before = [self._rows[before][heard] for before in node.before]
            if node.kind == "join" or (node.kind == "any" and costs_before[0] == cost):
                at = node.before[costs_before.index(cost)]
            elif node.kind == "any":
                heard -= 1
                unscored.append(heard)
            else:
                step = self._step(node, heard, cost)
                steps.append(step)
                heard -= step.op != "del"
                at = at if step.op == "ins" else node.before[0]
        return Path(steps=steps[::-1], unscored=unscored[::-1])

    def _step(self, node: Node, heard: int, cost: np.int64) -> AlignedPair:
        """The last step of a cheapest path to a word, or to the start."""
        if node.kind == "word":
            before = self._rows[node.before[0]]
            hit = heard > 0 and self._said[node.word] == self._heard[heard - 1]
            if heard and before[heard - 1] + (-1 if hit else self._costs.substitution) == cost:
                op: Literal["hit", "sub"] = "hit" if hit else "sub"
                return AlignedPair(op=op, ref_index=node.word, hyp_index=heard - 1)
            if before[heard] + self._costs.deletion == cost:
                return AlignedPair(op="del", ref_index=node.word, hyp_index=None)
        return AlignedPair(op="ins", ref_index=None, hyp_index=heard - 1)
