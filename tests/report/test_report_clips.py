"""Sounds of the worst places: short, beside the page, and never a reason to have no report."""

import dataclasses
import io

import numpy as np
import pytest
import soundfile

from batch.report import TimedWord
from batch.report.clips import peaks_of, write_clips
from batch.report.places import LONGEST_SECONDS, worst_places
from manifests.local_store import LocalStore, uri_of_path

RATE = 16_000


@pytest.fixture
def sound(tmp_path):
    """Twelve seconds in two channels: a tone on the left, half as loud on the right."""
    tone = np.sin(np.arange(12 * RATE) / RATE * 2 * np.pi * 300) * 0.8
    path = tmp_path / "archive" / "tone.wav"
    path.parent.mkdir()
    soundfile.write(path, np.stack((tone, tone / 2), axis=1), RATE)
    return path


@pytest.fixture
def report(sound, make_recording, make_report):
    heard = "a ba ca da xa ya ga ha i ja ka la ma na o qa"
    return make_report(
        make_recording(
            "tone.wav", "a ba ca da e fa ga ha i ja ka la ma na o pa", heard, uri=uri_of_path(sound)
        )
    )


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "output")


def test_places_hold_errors_that_are_heard_together(report):
    first, second = worst_places(report, most=10)
    assert (first.start, first.end, first.errors) == (1.0, 3.9, 2)
    assert (second.start, second.end, second.errors) == (6.5, 8.9, 1)


def test_the_worst_come_first_and_no_more_than_asked_for(make_recording, make_report):
    report = make_report(
        make_recording("few.wav", "a b c", "a x c", id="few", uri="file:///few.wav"),
        make_recording("many.wav", "a b c", "x y z", id="many", uri="file:///many.wav"),
        make_recording("mute.wav", "a b c", None, id="mute", uri="file:///mute.wav"),
        make_recording("nowhere.wav", "a b c", "x y z", id="nowhere"),
    )
    assert [place.recording for place in worst_places(report, most=9)] == ["many", "few"]
    assert [place.recording for place in worst_places(report, most=1)] == ["many"]
    assert worst_places(report, most=0) == []


def test_a_long_stretch_of_errors_becomes_several_places(make_recording, make_report):
    wrong = " ".join(["wrong"] * 200)
    row = make_recording("long.wav", wrong.replace("wrong", "said"), wrong, uri="file:///long.wav")
    row = dataclasses.replace(row, duration=100.0)
    places = worst_places(make_report(row), most=99)
    assert sum(place.errors for place in places) == 200
    assert all(place.end - place.start <= LONGEST_SECONDS for place in places)
    assert len(places) == 6


def test_lost_speech_is_heard_from_its_beginning(make_recording, make_report):
    words = (
        TimedWord(text="before", start=10.0, end=10.5),
        TimedWord(text="after", start=90.0, end=90.5),
    )
    said = " ".join(["before", *["lost"] * 50, "after"])
    row = make_recording("l.wav", said, "before after", uri="file:///l.wav", words=words)
    (place,) = worst_places(make_report(dataclasses.replace(row, duration=100.0)), most=9)
    assert (place.start, place.end, place.errors) == (9.5, 29.5, 50)


def test_clips_are_opus_beside_the_page_with_peaks(report, store):
    clips = write_clips(store, "reports/r/", worst_places(report, most=10))
    assert [(clip.start, clip.end) for clip in clips] == [(1.0, 3.9), (6.5, 8.9)]
    data = store.read(f"reports/r/clips/{clips[0].name}")
    assert data.startswith(b"OggS")
    assert b"OpusHead" in data[:64]
    samples, rate = soundfile.read(io.BytesIO(data))
    assert len(samples) / rate == pytest.approx(2.9, abs=0.05)
    assert len(clips[0].peaks) == round(2.9 * 12)
    assert len(data) < 40_000


