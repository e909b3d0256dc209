"""The project's own manifest: what is written is read again, and bad lines are named."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests.errors import InputError
from manifests.labels import LabelledUtterance, located, read_labels, write_labels
from manifests.storage import Store, open_store

words = st.text(st.characters(codec="utf-8"), max_size=20)
names = st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
utterances = st.builds(
    LabelledUtterance,
    audio=st.sampled_from(["file:///a/b%20c.wav", "s3://bucket/a b.wav"]),
    text=words,
    duration=st.none() | st.floats(0.001, 1e5),
    offset=st.floats(0, 1e5),
    channel=st.none() | st.integers(0, 63),
    speaker=names,
    recording=names,
    language=names,
    split=names,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(utterances, min_size=1, max_size=4))
def test_what_is_written_is_read_again(tmp_path: Path, written: list[LabelledUtterance]) -> None:
    (tmp_path / "manifest.jsonl").write_bytes(write_labels(written))
    found = read_labels(tmp_path)
    assert write_labels(found) == write_labels(written)
    for one, other in zip(found, written, strict=True):
        assert (one.audio, one.text, one.duration, one.offset) == (
            other.audio,
            other.text,
            other.duration,
            other.offset,
        )


def test_paths_are_relative_to_the_manifest_wherever_it_lies(store: Store) -> None:
    rows = ["a b.wav", "../up/c.wav", "/abs/d é.wav", "s3://other/e.wav"]
    lines = "".join(f'{{"audio_filepath": "{row}", "text": "x"}}\n' for row in rows)
    store.put("sets/one/m.jsonl", lines.encode())
    found = [one.audio for one in read_labels(store.uri_of("sets/one/m.jsonl"))]
    assert found == [
        store.uri_of("sets/one/a b.wav"),
        store.uri_of("sets/up/c.wav"),
        "file:///abs/d%20%C3%A9.wav",
        "s3://other/e.wav",
    ]


def test_a_path_that_goes_up_several_folders_is_located(tmp_path: Path) -> None:
    store = open_store(tmp_path / "a/b/c")
    assert located("./x/../../../d.wav", store) == (tmp_path / "a/d.wav").as_uri()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('"text": null', "text is null"),
        ('"text": "x", "duration": Infinity', "duration is inf; expected seconds above 0"),
        ('"text": "x", "duration": NaN', "duration is nan"),
        ('"text": "x", "duration": "long"', "found .*could not convert"),
        ('"text": "x", "offset": -0.5', "offset is -0.5; expected seconds from 0"),
        ('"text": "x", "channel": -1', "channel is -1; expected 0, 1, …"),
    ],
)
def test_a_line_that_cannot_be_is_named(tmp_path: Path, keys: str, said: str) -> None:
    path = tmp_path / "m.jsonl"
    path.write_text(f'\n{{"audio_filepath": "a.wav", {keys}}}\n')
    with pytest.raises(InputError, match=rf"m\.jsonl, line 2: .*{said}"):
        read_labels(path)


def test_keys_tell_channels_and_offsets_of_one_recording_apart() -> None:
    keys = {
        LabelledUtterance(audio="s3://b/d/a.wav", text="", channel=channel, offset=offset).key
        for channel in (None, 0, 1)
        for offset in (0.0, 0.001)
    }
    assert len(keys) == 6
    assert "a.wav#1@0.001" in keys
