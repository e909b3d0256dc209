"""Splits of labelled speech that share no speaker and no recording.

A random split of utterances puts the same voices and rooms on both sides, and its word error
rate is that of speech heard before.
"""

from __future__ import annotations

import bisect
import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal, TypeVar

from manifests.errors import InputError
from manifests.labels import LabelledUtterance

SplitBy = Literal["speaker", "recording", "utterance"]

K = TypeVar("K", bound=Hashable)
# A thousandth of all speech is near enough; with many small groups the first round gives that.
_NEAR_ENOUGH = 0.001
_MAX_EXCHANGES = 200


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Utterances that stay together; ``size`` in seconds, or utterances where one has no duration.

    ``name`` does not depend on where the data lies.
    """

    name: str
    size: float
    utterances: tuple[LabelledUtterance, ...]


def split_labels(
    utterances: Iterable[LabelledUtterance],
    *,
    by: SplitBy,
    shares: Mapping[str, float],
    seed: int,
) -> dict[str, list[LabelledUtterance]]:
    """Divide ``utterances`` into splits of about the given shares of the speech.

    By ``speaker``, utterances of one speaker stay together, and so do those of one recording:
    speakers who meet are one group. By ``recording``, only those of one recording. The same
    utterances, shares and seed give the same splits, in whatever order they come and wherever
    their folder lies; each split is sorted.

    Raises:
        InputError: the shares are not shares of one whole, an utterance has no speaker, or there
            are fewer groups than splits.
    """
    _check_shares(shares)
    found = list(utterances)
    groups = _groups(found, by)
    if len(groups) < len(shares):
        raise _too_few(found, groups, by, shares)
    chosen = _assigned(groups, shares, seed)
    order = _order(found)
    return {
        split: sorted(
            (one for group in groups for one in group.utterances if chosen[group.name] == split),
            key=order,
        )
        for split in shares
    }


def _check_shares(shares: Mapping[str, float]) -> None:
    if not all(share > 0 for share in shares.values()) or not math.isclose(
        sum(shares.values()), 1.0, abs_tol=1e-6
    ):
        raise InputError(
            f"split shares are {dict(shares)}; expected shares above 0 that add up to 1"
        )


def _groups(found: Sequence[LabelledUtterance], by: SplitBy) -> list[_Group]:
    path = _path_of(found)
    members: dict[str, list[LabelledUtterance]] = defaultdict(list)
    if by == "utterance":
        for one in found:
            members[_place_of(one, path)].append(one)
    else:
        for one, name in zip(found, _linked(found, by, path), strict=True):
            members[name].append(one)
    timed = all(one.duration is not None for one in found)
    return [
        _Group(
            name=name,
            # A plain sum would depend on the order in its last digits.
            size=math.fsum(one.duration or 0.0 for one in ones) if timed else float(len(ones)),
            utterances=tuple(ones),
        )
        for name, ones in members.items()
    ]


def _linked(
    found: Sequence[LabelledUtterance], by: SplitBy, path: Callable[[LabelledUtterance], str]
) -> list[str]:
    """Each utterance's group: recordings, or whatever recordings and speakers have in common."""
    recordings = [f"recording {one.recording or path(one)}" for one in found]
    if by == "recording":
        return recordings
    _require_speakers(found)
    speakers = [f"speaker {one.speaker}" for one in found]
    return _connected(list(zip(speakers, recordings, strict=True)))


def _connected(pairs: Sequence[tuple[K, K]]) -> list[K]:
    """For each pair the least name of all that are linked to it through other pairs."""
    parent: dict[K, K] = {}

    def root(name: K) -> K:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for first, second in pairs:
        one, other = sorted((root(first), root(second)), key=str)
        parent[other] = one
    return [root(first) for first, _ in pairs]


def _require_speakers(found: Sequence[LabelledUtterance]) -> None:
    lacking = [one for one in found if not one.speaker]
    if lacking:
        raise InputError(
            f"split by speaker: {len(lacking)} of {len(found)} utterances name no speaker "
            f"(first: {lacking[0].source or lacking[0].audio}); add the speakers, give splits of "
            "your own, or split by recording"
        )


