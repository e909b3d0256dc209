"""Relative path, then path without extension, then unique file name; ambiguous names are listed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.matching import Matcher

PATHS = ["a/one.wav", "b/one.wav", "b/two.mp3", "c/two.x.wav", "three.flac", "three.wav", "v1.5"]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/one.wav", "a/one.wav"),
        ("./a/one.wav", "a/one.wav"),
        ("a\\one.wav", "a/one.wav"),
        ("a/one", "a/one.wav"),
        ("a/one.flac", "a/one.wav"),
        ("two", "b/two.mp3"),
        ("two.wav", "b/two.mp3"),
        ("elsewhere/two.mp3", "b/two.mp3"),
        ("two.x", "c/two.x.wav"),
        ("three.wav", "three.wav"),
        ("v1.5", "v1.5"),
    ],
)
def test_a_name_finds_its_recording(name: str, path: str) -> None:
    assert Matcher(PATHS).match(name).path == path


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("one", ("a/one.wav", "b/one.wav")),
        ("one.wav", ("a/one.wav", "b/one.wav")),
        ("three", ("three.flac", "three.wav")),
        ("three.mp3", ("three.flac", "three.wav")),
    ],
)
def test_an_ambiguous_name_matches_none_and_lists_all(
    name: str, candidates: tuple[str, ...]
) -> None:
    match = Matcher(PATHS).match(name)
    assert match.path is None
    assert match.candidates == candidates


@pytest.mark.parametrize("name", ["four", "", "a/", "on", "One"])
def test_an_unknown_name_matches_nothing(name: str) -> None:
    match = Matcher(PATHS).match(name)
    assert (match.path, match.candidates) == (None, ())


def test_a_path_with_a_backslash_or_a_dot_slash_of_its_own_is_found() -> None:
    assert Matcher(["a\\b.wav"]).match("a\\b.wav").path == "a\\b.wav"


segment = st.text("ab.\\é ", min_size=1, max_size=4)
path = st.lists(segment, min_size=1, max_size=3).map("/".join)


@given(st.sets(path, min_size=1))
def test_every_recording_is_found_by_its_own_path(paths: set[str]) -> None:
    matcher = Matcher(paths)
    assert {p: matcher.match(p).path for p in paths} == {p: p for p in paths}


@given(st.sets(path), path)
def test_a_match_is_a_recording_and_candidates_are_several(paths: set[str], name: str) -> None:
    match = Matcher(paths).match(name)
    assert match.path is None or match.path in paths
    assert len(match.candidates) != 1
    assert set(match.candidates) <= paths
