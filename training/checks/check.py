"""One pass over all splits: measure the sound, clean the texts, compare, and sort out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from training.checks.across import check_duplicates, check_leakage
from training.checks.faults import CheckLimits
from training.checks.labels import Candidate, LabelCheck, OutputLength, by_split, check_pace
from training.checks.report import DataCheck, Quarantined
from training.checks.sound import measure

if TYPE_CHECKING:
    from manifests.labels import LabelledUtterance
    from training.labels.text import TextRules
    from training.labels.vocabulary import Vocabulary


def check_labels(
    splits: Mapping[str, Sequence[LabelledUtterance]],
    *,
    rules: TextRules,
    vocabulary: Vocabulary | None,
    output_length: OutputLength | None,
    limits: CheckLimits | None = None,
    threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> DataCheck:
    """Check labelled speech before it is trained on; the sound is read once.

    `splits` are named train, validation, test and so on. Without a `vocabulary` unknown
    characters are not looked for, and without `output_length` (samples at 16 kHz to frames) texts
    too long for CTC are not. What is kept has its cleaned text and its measured duration, which
    is a whole number of samples. `on_progress` gets the utterances read and their number.

    Unreadable sound is a fault, not an error. A decoder that crashes takes the process with it, as
    it would in training.
    """
    limits = limits or CheckLimits()
    labels = [(split, one) for split, utterances in splits.items() for one in utterances]
    heard = measure([one for _, one in labels], threads=threads, on_progress=on_progress)
    candidates = [
        Candidate(split=split, utterance=one, heard=sound, text=rules.clean(one.text))
        for (split, one), sound in zip(labels, heard, strict=True)
    ]
    check = LabelCheck(
        rules=rules, vocabulary=vocabulary, output_length=output_length, limits=limits
    )
    for candidate in candidates:
        check(candidate)
    check_pace(candidates, limits)
    check_duplicates(candidates)
    check_leakage(candidates, limits)
    return _sorted_out(list(splits), candidates)


def _sorted_out(splits: Sequence[str], candidates: Sequence[Candidate]) -> DataCheck:
    kept: dict[str, list[LabelledUtterance]] = {split: [] for split in splits}
    for split, members in by_split(candidates):
        kept[split] = [_as_checked(candidate) for candidate in members if candidate.good]
    return DataCheck(
        kept=kept,
        faults=tuple(fault for candidate in candidates for fault in candidate.faults),
        quarantined=tuple(
            Quarantined(split=c.split, utterance=c.utterance, faults=tuple(c.faults))
            for c in candidates
            if not c.good
        ),
    )


def _as_checked(candidate: Candidate) -> LabelledUtterance:
    assert candidate.sound
    seconds, promised = candidate.sound.seconds, candidate.utterance.duration
    duration = seconds if promised is None else min(seconds, promised)
    return dataclasses.replace(candidate.utterance, text=candidate.text, duration=duration)