def test_a_channel_is_heard_alone(make_recording, make_report, sound, store):
    rows = [
        make_recording("t.wav", "a b", "x y", uri=uri_of_path(sound), channel=channel)
        for channel in (0, 1)
    ]
    clips = write_clips(store, "r/", worst_places(make_report(*rows), most=10))
    loudest = {}
    for clip in clips:
        samples, _ = soundfile.read(io.BytesIO(store.read(f"r/clips/{clip.name}")))
        loudest[clip.channel] = np.abs(samples[RATE // 2 : RATE]).max()
    assert loudest[1] == pytest.approx(loudest[0] / 2, rel=0.1)


def test_a_second_report_writes_nothing_again(report, store, monkeypatch):
    places = worst_places(report, most=10)
    first = write_clips(store, "r/", places)
    monkeypatch.setattr("batch.report.clips._heard", None)
    assert write_clips(store, "r/", places) == first


def test_the_next_report_copies_what_the_one_before_has_of_the_same_places(
    report, store, monkeypatch
):
    first, second = worst_places(report, most=10)
    before = write_clips(store, "reports/1/", [first, second])
    store.delete(f"reports/1/clips/{second.name}")
    heard = []
    monkeypatch.setattr("batch.report.clips._heard", lambda _, place, __: heard.append(place))
    anew = dataclasses.replace(first, run_id="another run heard it since")
    clips = write_clips(store, "reports/2/", [anew, first, second], earlier="reports/1/")
    assert (clips, heard) == (before[:1], [anew, second])
    copied = store.read(f"reports/2/clips/{first.name}")
    assert copied == store.read(f"reports/1/clips/{first.name}")


def test_clips_that_nobody_wants_go(report, store):
    places = worst_places(report, most=10)
    write_clips(store, "r/", places)
    write_clips(store, "r/", places[1:])
    names = {entry.key for entry in store.list("r/clips/")}
    assert names == {"r/clips/index.json", f"r/clips/{places[1].name}"}
    write_clips(store, "r/", [])
    assert list(store.list("r/clips/")) == []


@pytest.mark.parametrize("content", [None, b"", b"not sound at all", b"RIFF\x04\0\0\0WAVE"])
def test_what_cannot_be_read_has_no_clip(make_recording, make_report, tmp_path, store, content):
    path = tmp_path / "broken.wav"
    if content is not None:
        path.write_bytes(content)
    row = make_recording("broken.wav", "a b", "x y", uri=uri_of_path(path))
    assert write_clips(store, "r/", worst_places(make_report(row), most=10)) == ()


def test_words_beyond_the_end_of_the_sound_have_no_clip(make_recording, make_report, sound, store):
    words = " ".join(f"w{i}" for i in range(60))
    row = make_recording("tone.wav", words, f"{words} extra", uri=uri_of_path(sound), duration=60.0)
    assert write_clips(store, "r/", worst_places(make_report(row), most=10)) == ()


def test_a_channel_that_is_not_there_has_no_clip(make_recording, make_report, sound, store):
    row = make_recording("t.wav", "a b", "x y", uri=uri_of_path(sound), channel=7)
    assert write_clips(store, "r/", worst_places(make_report(row), most=10)) == ()


def test_no_clip_is_begun_when_the_time_is_used_up(report, store):
    ticks = iter([0.0, 1.0, *[1e9] * 100])
    clips = write_clips(
        store, "r/", worst_places(report, most=10), budget=10.0, now=lambda: next(ticks)
    )
    assert clips == ()


def test_a_torn_index_only_costs_the_time_to_hear_again(report, store):
    places = worst_places(report, most=10)
    first = write_clips(store, "r/", places)
    store.put("r/clips/index.json", b'{"clips": [{"name": 1}]}')
    assert write_clips(store, "r/", places) == first


def test_hostile_ids_make_harmless_names(make_recording, make_report):
    row = make_recording(
        "x.wav", "a b", "x y", id='../../etc/"><script>\udce9', uri="file:///x.wav"
    )
    (place,) = worst_places(make_report(row), most=1)
    assert set(place.name) <= set("0123456789abcdef.opus")


def test_peaks_say_where_it_is_loud():
    silence, full = np.zeros(RATE, np.float32), np.ones(RATE, np.float32)
    peaks = peaks_of(np.concatenate((silence, full)))
    assert (len(peaks), peaks[:11], peaks[-11:]) == (24, "A" * 11, "/" * 11)
    assert peaks_of(np.zeros(0, np.float32)) == "A"
