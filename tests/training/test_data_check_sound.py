"""The sound of labels is measured as the handler hears it, once, and as a stream."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile

from manifests.labels import LabelledUtterance
from tests.conftest import shared
from tests.training.labelled import RATE, WORDS, Labels, check, kinds, noise
from training.checks.faults import Kind
from training.checks.sound import SoundFacts, Unheard, measure
from transform_handler.audio.reading import read_audio


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    return Labels(tmp_path)


def facts(utterance: LabelledUtterance) -> SoundFacts:
    heard = measure([utterance])[0]
    assert isinstance(heard, SoundFacts)
    return heard


def test_what_is_kept_has_its_measured_length(labels: Labels):
    whole = labels.one(sound=noise(1.23456, seed=1))
    part = labels.one(sound=2.0, offset=0.25, duration=1.5)
    short = labels.one(sound=1.5, duration=1.52)
    kept = check(train=[whole, part, short]).kept["train"]
    assert [round(one.duration * RATE) for one in kept] == [19_753, 24_000, 24_000]


def test_texts_are_kept_as_the_rules_clean_them(labels: Labels):
    kept = check(train=[labels.one("The budget — [laughter] “ready”!")]).kept["train"]
    assert kept[0].text == "the budget ready"


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize(("offset", "duration"), [(0.0, None), (0.5, 1.1), (2.013, 0.75)])
def test_as_many_samples_are_counted_as_training_reads(
    tmp_path: Path, rate: int, offset: float, duration: float | None
):
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(3.7, seed=2)[: int(3.7 * rate)], rate)
    utterance = LabelledUtterance(
        audio=path.as_uri(), text="", offset=offset, duration=duration, channel=None
    )
    heard = read_audio(path, offset=offset, duration=duration)
    assert facts(utterance).samples == len(heard)


def test_stretches_of_one_recording_are_measured_in_one_pass(
    labels: Labels, monkeypatch: pytest.MonkeyPatch
):
    long = labels.one(sound=9.0)
    parts = [
        dataclasses.replace(long, offset=offset, duration=duration)
        for offset, duration in [(5.0, 1.5), (0.5, 2.0), (1.0, 3.25), (8.0, None)]
    ]
    alone = [facts(part) for part in parts]
    opened: list[str] = []
    opening = LabelledUtterance.open
    monkeypatch.setattr(
        LabelledUtterance, "open", lambda self: opened.append(self.audio) or opening(self)
    )
    assert measure(parts) == alone
    assert len(opened) == 1


def test_channels_are_measured_apart(tmp_path: Path):
    path = tmp_path / "two.wav"
    left, right = noise(1.0, seed=3, loud=0.2), noise(1.0, seed=4, loud=0.02)
    soundfile.write(path, np.stack([left, right], axis=1), RATE, "PCM_16")
    one = LabelledUtterance(audio=path.as_uri(), text="")
    levels = [facts(dataclasses.replace(one, channel=c)).level_dbfs for c in (None, 0, 1)]
    assert levels[1] - levels[2] == pytest.approx(20, abs=1)
    assert levels[0] == pytest.approx(levels[1] - 6, abs=1)
    missing = measure([dataclasses.replace(one, channel=2)])[0]
    assert missing == Unheard(
        kind=Kind.UNREADABLE_AUDIO, reason="channel 2 is asked for; the recording has 2"
    )


def test_the_same_sound_in_another_file_is_a_duplicate(labels: Labels, tmp_path: Path):
    first = labels.one("one text")
    sound, _ = soundfile.read(first.audio.removeprefix("file://"), dtype="int16")
    soundfile.write(tmp_path / "copy.flac", sound, RATE)
    copy = dataclasses.replace(
        first, audio=(tmp_path / "copy.flac").as_uri(), text="another", source="copy"
    )
    result = check(train=[first, copy])
    assert kinds(result) == ["duplicate_audio"]
    assert "labels.jsonl, line 1" in result.faults[0].found


def test_what_lies_before_the_damage_is_kept(tmp_path: Path):
    path = tmp_path / "cut.wav"
    soundfile.write(path, noise(8.0, seed=5), RATE, "PCM_16")
    path.write_bytes(path.read_bytes()[: 5 * RATE * 2])
    whole = LabelledUtterance(audio=path.as_uri(), text=WORDS, source="whole")
    before = dataclasses.replace(whole, offset=0.5, duration=2.0, source="before")
    after = dataclasses.replace(whole, offset=4.5, duration=2.0, source="after")
    result = check(train=[whole, before, after])
    assert [one.source for one in result.kept["train"]] == ["before"]
    assert kinds(result) == ["unreadable_audio", "unreadable_audio"]


def test_pauses_are_not_counted_as_speech(labels: Labels):
    sound = np.concatenate([noise(1.0, seed=6), np.zeros(2 * RATE, np.float32)])
    measured = facts(labels.one(sound=sound))
    assert measured.speech_seconds == pytest.approx(1.0, abs=0.03)
    assert measured.seconds == 3.0


def test_a_click_does_not_make_silence_loud(labels: Labels):
    sound = noise(2.0, seed=7, loud=1e-5)
    sound[1_000:1_005] = 0.9
    assert kinds(check(train=[labels.one(sound=sound)])) == ["silent_audio"]


def test_a_location_that_no_store_opens_is_unreadable(labels: Labels):
    away = dataclasses.replace(labels.one(), audio="gopher://host/a.wav")
    result = check(train=[away])
    assert kinds(result) == ["unreadable_audio"]
    assert "gopher" in result.faults[0].found


def test_progress_is_told_to_the_end(labels: Labels):
    utterances = [labels.one() for _ in range(5)]
    told: list[tuple[int, int]] = []
    measure(utterances, threads=2, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(n, 5) for n in range(1, 6)]


def test_the_number_of_threads_changes_nothing(labels: Labels):
    utterances = [labels.one(sound=0.5 + 0.1 * n) for n in range(6)]
    assert measure(utterances, threads=1) == measure(utterances, threads=4)


def test_sound_in_s3_is_checked_where_it_lies(s3_bucket: str, labels: Labels):
    from manifests.storage import open_store

    local = labels.one()
    store = open_store(f"s3://{s3_bucket}/sound/")
    store.put("a.wav", Path(local.audio.removeprefix("file://")))
    there = dataclasses.replace(local, audio=store.uri_of("a.wav"))
    gone = dataclasses.replace(local, audio=store.uri_of("b.wav"))
    assert facts(there) == facts(local)
    assert kinds(check(train=[there, gone])) == ["missing_audio"]


@pytest.mark.shared
def test_real_read_speech_has_no_fault():
    folder = shared("data/librispeech-50")
    rows = (folder / "transcripts.tsv").read_text("utf-8").splitlines()
    utterances = [
        LabelledUtterance(
            audio=(folder / name).as_uri(), text=text, speaker=name.split("-")[0], source=name
        )
        for name, text in (row.split("\t") for row in rows)
    ]
    result = check(train=utterances)
    assert result.faults == ()
    assert result.speakers == {"train": 5}


def test_a_long_recording_is_handed_to_the_stretches_that_it_reaches(tmp_path, monkeypatch):
    """Not each block to each of them: ten hours have ten thousand."""
    from training.checks import sound

    take, taken = sound._Meter.take, []
    monkeypatch.setattr(sound._Meter, "take", lambda *given: (taken.append(1), take(*given)))
    soundfile.write(tmp_path / "a.wav", noise(200, seed=1), RATE, "PCM_16")
    audio = (tmp_path / "a.wav").as_uri()
    stretches = [
        LabelledUtterance(audio=audio, text="x", offset=float(second), duration=1.0)
        for second in reversed(range(200))
    ]
    facts = sound.measure(stretches)
    assert [one.samples for one in facts] == [RATE] * 200
    assert len({one.digest for one in facts}) == 200
    assert len(taken) < 2 * len(stretches)
