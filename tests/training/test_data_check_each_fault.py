"""A set that has one of each fault: each is found, and nothing else is blamed."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from manifests.labels import LabelledUtterance
from tests.training.labelled import WORDS, Labels, check, kinds, noise
from training.checks import CheckLimits, Kind

Splits = dict[str, list[LabelledUtterance]]
replace = dataclasses.replace


def one_of_each(labels: Labels) -> dict[Kind, Splits]:
    """For each kind the utterances to add to the splits; the last of them is the faulty one."""
    loud = np.sign(noise(1.5, seed=900))
    again, outside = labels.one("it is heard twice"), labels.one("this is for the test alone")
    broken = labels.one()
    Path(broken.audio.removeprefix("file://")).write_bytes(b"RIFF but no sound at all")
    return {
        Kind.MISSING_AUDIO: {"train": [replace(labels.one(), audio="file:///nowhere/a.wav")]},
        Kind.UNREADABLE_AUDIO: {"train": [broken]},
        Kind.BEYOND_THE_END: {"train": [labels.one(duration=1.4, offset=0.5)]},
        Kind.SILENT_AUDIO: {"train": [labels.one(sound=noise(1.5, seed=1, loud=1e-5))]},
        Kind.CLIPPED_AUDIO: {"train": [labels.one(sound=loud)]},
        Kind.TOO_SHORT_AUDIO: {"train": [labels.one("a", 0.1)]},
        Kind.OVERLONG_AUDIO: {"train": [labels.one(WORDS * 20, 31.0)]},
        Kind.EMPTY_TEXT: {"train": [labels.one(" … [laughter]")]},
        Kind.OVERLONG_TEXT: {"train": [labels.one("abcdefghi " * 82, 29.0)]},
        Kind.DIGITS_OR_SYMBOLS: {"train": [labels.one("the budget of 1984")]},
        Kind.UNKNOWN_CHARACTERS: {"train": [labels.one("the café is ready")]},
        Kind.TOO_FAST: {"train": [labels.one("abcdefgh " * 6, 1.5)]},
        Kind.TOO_SLOW: {"train": [labels.one("a", 4.0)]},
        Kind.TOO_LONG_FOR_CTC: {"train": [labels.one("aaaaaa", 0.21)]},
        Kind.DUPLICATE_AUDIO: {"train": [again, replace(again, source="again")]},
        Kind.LEAKED_AUDIO: {"test": [outside], "train": [replace(outside, source="leak")]},
        Kind.LEAKED_RECORDING: {
            "test": [labels.one("held out", recording="monday")],
            "train": [labels.one("trained on", recording="monday")],
        },
        Kind.LEAKED_SPEAKER: {
            "test": [labels.one("held out again", speaker="ann")],
            "train": [labels.one("and trained on", speaker="ann")],
        },
        Kind.SAME_TEXT: {
            "train": [labels.one("nobody has said this before")],
            "test": [labels.one("Nobody has said this before.")],
        },
    }


@pytest.fixture
def sound_ones(tmp_path: Path) -> tuple[Labels, Splits]:
    labels = Labels(tmp_path)
    train = [labels.one(f"budget {word}") for word in ("one", "two", "three", "four")]
    return labels, {"train": train, "validation": [labels.one("five")], "test": [labels.one("six")]}


def test_good_labels_have_no_fault(sound_ones: tuple[Labels, Splits]):
    _, splits = sound_ones
    result = check(**splits)
    assert result.faults == ()
    assert {split: len(kept) for split, kept in result.kept.items()} == {
        "train": 4,
        "validation": 1,
        "test": 1,
    }


def test_every_kind_has_its_example(tmp_path: Path):
    assert set(one_of_each(Labels(tmp_path))) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_each_fault_is_found_alone(kind: Kind, sound_ones: tuple[Labels, Splits]):
    labels, splits = sound_ones
    extra = one_of_each(labels)[kind]
    result = check(**{s: [*own, *extra.get(s, [])] for s, own in splits.items()})
    assert kinds(result) == [kind]
    blamed = list(extra.values())[-1][-1]
    assert result.faults[0].key == blamed.key
    assert result.faults[0].source == blamed.source


def test_all_faults_are_found_together(sound_ones: tuple[Labels, Splits]):
    labels, splits = sound_ones
    merged: Splits = {split: list(own) for split, own in splits.items()}
    for extra in one_of_each(labels).values():
        for split, utterances in extra.items():
            merged[split] += utterances
    result = check(**merged)
    assert sorted(kinds(result)) == sorted(map(str, Kind))
    warned = {fault.kind for fault in result.faults if not fault.quarantined}
    assert warned == {Kind.CLIPPED_AUDIO, Kind.LEAKED_SPEAKER, Kind.SAME_TEXT}
    assert len(result.quarantined) == len(Kind) - len(warned)
    assert result.refused(0.9) is None
    assert "cannot be used" in (result.refused(0.1) or "")


def test_nothing_is_lost_and_what_is_kept_passes_again(sound_ones: tuple[Labels, Splits]):
    labels, splits = sound_ones
    for extra in one_of_each(labels).values():
        for split, utterances in extra.items():
            splits[split] = splits[split] + utterances
    result = check(**splits)
    assert dict(result.checked) == {split: len(own) for split, own in splits.items()}
    again = check(**result.kept)
    assert again.quarantined == ()
    assert again.kept == result.kept


def test_labels_without_a_vocabulary_or_a_model_are_checked_for_the_rest(
    sound_ones: tuple[Labels, Splits],
):
    from training.checks import check_labels
    from training.labels.text import TextRules

    labels, splits = sound_ones
    splits["train"] += [labels.one("café"), labels.one("abcabcabc", 0.21), labels.one("1984")]
    result = check_labels(splits, rules=TextRules(), vocabulary=None, output_length=None)
    # 0.21 s for nine letters is faster than anybody speaks, with or without a model.
    assert set(kinds(result)) == {Kind.DIGITS_OR_SYMBOLS, Kind.TOO_FAST}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"min_seconds": -1}, "min_seconds is -1; expected at least 0"),
        ({"min_seconds": 40}, "min_seconds is 40; expected less than max_seconds, 30.0"),
        ({"pace_factor": 1}, "pace_factor is 1; expected above 1, or None"),
        ({"speakers": "no"}, "speakers is 'no'; expected allow, warn or quarantine"),
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong: dict, said: str):
    with pytest.raises(ValueError, match=said):
        CheckLimits(**wrong)
