"""What lies beside the page: CSV without formulas, Markdown as one message, sclite's text."""

import csv
import dataclasses
import io
import re
import textwrap

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.report import errors_table, scores_table
from batch.report.exports.csv_files import csv_lines, inert
from batch.report.exports.markdown import escaped, summary_markdown
from batch.report.exports.sclite_alignments import alignment_lines
from batch.report.exports.sclite_details import detail_lines
from batch.report.exports.sclite_system import system_lines
from batch.report.exports.writing import write_exports
from manifests.storage import open_store

SAID, HEARD = "the cat sat on big mats today", "a cat sat big mats today now"
PAGE = "s3://acme/reports/run-1/report.html"


def rows_of(table):
    return list(csv.reader(io.StringIO("".join(csv_lines(table)), newline="")))


# -- CSV -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "  =1", "\u00a0@x", "|cmd"],
)
def test_text_that_could_be_a_formula_gets_an_apostrophe(text):
    assert inert(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "word", "a=b", "2026/a.wav", " plain", "'quoted"])
def test_other_text_is_left_alone(text):
    assert inert(text) == text


@given(st.text())
def test_no_cell_begins_a_formula(text):
    assert inert(text).lstrip(" \u00a0\ufeff")[:1] not in set("=+-@\t\r\n＝＋－＠|")


def test_hostile_names_and_words_are_cells_and_not_formulas(make_recording, make_report):
    path = '=HYPERLINK("http://x","a,b")\n+1.wav'
    report = make_report(make_recording(path, "@sum 1+1", '=cmd|"/c calc"'))
    (_, scored), errors = rows_of(scores_table(report)), rows_of(errors_table(report))
    assert scored[1] == f"'{path}"
    assert len(scored) == len(scores_table(report).schema)
    for row in errors[1:]:
        assert all(cell[:1] not in set("=+-@\t\r") for cell in row)


def test_the_csv_holds_the_table_and_leaves_nulls_empty(make_recording, make_report):
    report = make_report(
        make_recording("a.wav", "the cat sat", "the cat"),
        make_recording("b.wav", "x", None, status="error"),
    )
    table = scores_table(report)
    head, first, second = rows_of(table)
    assert head == table.schema.names
    assert float(first[head.index("wer")]) == report.recordings[0].normalized.rate
    assert second[head.index("wer")] == ""


def test_maps_and_lists_are_json():
    table = pa.table(
        {
            "map": pa.array([[("team", "=x")], None], pa.map_(pa.string(), pa.string())),
            "list": pa.array([["a"], []], pa.list_(pa.string())),
        }
    )
    assert rows_of(table)[1:] == [['{"team": "=x"}', '["a"]'], ["", "[]"]]


# -- Markdown --------------------------------------------------------------------------------


def test_the_message_has_coverage_before_rates_rules_worst_recordings_and_page(
    make_recording, make_report
):
    rows = [
        make_recording(f"{i}.wav", "ant bee cat dog elk fox gnu", "ox " * i + "gnu", id=str(i))
        for i in range(8)
    ]
    missing = make_recording("gone.wav", "a", None, status="missing")
    text = summary_markdown(make_report(*rows, missing), page=PAGE)
    assert "8 of 9 references scored (88.9%)" in text
    assert text.index("Coverage") < text.index("**WER**") < text.index("Rules")
    assert re.search(r"\*\*WER\*\*: [\d.]+%, \d+ errors in 56 words \(S \d+, D \d+, I \d+\)", text)
    assert "%, over 8 meetings; too few meetings" in text
    assert "whisper-english" in text
    assert "unit costs" in text
    assert len(re.findall(r"^\| \S+\.wav", text, re.MULTILINE)) == 5
    assert f"`{PAGE}`" in text


def test_without_references_the_message_says_so(make_recording, make_report):
    text = summary_markdown(make_report(make_recording("a.wav", None, "x")), page=PAGE)
    assert "1 recording, no references: nothing scored" in text
    assert "WER" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain name-1 (2).wav", "plain name-1 (2).wav"),
        ("a|b", r"a\|b"),
        ("[x](javascript:1)", r"\[x\](javascript\:1)"),
        ("<img src=x>", r"\<img src=x\>"),
        ("**b** _i_ `c`", r"\*\*b\*\* \_i\_ \`c\`"),
        ("two\nlines\r\n\u2028# head", r"two lines \# head"),
        ("@all www.x.com &amp; $a$", r"\@all www\.x.com \&amp; \$a\$"),
        ("\u202eevil\u2066", "evil"),
        ("caf\udce9", r"caf\\udce9"),
    ],
)
def test_text_in_a_message_is_shown_as_it_is(text, shown):
    assert escaped(text) == shown


@given(st.text())
def test_escaped_text_is_one_line_without_open_markup(text):
    line = escaped(text)
    assert not set(line) & set("\n\r\u2028\u2029\u202e")
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>|@:]", line)


def test_a_hostile_name_adds_no_row_to_the_message(make_recording, make_report):
    plain = make_report(make_recording("a.wav", "a", "b"))
    hostile = make_report(make_recording("a|b\n\n# x\n| y |.wav", "a", "b"))
    lines = [summary_markdown(report, page=PAGE).count("\n") for report in (plain, hostile)]
    assert lines[0] == lines[1]


