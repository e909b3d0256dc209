"""Splits share no speaker and no recording, and depend on nothing but the data and the seed."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import InputError
from manifests.labels import LabelledUtterance
from manifests.splits import SplitBy, split_labels

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}


def utterance(
    number: int, *, speaker: str | None = None, recording: str | None = None, seconds: float = 5.0
) -> LabelledUtterance:
    return LabelledUtterance(
        audio=f"file:///data/set/{number % 7}/{number}.wav",
        text=f"text {number}",
        duration=seconds,
        speaker=speaker,
        recording=recording,
        source=f"labels, line {number}",
    )


utterances = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 15), st.floats(0.1, 30.0)), max_size=60
).map(
    lambda rows: [
        utterance(number, speaker=f"s{speaker}", recording=f"r{recording}", seconds=seconds)
        for number, (speaker, recording, seconds) in enumerate(rows)
    ]
)
anyhow = st.sampled_from(["speaker", "recording", "utterance"])


def names(part: list[LabelledUtterance], by: SplitBy) -> set[str | None]:
    return {one.audio if by == "utterance" else getattr(one, by) for one in part}


def seconds(part: list[LabelledUtterance]) -> float:
    return sum(one.duration or 0.0 for one in part)


@given(utterances, anyhow, st.integers(0, 5))
def test_no_group_is_in_two_splits_and_nothing_is_lost(
    found: list[LabelledUtterance], by: SplitBy, seed: int
) -> None:
    try:
        splits = split_labels(found, by=by, shares=SHARES, seed=seed)
    except InputError:
        return  # fewer groups than splits: the tests below say of which and what it says
    assert list(splits) == list(SHARES)
    assert all(splits.values())
    assert sorted(one.audio for part in splits.values() for one in part) == sorted(
        one.audio for one in found
    )
    groups = [names(part, by) for part in splits.values()]
    assert sum(map(len, groups)) == len(set.union(*groups))


@given(utterances, st.integers(0, 5))
def test_splits_by_speaker_share_no_recording_either(
    found: list[LabelledUtterance], seed: int
) -> None:
    try:
        splits = split_labels(found, by="speaker", shares=SHARES, seed=seed)
    except InputError:
        return
    recordings = [names(part, "recording") for part in splits.values()]
    assert sum(map(len, recordings)) == len(set.union(*recordings))


@given(utterances, anyhow, st.integers(0, 5), st.randoms(use_true_random=False))
def test_neither_the_order_nor_the_place_of_the_data_matters(
    found: list[LabelledUtterance], by: SplitBy, seed: int, shuffler: random.Random
) -> None:
    elsewhere = [
        replace(one, audio=one.audio.replace("file:///data/set/", "s3://bucket/some/where/"))
        for one in found
    ]
    shuffler.shuffle(elsewhere)
    turned = dict(reversed(SHARES.items()))
    try:
        here = split_labels(found, by=by, shares=SHARES, seed=seed)
    except InputError:
        return
    there = split_labels(elsewhere, by=by, shares=turned, seed=seed)
    for name in SHARES:
        assert [one.text for one in here[name]] == [one.text for one in there[name]]


@given(
    st.lists(st.floats(0.5, 100.0), min_size=3, max_size=80),
    st.tuples(st.floats(0.05, 1), st.floats(0.05, 1), st.floats(0.05, 1)),
    st.integers(0, 5),
)
def test_no_move_and_no_swap_would_bring_the_sizes_nearer_to_the_shares(
    sizes: list[float], weights: tuple[float, float, float], seed: int
) -> None:
    shares = {name: weight / sum(weights) for name, weight in zip("abc", weights, strict=True)}
    found = [utterance(n, speaker=f"s{n}", seconds=size) for n, size in enumerate(sizes)]
    splits = split_labels(found, by="speaker", shares=shares, seed=seed)
    off = {name: seconds(part) - shares[name] * sum(sizes) for name, part in splits.items()}
    if max(off.values()) <= 0.001 * sum(sizes):
        return
    for here, there in permutations(splits, 2):
        gap = off[here] - off[there]
        alone = len(splits[here]) == 1
        coming = [one.duration or 0.0 for one in splits[there]] + [0.0] * (not alone)
        for going, back in product((one.duration or 0.0 for one in splits[here]), coming):
            assert (going - back) * (gap - going + back) <= 1e-6 * max(1.0, gap * gap)


def test_many_speakers_give_the_shares_almost_exactly() -> None:
    sizes = random.Random(0)
    found = [utterance(n, speaker=f"s{n % 100}", seconds=sizes.uniform(1, 20)) for n in range(3000)]
    splits = split_labels(found, by="speaker", shares=SHARES, seed=3)
    total = seconds(found)
    for name, share in SHARES.items():
        assert seconds(splits[name]) / total == pytest.approx(share, abs=0.01)


def test_another_seed_holds_other_speakers_out() -> None:
    found = [utterance(n, speaker=f"s{n % 40}") for n in range(400)]
    held_out = {
        frozenset(
            names(split_labels(found, by="speaker", shares=SHARES, seed=seed)["test"], "speaker")
        )
        for seed in range(5)
    }
    assert len(held_out) == 5


def test_this_split_stays_what_it_is() -> None:
    found = [utterance(n, speaker=f"s{n}", seconds=n + 1.0) for n in range(10)]
    splits = split_labels(found, by="speaker", shares=SHARES, seed=0)
    assert {name: sorted(names(part, "speaker")) for name, part in splits.items()} == {
        "train": ["s0", "s3", "s4", "s6", "s7", "s8", "s9"],
        "validation": ["s5"],
        "test": ["s1", "s2"],
    }


def test_where_a_duration_is_unknown_utterances_are_counted() -> None:
    found = [utterance(n, speaker=f"s{n % 20}", seconds=1.0 + 99 * (n < 100)) for n in range(200)]
    found[7] = replace(found[7], duration=None)
    splits = split_labels(found, by="speaker", shares=SHARES, seed=0)
    assert {name: len(part) for name, part in splits.items()} == {
        "train": 160,
        "validation": 20,
        "test": 20,
    }


def test_an_utterance_that_is_listed_twice_is_on_one_side() -> None:
    found = [utterance(n) for n in range(20)] * 2
    splits = split_labels(found, by="utterance", shares=SHARES, seed=0)
    for part in splits.values():
        assert all(part.count(one) == 2 for one in part)


def test_recordings_without_a_name_are_their_files() -> None:
    found = [
        replace(utterance(n), audio=f"file:///data/{n % 5}.wav", offset=float(n)) for n in range(50)
    ]
    splits = split_labels(found, by="recording", shares=SHARES, seed=0)
    files = [names(part, "utterance") for part in splits.values()]
    assert sum(map(len, files)) == len(set.union(*files)) == 5


def test_too_few_groups_say_how_many_and_what_to_do() -> None:
    found = [utterance(n, speaker=f"s{n % 2}") for n in range(20)]
    with pytest.raises(
        InputError,
        match=r"split by speaker: 2 speaker\(s\) found, 3 expected for train, validation, test; "
        r'give validation and test data of your own, or split by "recording"',
    ):
        split_labels(found, by="speaker", shares=SHARES, seed=0)


def test_speakers_who_all_meet_are_one_group_and_the_error_says_so() -> None:
    found = [utterance(n, speaker=f"s{n % 4}", recording="meeting") for n in range(20)]
    with pytest.raises(InputError, match="4 speakers found, who meet in the same recordings and"):
        split_labels(found, by="speaker", shares=SHARES, seed=0)


def test_utterances_without_a_speaker_cannot_be_split_by_speaker() -> None:
    found = [utterance(n, speaker=None if n == 3 else f"s{n}") for n in range(9)]
    with pytest.raises(InputError, match=r"1 of 9 utterances name no speaker \(first: labels, li"):
        split_labels(found, by="speaker", shares=SHARES, seed=0)


@pytest.mark.parametrize("shares", [{"a": 0.5, "b": 0.6}, {"a": 1.5, "b": -0.5}, {}])
def test_shares_must_make_up_one_whole(shares: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected shares above 0 that add up to 1"):
        split_labels([utterance(0)], by="utterance", shares=shares, seed=0)
