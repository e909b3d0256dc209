"""Faults between utterances: the same sound twice, and what the held-out splits share with others.

A word error rate on speakers, meetings or sentences that were trained on says little about the next
meeting. The held-out side keeps its utterances, so that its rate stays comparable; the side that
is learnt from gives way: train before validation, validation before the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from training.checks.faults import CheckLimits, Kind, Leakage
from training.checks.labels import Candidate

if TYPE_CHECKING:
    from manifests.labels import LabelledUtterance

_ORDER = ("train", "validation")


def rank(split: str) -> int:
    """How far a split is from what is learnt: train 0, validation 1, others 2."""
    return _ORDER.index(split) if split in _ORDER else len(_ORDER)


def check_duplicates(candidates: Sequence[Candidate]) -> None:
    """Add a fault to each later copy of a sound; the first of the highest split stays."""
    first: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=lambda c: -rank(c.split)):
        if candidate.sound is None or not candidate.good:
            continue
        original = first.setdefault(candidate.sound.digest, candidate)
        if original is candidate:
            continue
        inside = original.split == candidate.split
        candidate.blame(
            Kind.DUPLICATE_AUDIO if inside else Kind.LEAKED_AUDIO,
            f"the same sound as {_place(original)} ({original.split})",
            "each sound once",
            # Two held-out sets are not learnt from: they may share.
            quarantined=inside or rank(original.split) > rank(candidate.split),
        )


def _place(candidate: Candidate) -> str:
    return (candidate.utterance.source or candidate.utterance.key).rpartition("/")[2]


def check_leakage(candidates: Sequence[Candidate], limits: CheckLimits) -> None:
    """Add the faults of recordings, speakers and texts that both sides have."""
    _shared(candidates, Kind.LEAKED_RECORDING, _recording, limits.recordings)
    _shared(candidates, Kind.LEAKED_SPEAKER, lambda u: u.speaker, limits.speakers)
    if limits.same_text_words:
        _same_texts(candidates, limits.same_text_words)


def _recording(utterance: LabelledUtterance) -> str:
    return utterance.recording or utterance.audio


def _shared(
    candidates: Sequence[Candidate],
    kind: Kind,
    group: Callable[[LabelledUtterance], str | None],
    policy: Leakage,
) -> None:
    if policy == "allow":
        return
    highest: dict[str, str] = {}
    good = [(c, name) for c in candidates if c.good and (name := group(c.utterance)) is not None]
    for candidate, name in good:
        if rank(candidate.split) > rank(highest.setdefault(name, candidate.split)):
            highest[name] = candidate.split
    what = kind.value.removeprefix("leaked_")
    for candidate, name in good:
        if rank(candidate.split) < rank(highest[name]):
            candidate.blame(
                kind,
                f"{what} {name!r} is in {highest[name]} too",
                f"a {what} in one split only",
                quarantined=policy == "quarantine",
            )


def _same_texts(candidates: Sequence[Candidate], words: int) -> None:
    learnt = {c.text for c in candidates if c.split == "train" and c.good}
    for candidate in candidates:
        if candidate.split == "train" or not candidate.good or candidate.text not in learnt:
            continue
        if len(candidate.text.split()) >= words:
            candidate.blame(
                Kind.SAME_TEXT,
                f"{len(candidate.text.split())} words that train has too",
                "words that are not trained on",
            )
