"""A pointer survives its line, and a bad line says where and what it is."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import InputError
from manifests.pointers import Pointer, read_pointers, write_pointers

GOLDEN = Path(__file__).parents[1] / "golden"
FULL = Pointer(
    id="0123456789abcdef0123",
    uri="s3://acme-meetings/2026/Grüße 🎙 #1.wav",
    etag="9b2cf535f27731c974343645a3985328-2",
    version="3/L4kqtJl40Nr8X8gdRQBpUMLUo",
    size=115_200_044,
    offset=3600.0,
    duration=3600.0,
    channels="split",
    language="de",
    meta={"room": "Zürich", "device": "table\u2028mic"},
)
SMALL = Pointer(id="b", uri="file:///archive/a%20b.wav")
text = st.text(min_size=1)
seconds = st.none() | st.floats(0, 1e6) | st.integers(0, 10**6)
pointers = st.builds(
    Pointer,
    id=text,
    uri=text,
    etag=st.none() | text,
    version=st.none() | text,
    size=st.none() | st.integers(0, 2**60),
    offset=seconds,
    duration=seconds,
    channels=st.sampled_from(["mix", "split"]),
    language=st.none() | text,
    meta=st.dictionaries(st.text(), st.text()),
)


@given(st.lists(pointers, max_size=5))
def test_a_shard_reads_back_as_it_was_written(shard: list[Pointer]) -> None:
    assert list(read_pointers(write_pointers(shard).decode(), name="s")) == shard


@given(pointers)
def test_a_pointer_is_one_line_of_utf8(pointer: Pointer) -> None:
    line = pointer.to_line()
    assert "\n" not in line
    assert "\r" not in line
    assert line.encode().decode() == line


def test_the_wire_format_of_pointers_is_the_golden_one() -> None:
    golden = (GOLDEN / "shard.jsonl").read_bytes()
    assert write_pointers([FULL, SMALL]) == golden
    assert list(read_pointers(golden.decode(), name="golden")) == [FULL, SMALL]


def test_the_wire_format_of_one_pointer_is_the_golden_one() -> None:
    golden = (GOLDEN / "pointer.json").read_text("utf-8")
    assert SMALL.to_line() == golden.rstrip("\n")
    assert Pointer.from_line(golden) == SMALL


def test_blank_lines_and_windows_line_ends_are_passed_over() -> None:
    body = f"\r\n{SMALL.to_line()}\r\n\n   \n{FULL.to_line()}\r\n"
    assert list(read_pointers(body, name="s")) == [SMALL, FULL]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("id", "", "not empty"),
        ("id", 7, "not empty"),
        ("uri", None, "not empty"),
        ("etag", ["x"], "not empty"),
        ("offset", -1, "zero or more"),
        ("offset", True, "zero or more"),
        ("duration", "60", "zero or more"),
        ("duration", float("nan"), "zero or more"),
        ("duration", float("inf"), "zero or more"),
        ("size", 1.5, "bytes"),
        ("size", False, "bytes"),
        ("channels", "stereo", '"mix" or "split"'),
        ("channels", ["mix"], '"mix" or "split"'),
        ("meta", {"a": 1}, "values are texts"),
        ("meta", [], "values are texts"),
    ],
)
def test_a_bad_value_names_shard_line_key_found_and_expected(
    field: str, value: object, expected: str
) -> None:
    line = json.dumps({"id": "a", "uri": "file:///a", field: value})
    with pytest.raises(InputError) as caught:
        list(read_pointers(f"{SMALL.to_line()}\n\n{line}\n", name="shards/00007.jsonl"))
    message = str(caught.value)
    assert message.startswith("shards/00007.jsonl, line 3: ")
    assert f"'{field}'" in message
    assert expected in message
    assert repr(value) in message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "not JSON"),
        ("[]", "a JSON object is expected, found list"),
        ('{"uri": "file:///a"}', "'id' is missing"),
        ('{"id": "a"}', "'uri' is missing"),
        ('{"id": "a", "uri": "b", "ofset": 1}', "'ofset' is not known; known are id, uri, etag"),
    ],
)
def test_a_line_that_is_no_pointer_says_why(line: str, said: str) -> None:
    with pytest.raises(InputError, match=r"^s, line 1: ") as caught:
        list(read_pointers(line, name="s"))
    assert said in str(caught.value)


@pytest.mark.parametrize("field", ["id", "uri", "etag", "language"])
def test_text_that_no_file_can_hold_is_refused_before_it_spoils_an_answer(field: str) -> None:
    line = json.dumps({"id": "a", "uri": "file:///a", field: "half \ud800"})
    with pytest.raises(InputError, match=f"'{field}'"):
        list(read_pointers(line, name="s"))


def test_half_a_character_in_meta_is_refused() -> None:
    line = json.dumps({"id": "a", "uri": "b", "meta": {"room": "\udfff"}})
    with pytest.raises(InputError, match="'meta'"):
        list(read_pointers(line, name="s"))