def _too_few(
    found: Sequence[LabelledUtterance],
    groups: Sequence[_Group],
    by: SplitBy,
    shares: Mapping[str, float],
) -> InputError:
    speakers = {one.speaker for one in found}
    met = by == "speaker" and len(speakers) > len(groups)
    found_here = (
        f"{len(speakers)} speakers found, who meet in the same recordings and make "
        f"{len(groups)} group(s)"
        if met
        else f"{len(groups)} {by}(s) found"
    )
    others = {
        "speaker": 'split by "recording" (the speakers will be on both sides) or "utterance"',
        "recording": 'split by "utterance" (the recordings will be on both sides)',
        "utterance": "give more",
    }
    return InputError(
        f"split by {by}: {found_here}, {len(shares)} expected for {', '.join(shares)}; give "
        f"validation and test data of your own, or {others[by]}"
    )


def _assigned(groups: Sequence[_Group], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """A split for each group, by its name.

    In the order of a keyed hash each group goes where relatively most is missing, so that no
    split stays empty; then groups are exchanged for as long as that brings the sizes nearer.
    """
    total = math.fsum(group.size for group in groups)
    target = {split: share * total for split, share in shares.items()}
    # Without regard to the order in which the shares are written.
    splits = sorted(shares, key=lambda split: (-shares[split], split))
    size = dict.fromkeys(splits, 0.0)
    chosen: dict[str, str] = {}
    for group in sorted(groups, key=lambda group: _hash(group.name, seed)):
        split = max(splits, key=lambda split: 1 - size[split] / target[split])
        chosen[group.name] = split
        size[split] += group.size
    _exchange(groups, chosen, size, target)
    return chosen


def _exchange(
    groups: Sequence[_Group],
    chosen: dict[str, str],
    size: dict[str, float],
    target: Mapping[str, float],
) -> None:
    """Move single groups and swap pairs for as long as that brings the sizes nearer."""
    off = {split: size[split] - target[split] for split in size}
    enough = _NEAR_ENOUGH * sum(target.values())
    for _ in range(_MAX_EXCHANGES):
        if max(off.values()) <= enough:
            return
        best = _best_exchange(groups, chosen, off)
        if best is None:
            return
        here, there = chosen[best[0].name], best[2]
        chosen[best[0].name] = there
        if best[1] is not None:
            chosen[best[1].name] = here
        moved = best[0].size - (best[1].size if best[1] else 0.0)
        off[here] -= moved
        off[there] += moved


def _best_exchange(
    groups: Sequence[_Group], chosen: Mapping[str, str], off: Mapping[str, float]
) -> tuple[_Group, _Group | None, str] | None:
    """A group, the one that comes back for it (or none), and the split that it goes to.

    Moving d seconds over a gap of a - b lessens the squared distance a² + b² by 2 d (a - b - d).
    """
    members: dict[str, list[_Group]] = {split: [] for split in off}
    for group in sorted(groups, key=lambda group: (group.size, group.name)):
        members[chosen[group.name]].append(group)
    best: tuple[float, _Group, _Group | None, str] | None = None
    for here, there in permutations(off, 2):
        gap = off[here] - off[there]
        for group in members[here] if gap > 0 else ():
            for back in _near(members[there], group.size - gap / 2):
                # The last group of a split does not go without another in return.
                if back is None and len(members[here]) == 1:
                    continue
                moved = group.size - (back.size if back else 0.0)
                gain = moved * (gap - moved)
                if gain > 1e-12 * gap * gap and (best is None or gain > best[0]):
                    best = gain, group, back, there
    return best[1:] if best else None


def _near(members: Sequence[_Group], size: float) -> list[_Group | None]:
    """The two groups whose sizes are next to ``size``, and none at all."""
    at = bisect.bisect_left(members, size, key=lambda group: group.size)
    return [None, *members[max(0, at - 1) : at + 1]]


def _hash(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}".encode()).digest()


def _path_of(found: Sequence[LabelledUtterance]) -> Callable[[LabelledUtterance], str]:
    """An utterance's path from the folder that holds them all: the same wherever that lies."""
    folders = [one.audio.rpartition("/")[0] for one in found]
    common = min(folders, default="")
    for folder in folders:
        while not f"{folder}/".startswith(f"{common}/") and common:
            common = common.rpartition("/")[0]
    return lambda one: one.audio[len(common) :].lstrip("/")


def _place_of(one: LabelledUtterance, path: Callable[[LabelledUtterance], str]) -> str:
    channel = "" if one.channel is None else f"#{one.channel}"
    return f"{path(one)}{channel}@{one.offset:.3f}"


def _order(
    found: Sequence[LabelledUtterance],
) -> Callable[[LabelledUtterance], tuple[str, float, int, str]]:
    path = _path_of(found)

    def key(one: LabelledUtterance) -> tuple[str, float, int, str]:
        return path(one), one.offset, -1 if one.channel is None else one.channel, one.text

    return key
