"""The quick look at a record's words lets nothing pass that the slow one refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transform_handler.record_checks import _WORD, _are_plain_words, _check

VALUES = st.sampled_from(
    [0.0, 1.5, float("nan"), float("inf"), 1e12, -1e12, 3, True, None, "x", "\ud800", []]
)
WORDS = st.dictionaries(st.sampled_from(["text", "start", "end", "confidence", "flags"]), VALUES)
RIGHT = {"text": "hello", "start": 0.0, "end": 0.5, "confidence": 0.9}


@given(st.lists(st.tuples(WORDS, st.booleans()), max_size=3))
def test_what_is_plain_passes_the_checks(drawn: list[tuple[dict[str, Any], bool]]) -> None:
    words = [{**RIGHT, **word} if filled else word for word, filled in drawn]
    if _are_plain_words(words):
        for word in words:
            _check(word, _WORD)


def test_what_the_handler_writes_is_plain() -> None:
    assert _are_plain_words([RIGHT, {**RIGHT, "text": "日本"}])


@pytest.mark.parametrize("wrong", [{"text": "\udc00"}, {"start": 1e300}, {"flags": ["repetition"]}])
def test_what_needs_a_closer_look_is_not(wrong: dict[str, Any]) -> None:
    assert not _are_plain_words([RIGHT, {**RIGHT, **wrong}])
