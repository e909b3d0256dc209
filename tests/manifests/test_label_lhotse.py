"""lhotse's recordings, supervisions and cuts, plain and gzipped."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from manifests.errors import InputError
from manifests.label_forms import load_labels


def recording(name: str = "r", **changes: Any) -> dict[str, Any]:
    sources = [{"type": "file", "channels": [0], "source": "sound/a.wav"}]
    return {"id": name, "sources": sources, "sampling_rate": 8000, "duration": 9.0} | changes


def supervision(**changes: Any) -> dict[str, Any]:
    return {
        "id": "s",
        "recording_id": "r",
        "start": 1.1,
        "duration": 2.5,
        "channel": 0,
        "text": "hello",
        "speaker": "ann",
        "language": "English",
    } | changes


def cut(**changes: Any) -> dict[str, Any]:
    return {
        "id": "c",
        "start": 3.3,
        "duration": 4.0,
        "channel": 0,
        "supervisions": [supervision(), supervision(start=-0.5, text="over the edge")],
        "recording": recording(),
        "type": "MonoCut",
    } | changes


def written(path: Path, *rows: dict[str, Any]) -> str:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return str(path)


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
@pytest.mark.parametrize("named", ["", "x_supervisions_dev", "x_recordings_dev"])
def test_supervisions_and_recordings_are_read_together(
    tmp_path: Path, ending: str, named: str
) -> None:
    written(tmp_path / f"x_recordings_dev.{ending}", recording())
    written(tmp_path / f"x_supervisions_dev.{ending}", supervision())
    (found,) = load_labels(f"{tmp_path}/{named}.{ending}" if named else str(tmp_path))
    assert (found.offset, found.duration, found.channel) == (1.1, 2.5, None)
    assert (found.text, found.speaker, found.language) == ("hello", "ann", "English")
    assert found.recording == "r"
    assert found.audio == (tmp_path / "sound/a.wav").as_uri()


def test_files_of_other_sets_beside_them_do_no_harm(tmp_path: Path) -> None:
    for part in ("dev", "test"):
        written(tmp_path / f"recordings_{part}.jsonl.gz", recording())
        written(tmp_path / f"supervisions_{part}.jsonl.gz", supervision(text=part))
    assert load_labels(f"{tmp_path}/supervisions_test.jsonl.gz")[0].text == "test"
    with pytest.raises(InputError, match=r"expected one of supervisions .*: name it"):
        load_labels(str(tmp_path))


def test_a_cuts_supervisions_are_placed_in_the_recording(tmp_path: Path) -> None:
    first, second = load_labels(written(tmp_path / "cuts.jsonl.gz", cut()))
    assert (first.offset, first.duration) == (4.4, 2.5)
    assert (second.offset, second.text) == (2.8, "over the edge")


def test_a_supervision_that_two_cuts_overlap_is_one_utterance(tmp_path: Path) -> None:
    turn = {"start": 8.0, "duration": 4.0}
    first = cut(start=0, duration=10, supervisions=[supervision(**turn)])
    second = cut(start=10, duration=10, supervisions=[supervision(**turn | {"start": -2.0})])
    (found,) = load_labels(written(tmp_path / "cuts.jsonl", first, second))
    assert (found.offset, found.duration) == (8.0, 4.0)


def test_paths_may_start_where_lhotse_was_run(tmp_path: Path) -> None:
    (tmp_path / "sound").mkdir()
    (tmp_path / "sound/a.wav").touch()
    place = written(tmp_path / "data/manifests/cuts.jsonl", cut())
    assert load_labels(place)[0].audio == (tmp_path / "sound/a.wav").as_uri()


@pytest.mark.parametrize(
    ("wanted", "file", "channel"),
    [(0, "two", 0), (1, "two", 1), ([0, 1], "two", None), (2, "one", None), ([2], "one", None)],
)
def test_a_channel_is_looked_up_in_the_recordings_files(
    tmp_path: Path, wanted: object, file: str, channel: int | None
) -> None:
    sources = [
        {"type": "file", "channels": [0, 1], "source": "/d/two"},
        {"type": "url", "channels": [2], "source": "file:///d/one"},
    ]
    row = cut(supervisions=[supervision(channel=wanted)], recording=recording(sources=sources))
    (found,) = load_labels(written(tmp_path / "cuts.jsonl", row))
    assert (found.audio, found.channel) == (f"file:///d/{file}", channel)


SOURCE = {"type": "file", "channels": [0], "source": "a.wav"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (cut(type="MixedCut", tracks=[]), r"cut 'c' \(MixedCut\) has no recording of its own; .*"),
        (cut(recording=None), r"cut 'c' \(MonoCut\) has no recording"),
        (
            cut(recording=recording(sources=[SOURCE | {"type": "command"}])),
            r"a source of type 'command' \('a\.wav'\); the sound must be a file",
        ),
        (
            cut(recording=recording(sources=[SOURCE | {"type": "url", "source": "http://x/a"}])),
            "a source of type 'url'",
        ),
        (cut(recording=recording(transforms=[{"name": "Speed"}])), "the transform 'Speed', which"),
        (cut(supervisions=[supervision(text=None)]), "text is None; a supervision with"),
        (cut(supervisions=[supervision(start="1")]), "start is '1'; a supervision with"),
        (cut(supervisions=[supervision(channel=7)]), r"channel is 7; .* channels \[0\]: one, or"),
        (cut(supervisions=[supervision(channel="x")]), r"channel is 'x'; 0, 1, … or a list"),
        (cut(supervisions=[supervision(duration=0)]), "duration is 0.0; expected seconds above"),
    ],
)
def test_what_cannot_be_read_names_its_line_and_what_to_do(
    tmp_path: Path, row: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=rf"cuts\.jsonl, line 2: .*{said}"):
        load_labels(written(tmp_path / "cuts.jsonl", cut(), row))


def test_resampled_recordings_are_read_for_they_are_resampled_anyway(tmp_path: Path) -> None:
    row = cut(recording=recording(transforms=[{"name": "Resample", "kwargs": {}}]))
    assert len(load_labels(written(tmp_path / "cuts.jsonl", row))) == 2


def test_a_supervision_without_its_recording_names_both_files(tmp_path: Path) -> None:
    written(tmp_path / "recordings.jsonl", recording("other"))
    place = written(tmp_path / "supervisions.jsonl", supervision())
    with pytest.raises(InputError, match=r"line 1: recording_id is 'r', which recordings\.jsonl"):
        load_labels(place)
    (tmp_path / "recordings.jsonl").unlink()
    with pytest.raises(InputError, match=r"its recordings are not beside it: 0 such .*expected r"):
        load_labels(place)


def test_a_torn_gzip_file_is_named(tmp_path: Path) -> None:
    place = Path(written(tmp_path / "cuts.jsonl.gz", *[cut(id=str(n)) for n in range(500)]))
    place.write_bytes(place.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"cuts\.jsonl\.gz: not a whole gzip file"):
        load_labels(f"lhotse:{place}")
