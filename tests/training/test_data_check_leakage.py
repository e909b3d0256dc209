"""What splits share: the held-out side stays, the side that is learnt from gives way."""

import dataclasses
from pathlib import Path

import pytest
import soundfile

from manifests.label_forms import load_labels
from tests.training.labelled import RATE, Labels, check, kinds, noise
from training.checks import CheckLimits


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    return Labels(tmp_path)


def sources(result, split):
    return [one.source for one in result.kept[split]]


@pytest.mark.parametrize("order", [("train", "test"), ("test", "train")])
def test_copied_sound_leaves_the_training_side(labels: Labels, order: tuple[str, str]):
    one = labels.one()
    splits = {split: [dataclasses.replace(one, source=split)] for split in order}
    result = check(**splits)
    assert kinds(result) == ["leaked_audio"]
    assert result.kept["train"] == []
    assert sources(result, "test") == ["test"]


def test_validation_gives_way_to_test_and_train_to_validation(labels: Labels):
    one = labels.one()
    names = ("train", "validation", "test")
    result = check(**{split: [dataclasses.replace(one, source=split)] for split in names})
    assert [len(result.kept[split]) for split in names] == [0, 0, 1]


def test_two_held_out_sets_may_share(labels: Labels):
    one = labels.one()
    result = check(test=[one], domain=[one])
    assert [fault.quarantined for fault in result.faults] == [False]
    assert len(result.kept["test"]) == len(result.kept["domain"]) == 1


def test_a_copy_of_an_utterance_that_is_left_out_anyway_stays(labels: Labels):
    bad = labels.one("in 1984")
    good = dataclasses.replace(bad, text="in the eighties", source="good")
    result = check(train=[bad, good])
    assert sources(result, "train") == ["good"]


def test_a_recording_on_both_sides_leaves_training(labels: Labels):
    train = [labels.one(recording="monday"), labels.one(recording="tuesday")]
    test = [labels.one("held out", recording="monday")]
    result = check(train=train, test=test)
    assert [one.recording for one in result.kept["train"]] == ["tuesday"]
    assert "'monday' is in test too" in result.faults[0].found


def test_stretches_of_one_file_are_one_recording(labels: Labels):
    long = labels.one(sound=6.0)
    early = dataclasses.replace(long, offset=0.0, duration=2.0)
    late = dataclasses.replace(long, offset=3.0, duration=2.0)
    assert kinds(check(train=[early], test=[late])) == ["leaked_recording"]
    assert kinds(check(train=[early, late])) == []


@pytest.mark.parametrize(("policy", "kept"), [("allow", 2), ("warn", 2), ("quarantine", 1)])
def test_shared_speakers_are_treated_as_the_limits_say(labels: Labels, policy: str, kept: int):
    train = [labels.one(speaker="ann"), labels.one(speaker="bob")]
    test = [labels.one("held out", speaker="ann"), labels.one("unknown speaker")]
    result = check(CheckLimits(speakers=policy), train=train, test=test)
    assert len(result.kept["train"]) == kept
    assert len(result.kept["test"]) == 2
    assert kinds(result) == [] if policy == "allow" else ["leaked_speaker"]


def test_unknown_speakers_are_not_one_speaker(labels: Labels):
    assert kinds(check(train=[labels.one()], test=[labels.one("held out")])) == []


def test_short_texts_are_said_by_many(labels: Labels):
    train, test = [labels.one("yes it is")], [labels.one("yes it is")]
    assert kinds(check(train=train, test=test)) == []
    assert kinds(check(CheckLimits(same_text_words=3), train=train, test=test)) == ["same_text"]


def test_a_test_set_keeps_what_only_training_cannot_use(labels: Labels):
    hard = [
        labels.one("le café noir"),
        labels.one("aaaaaa", 0.21),
        labels.one("a long one " * 40, 31.0),
    ]
    result = check(test=hard)
    assert sorted(kinds(result)) == ["overlong_audio", "too_long_for_ctc", "unknown_characters"]
    assert len(result.kept["test"]) == 3
    validation = check(validation=[dataclasses.replace(one) for one in hard])
    assert validation.kept["validation"] == []


def test_recordings_of_one_name_in_two_folders_are_two(tmp_path: Path):
    """As ``train/meeting-1.wav`` and ``validation/meeting-1.wav``, each with its STM beside it."""
    sets = {}
    for number, split in enumerate(("train", "validation"), start=1):
        folder = tmp_path / split
        folder.mkdir()
        soundfile.write(folder / "meeting-1.wav", noise(3, seed=number), RATE, "PCM_16")
        (folder / "labels.stm").write_text(f"meeting-1 1 spk{number} 0.0 2.5 the budget is ready\n")
        sets[split] = load_labels(str(folder))
    result = check(CheckLimits(same_text_words=0), **sets)
    assert kinds(result) == []


def test_two_stretches_of_one_recording_are_one_though_two_files_label_them(tmp_path: Path):
    soundfile.write(tmp_path / "meeting-1.wav", noise(6, seed=1), RATE, "PCM_16")
    sets = {}
    for split, line in (("train", "0.0 2.5"), ("validation", "3.0 5.5")):
        labels = tmp_path / f"{split}.stm"
        labels.write_text(f"meeting-1 1 {split} {line} the budget is ready\n")
        sets[split] = load_labels(str(labels))
    assert kinds(check(CheckLimits(same_text_words=0), **sets)) == ["leaked_recording"]
