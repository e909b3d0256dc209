"""Bytes of any kind, and files that were right until somebody edited them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_STRANGE_NUMBERS = [
    b"-1", b"0", b"nan", b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e308",
    b"9" * 5_000, b"9" * 400,
    b"0x10", b"1_000", "\N{ARABIC-INDIC DIGIT THREE}".encode(), b"\xc2\xb2", b"1e-999", b"--3", b"",
]  # fmt: skip
_INSERTED = [
    b"\x00", b"\xef\xbb\xbf", b"\xff", b"\r", b"\n", b"\r\n", b"\t", b'"', b"'", b"\\", b"\\ud800",
    b"{", b"}", b"[", b"]", b"[" * 3_000, b'{"a":' * 3_000, b",", b":", b"=", b"null", b"true",
    b"<", b"-->", b"..", b"/",
    b"~nobody-here/", b"file://", b"s3://", b"s3://b\x00/", b"\xe2\x80\xa8",
    b"\xed\xa0\x80", b"%00", b"#", b";;", b"<ALT_BEGIN>", b"<ALT_END>", b"{ a / b }", b"x" * 3_000,
    b"IGNORE_TIME_SEGMENT_IN_SCORING", b"&#xD800;", b"&#1114112;", b"9999-12-31T23:59:59-23:59",
    b"0001-01-01T00:00:00+23:59", b"__class__", b"\x1a", b"\x85",
]  # fmt: skip


@st.composite
def _one_edit(draw: st.DrawFn, data: bytes) -> bytes:
    kind = draw(st.sampled_from(["insert", "cut", "number", "line", "byte", "swap"]))
    place = draw(st.integers(0, len(data)))
    if kind == "insert":
        return data[:place] + draw(st.sampled_from(_INSERTED)) + data[place:]
    if kind == "cut":
        return data[:place] + data[place + draw(st.integers(0, 40)) :]
    if kind == "number":
        numbers = list(_NUMBER.finditer(data))
        if not numbers:
            return data
        found = draw(st.sampled_from(numbers))
        return data[: found.start()] + draw(st.sampled_from(_STRANGE_NUMBERS)) + data[found.end() :]
    if kind == "byte":
        return data[:place] + bytes([draw(st.integers(0, 255))]) + data[place + 1 :]
    lines = data.split(b"\n")
    one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    if kind == "line":
        lines.insert(one, lines[other])
    else:
        lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


@st.composite
def _rewritten(draw: st.DrawFn, data: bytes) -> bytes:
    """The whole file in another alphabet or with other line ends."""
    text = data.decode("utf-8", "replace")
    how = draw(st.sampled_from(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "\r", "\r\n"]))
    if how.startswith("utf"):
        return text.encode(how)
    return text.replace("\n", how).encode()


_VALUES = [
    None, True, -1, 0, 1.5, 1e308, 10**400, float("nan"), float("inf"), "", "x", "\ud800",
    "9" * 5000, [], [1], {}, {"a": 1}, [[]], "2026-11-23T08:12:00Z",
]  # fmt: skip


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in a JSON value, with each of its keys."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(pairs):
        yield content, key
        if isinstance(value, dict | list):
            yield from _places(value)


@st.composite
def _other_value(draw: st.DrawFn, data: bytes) -> bytes:
    """One value of a JSON text, or of a line of it, replaced by another of any kind."""
    lines = data.split(b"\n")
    whole = data.lstrip()[:1] in b"[{" and data.count(b"\n{") < 1
    number = 0 if whole else draw(st.integers(0, len(lines) - 1))
    try:
        content = json.loads(data if whole else lines[number])
        places = list(_places(content)) if isinstance(content, dict | list) else []
    except (ValueError, AttributeError, TypeError):
        return data
    if places:
        container, key = draw(st.sampled_from(places))
        if draw(st.integers(0, 9)) == 0:
            del container[key]
        else:
            container[key] = draw(st.sampled_from(_VALUES))
    if whole:
        return json.dumps(content).encode()
    return b"\n".join([*lines[:number], json.dumps(content).encode(), *lines[number + 1 :]])


@st.composite
def mutated(draw: st.DrawFn, sample: bytes) -> bytes:
    """The sample after a few edits."""
    data = sample
    for _ in range(draw(st.integers(1, 4))):
        data = draw(_one_edit(data))
    return draw(_rewritten(data)) if draw(st.integers(0, 9)) == 0 else data


def hostile_bytes(sample: bytes) -> st.SearchStrategy[bytes]:
    """Mostly the sample, edited; sometimes chance."""
    edited, chance = mutated(sample), st.binary(max_size=300)
    if sample.lstrip()[:1] in (b"{", b"["):
        other = _other_value(sample)
        return st.one_of(edited, edited, other, other, other.flatmap(_other_value), chance)
    return st.one_of(edited, edited, edited, chance)