# -- sclite ----------------------------------------------------------------------------------


@pytest.fixture
def report(make_recording, make_report):
    return make_report(
        make_recording(
            "a b.wav",
            "the cat sat on big mats today",
            "a cat sat big mats today now",
            channel=0,
            id="1",
        ),
        make_recording("a b.wav", "yes", "yes", channel=1, id="1"),
        make_recording("music(1).wav", "", "thank you", id="2"),
        make_recording("broken.wav", "x", None, status="error", id="3"),
    )


def test_the_pra_file_aligns_words_in_columns_with_errors_in_capitals(report):
    assert "".join(alignment_lines(report)).replace(" \n", "$\n") == textwrap.dedent(
        """\


        \t\tDUMP OF SYSTEM ALIGNMENT STRUCTURE

        System name:   run-1

        Speakers:$
            0:  a_b.wav
            1:  music_1_.wav

        Speaker sentences   0:  a_b.wav   #utts: 2
        id: (a_b.wav-0)
        Scores: (#C #S #D #I) 5 1 1 1
        REF:  THE cat sat ON big mats today ***$
        HYP:  A   cat sat ** big mats today NOW$
        Eval: S           D                 I  $

        id: (a_b.wav-1)
        Scores: (#C #S #D #I) 1 0 0 0
        REF:  yes$
        HYP:  yes$
        Eval:    $

        Speaker sentences   1:  music_1_.wav   #utts: 1
        id: (music_1_.wav)
        Scores: (#C #S #D #I) 0 0 0 2
        REF:  ***** ***$
        HYP:  THANK YOU$
        Eval: I     I  $


        """
    )


def test_the_sys_file_has_percentages_and_counts_where_nothing_was_said(report):
    text = "".join(system_lines(report))
    assert "| SPKR        | # Snt # Wrd | Corr    Sub    Del    Ins    Err  S.Err |" in text
    assert "| a_b.wav     |    2      8 | 75.0   12.5   12.5   12.5   37.5   50.0 |" in text
    assert "| music_1_.wav|    1      0 |    0*     0*     0*     2*     2* 100.0 |" in text
    assert "| Sum/Avg     |    3      8 | 75.0   12.5   12.5   37.5   62.5   66.7 |" in text
    assert re.search(r"^ *\| +Mean +\|  1.5    4.0 \| 75.0\+", text, re.MULTILINE)
    assert "* No Reference words for this/these speaker(s)." in text
    assert len({len(line) for line in text.splitlines() if "|" in line}) == 1


def test_scripts_that_take_the_error_rate_from_the_last_but_one_field_find_it(report):
    (line,) = [line for line in "".join(system_lines(report)).splitlines() if "Sum" in line]
    assert float(line.split()[-3]) == pytest.approx(100 * report.normalized.rate, abs=0.05)


def test_the_dtl_file_has_totals_and_lists_by_frequency(report):
    text = "".join(detail_lines(report))
    assert " sentences                                           3\n" in text
    assert " with errors                             66.7%   (   2)\n\n" in text
    assert "Percent Total Error       =   62.5%   (   5)\n" in text
    assert "Ref. words                =           (   8)\n" in text
    assert "CONFUSION PAIRS                  Total                 (1)\n" in text
    assert "   1:    1  ->  the ==> a\n     -------\n         1\n" in text
    inserted = text[text.index("INSERTIONS") : text.index("DELETIONS")]
    assert re.findall(r"->  (\w+)", inserted) == ["now", "thank", "you"]


def test_sclites_files_hold_the_reports_counts(report):
    scores = re.findall(
        r"Scores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)", "".join(alignment_lines(report))
    )
    totals = [sum(int(row[at]) for row in scores) for at in range(4)]
    counts = report.normalized
    assert totals == [counts.hits, counts.substitutions, counts.deletions, counts.insertions]


# -- files -----------------------------------------------------------------------------------


def written(tmp_path, report):
    store = open_store(tmp_path)
    tables = {"scores": scores_table(report), "errors": errors_table(report)}
    write_exports(store, "reports/run-1/", report, tables)
    return store, sorted(one.key.removeprefix("reports/run-1/") for one in store.list("reports/"))


def test_the_files_lie_beside_the_page(tmp_path, report):
    store, names = written(tmp_path, report)
    assert names == [
        "errors.csv",
        "sclite/run-1.dtl",
        "sclite/run-1.pra",
        "sclite/run-1.sys",
        "scores.csv",
        "summary.md",
    ]
    assert store.read("reports/run-1/scores.csv").startswith("\ufeffid,path".encode())
    assert b"report.html" in store.read("reports/run-1/summary.md")


def test_a_run_without_scores_has_no_files_of_sclites(tmp_path, make_recording, make_report):
    _, names = written(tmp_path, make_report(make_recording("a.wav", None, "x")))
    assert names == ["errors.csv", "scores.csv", "summary.md"]


def test_names_that_are_not_utf8_can_be_written(tmp_path, make_recording, make_report):
    report = make_report(make_recording("caf\udce9.wav", "a", "b", id="1"))
    facts = dataclasses.replace(report.facts, archive="caf\udce9/")
    store, _ = written(tmp_path, dataclasses.replace(report, facts=facts))
    assert rb"caf\udce9.wav" in store.read("reports/run-1/sclite/run-1.pra")
