"""Two scored runs compared: what is paired, what changed, and the verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from batch.cli.main import cli
from batch.comparison.comparison import Comparison, compare
from batch.comparison.lines import lines_of
from batch.comparison.sides import Side, side_named
from batch.parquet import parquet_bytes
from batch.report.model import Report, ScoredRecording
from batch.report.tables import scores_table, summary
from manifests.errors import InputError
from manifests.storage import open_store
from tests.report.conftest import recording, report_of
from training.scoring.verdict import Verdict

SAID = "alpha bravo charlie delta echo foxtrot golf hotel india juliet"


def written(errors: int) -> str:
    """Ten words of which the first few are wrong."""
    return " ".join(["wrong"] * errors + SAID.split()[errors:])


def recordings(errors: list[int], **fields) -> list[ScoredRecording]:
    return [
        recording(f"{number:02}.wav", SAID, written(count), **fields)
        for number, count in enumerate(errors)
    ]


def side(folder: Path, rows: list[ScoredRecording], **changes) -> Side:
    """The rows scored and written as a run does."""
    report: Report = report_of(*rows)
    store = open_store(folder)
    store.put("scores.parquet", parquet_bytes(scores_table(report)))
    store.put(
        "summary.json", json.dumps({"output": str(folder), **summary(report), **changes}).encode()
    )
    return Side.read(store, named=str(folder))


def compared(tmp_path: Path, before: list[int], after: list[int], **fields) -> Comparison:
    return compare(
        side(tmp_path / "a", recordings(before)),
        side(tmp_path / "b", recordings(after, **fields)),
        threshold=0.003,
    )


def test_a_model_that_is_worse_everywhere_is_worse(tmp_path: Path) -> None:
    found = compared(tmp_path, [1] * 30, [2 + number % 2 for number in range(30)])
    assert found.verdict is Verdict.WORSE
    assert found.difference.delta == pytest.approx(0.15)
    assert (found.rate("a"), found.rate("b")) == (pytest.approx(0.1), pytest.approx(0.25))


def test_the_same_texts_are_the_same_however_few(tmp_path: Path) -> None:
    assert compared(tmp_path, [1, 2, 3], [1, 2, 3]).verdict is Verdict.SAME


def test_nineteen_meetings_are_too_few_to_tell(tmp_path: Path) -> None:
    found = compared(tmp_path, [1] * 19, [3] * 19)
    assert found.verdict is Verdict.UNKNOWN
    assert "too few meetings: 19" in found.reason


def test_recordings_of_one_meeting_count_once(tmp_path: Path) -> None:
    found = compared(tmp_path, [1] * 40, [3] * 40, meeting_name="all of one meeting")
    assert found.difference.blocks == 1
    assert found.verdict is Verdict.UNKNOWN


def test_each_recording_says_how_it_changed(tmp_path: Path) -> None:
    after = recordings([0, 1, 3, 2, 0, 2])
    after[5] = recording("05.wav", SAID, SAID.replace("india juliet", "wrong wrong"))
    found = compare(
        side(tmp_path / "a", recordings([2, 2, 2, 0, 0, 2])),
        side(tmp_path / "b", after),
        threshold=0.003,
    )
    assert list(found.rows["change"]) == [
        "fixed",
        "better",
        "worse",
        "broken",
        "unchanged",
        "changed",
    ]
    assert set(found.changes.values()) == {1}
    assert list(found.moved["path"]) == ["00.wav", "03.wav", "01.wav", "02.wav"]


def test_what_cannot_be_paired_is_counted_by_its_reason(tmp_path: Path) -> None:
    before = [*recordings([1, 1, 1]), recording("a only.wav", SAID, SAID)]
    after = [*recordings([2, 2]), recording("02.wav", "another reference", "x")]
    after += [recording("b only.wav", SAID, SAID), recording("unscored.wav", None, SAID)]
    found = compare(side(tmp_path / "a", before), side(tmp_path / "b", after), threshold=0.003)
    assert list(found.rows["path"]) == ["00.wav", "01.wav"]
    assert found.left_out == {
        "scored in A only": 1,
        "scored in B only": 1,
        "with another reference in B": 1,
    }


def test_a_transcript_that_both_runs_kept_says_nothing_of_either(tmp_path: Path) -> None:
    kept = recordings([1] * 3, run_id="run-0")
    after = [*kept[:2], recording("02.wav", SAID, written(2), run_id="run-2")]
    found = compare(
        side(tmp_path / "copied-1", kept, run_id="run-1", output="file:///out/"),
        side(tmp_path / "copied-2", after, run_id="run-2", output="file:///out/"),
        threshold=0.003,
    )
    assert list(found.rows["path"]) == ["02.wav"]
    assert found.left_out == {"with the same transcript in both runs": 2}


def test_nothing_in_common_asks_for_a_golden_set(tmp_path: Path) -> None:
    found = compare(
        side(tmp_path / "a", [recording("a.wav", SAID, SAID)]),
        side(tmp_path / "b", [recording("b.wav", SAID, SAID)]),
        threshold=0.003,
    )
    assert found.verdict is Verdict.UNKNOWN
    assert "golden set" in found.reason
    assert any("verdict         cannot tell" in line for line in lines_of(found))


def test_channels_are_paired_with_their_own(tmp_path: Path) -> None:
    def split(errors: tuple[int, int]) -> list[ScoredRecording]:
        return [
            recording("a.wav", SAID, written(count), channel=at) for at, count in enumerate(errors)
        ]

    found = compare(
        side(tmp_path / "a", split((0, 4))), side(tmp_path / "b", split((3, 4))), threshold=0.003
    )
    assert found.rows[["channel", "errors_a", "errors_b"]].to_numpy().tolist() == [
        [0, 0, 3],
        [1, 4, 4],
    ]


def test_slices_are_corrected_for_being_many(tmp_path: Path) -> None:
    def night(errors, rooms):
        return [
            recording(
                f"{number:03}.wav", SAID, written(errors(number)), meta={"room": rooms(number)}
            )
            for number in range(120)
        ]

    def rooms(number: int) -> str:
        return "Oslo" if number % 4 == 0 else f"room {number % 4}"

    before = night(lambda _: 1, rooms)
    after = night(lambda number: 2 if number % 4 == 0 else 1, rooms)
    found = compare(side(tmp_path / "a", before), side(tmp_path / "b", after), threshold=0.003)
    verdicts = {one.value: one.verdict for one in found.slices if one.column == "room"}
    assert verdicts["Oslo"] is Verdict.WORSE
    assert verdicts["room 1"] is verdicts["room 2"] is verdicts["room 3"] is Verdict.SAME
    assert sum(one.recordings for one in found.slices if one.column == "room") == len(found.rows)
    assert any("room Oslo: worse" in line for line in lines_of(found))


def test_other_rules_are_refused_with_what_to_do(tmp_path: Path) -> None:
    rules = {"normalizer": "another 1", "aligner": "x"}
    with pytest.raises(InputError, match=r"normaliser .* 'another 1'; 'nightscribe score'"):
        compare(
            side(tmp_path / "a", recordings([1])),
            side(tmp_path / "b", recordings([1]), rules=rules),
            threshold=0.003,
        )


def test_scores_of_an_older_version_are_refused(tmp_path: Path) -> None:
    side(tmp_path / "a", recordings([1]))
    path = tmp_path / "a/scores.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["meeting"]), path)
    with pytest.raises(InputError, match=r"lacks meeting; score that run again"):
        side_named(str(tmp_path / "a"), None)


@pytest.mark.parametrize(("name", "content"), [("scores.parquet", "PAR1"), ("summary.json", "{}")])
def test_damaged_scores_are_refused(tmp_path: Path, name: str, content: str) -> None:
    side(tmp_path / "a", recordings([1]))
    (tmp_path / "a" / name).write_text(content)
    with pytest.raises(InputError, match=r"damaged, or of an older version .* again"):
        side_named(str(tmp_path / "a"), None)


def test_a_side_on_which_nothing_was_scored_compares_with_nothing(tmp_path: Path) -> None:
    nothing = side(tmp_path / "a", [recording("a.wav", None, SAID)])
    found = compare(nothing, side(tmp_path / "b", recordings([1])), threshold=0.003)
    assert (len(found.rows), found.left_out) == (0, {"scored in B only": 1})


def test_more_meetings_than_are_drawn_are_all_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch.report.meetings.MOST_BLOCKS", 10)
    assert report_of(*recordings([1] * 25)).interval.blocks == 25


def test_a_path_cannot_move_the_cursor(tmp_path: Path) -> None:
    name = "a\x1b[2J\n.wav"
    found = compare(
        side(tmp_path / "a", [recording(name, SAID, SAID)]),
        side(tmp_path / "b", [recording(name, SAID, written(1))]),
        threshold=0.003,
    )
    (line,) = [one for one in lines_of(found) if one.startswith("moved")]
    assert r"a\x1b[2J\n.wav" in line


def test_the_command_ends_with_3_when_b_is_worse_and_writes_the_details(tmp_path: Path) -> None:
    side(tmp_path / "a", recordings([1] * 25))
    side(tmp_path / "b", recordings([2] * 25))
    a, b, out = (str(tmp_path / name) for name in ("a", "b", "details"))
    answer = CliRunner().invoke(cli, ["compare", a, b, "--out", out], standalone_mode=False)
    assert answer.return_value == 3
    assert "verdict         B is worse than A" in answer.output
    figures = json.loads((tmp_path / "details/comparison.json").read_text("utf-8"))
    assert (figures["verdict"], figures["recordings"]) == ("worse", 25)
    table = pq.read_table(tmp_path / "details/comparison.parquet")
    assert table.num_rows == 25
    assert set(table["change"].to_pylist()) == {"worse"}
    back = CliRunner().invoke(cli, ["compare", b, a, "--json"], standalone_mode=False)
    assert back.return_value == 0
    assert json.loads(back.output)["verdict"] == "better"
    # A larger difference than anybody saw is asked for.
    least = CliRunner().invoke(cli, ["compare", a, b, "--threshold", "50"], standalone_mode=False)
    assert least.return_value == 0


def test_a_side_that_is_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: no folder of a report, and without a config"):
        side_named("nowhere", None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no scores\.parquet"):
        side_named(str(tmp_path / "empty"), None)
