import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.labels.batching import EqualBatches, LengthBatches

_durations = st.lists(st.floats(0.2, 30), min_size=1, max_size=60)


@given(_durations, st.floats(1, 100), st.integers(0, 5))
def test_each_utterance_is_met_once_an_epoch(durations, seconds, epoch):
    batches = LengthBatches(durations, batch_seconds=seconds, seed=1)
    batches.begin_epoch(epoch)
    met = [pair for batch in batches for pair in batch]
    assert sorted(met) == [(epoch, position) for position in range(len(durations))]


@given(_durations, st.floats(1, 100))
def test_every_epoch_has_as_many_batches(durations, seconds):
    batches = LengthBatches(durations, batch_seconds=seconds, seed=1)
    for epoch in range(3):
        batches.begin_epoch(epoch)
        assert len(list(batches)) == len(batches)


def test_batches_depend_on_seed_and_epoch_alone():
    durations = [1 + position * 0.1 for position in range(50)]

    def of(seed, epoch):
        batches = LengthBatches(durations, batch_seconds=20, seed=seed)
        batches.begin_epoch(epoch)
        return list(batches)

    assert of(1, 2) == of(1, 2)
    assert of(1, 2) != of(2, 2)
    assert [[p for _, p in batch] for batch in of(1, 2)] != [[p for _, p in b] for b in of(1, 3)]


@given(_durations)
def test_padding_stays_small(durations):
    for batch in LengthBatches(durations, batch_seconds=10, seed=1):
        lengths = [durations[position] for _, position in batch]
        assert len(lengths) == 1 or len(lengths) * min(lengths) <= 12


@given(st.lists(st.sampled_from([1.0, 2.0, 3.5]), min_size=1), st.floats(1, 20))
def test_evaluation_batches_hold_one_length_each(durations, seconds):
    batches = list(EqualBatches(durations, batch_seconds=seconds))
    assert all(len({durations[p] for _, p in batch}) == 1 for batch in batches)
    assert sorted(p for batch in batches for _, p in batch) == list(range(len(durations)))


@given(_durations, st.floats(1, 100), st.integers(0, 2), st.integers(1, 4))
def test_processes_share_an_epoch_without_overlap(durations, seconds, epoch, processes):
    if len(durations) < processes:
        return
    parts = []
    for process in range(processes):
        batches = LengthBatches(
            durations, batch_seconds=seconds, seed=1, process=process, processes=processes
        )
        batches.begin_epoch(epoch)
        parts.append(list(batches))
        assert len(parts[-1]) == len(batches)
    assert len({len(part) for part in parts}) == 1
    met = [position for part in parts for batch in part for _, position in batch]
    assert len(set(met)) == len(met)
    # Only single utterances, which cannot be divided further, may be left for another epoch.
    assert len(durations) - len(met) < processes


@given(_durations, st.integers(1, 3))
def test_evaluation_batches_are_shared_too(durations, processes):
    parts = [
        list(EqualBatches(durations, batch_seconds=9, process=p, processes=processes))
        for p in range(processes)
    ]
    met = [position for part in parts for batch in part for _, position in batch]
    assert sorted(met) == list(range(len(durations)))


def test_fewer_utterances_than_processes_are_refused():
    with pytest.raises(ValueError, match="1 utterances for 2 processes"):
        LengthBatches([1.0], batch_seconds=9, seed=1, processes=2)


def test_batches_go_by_what_is_heard_in_the_epoch():
    durations = [float(n) for n in range(1, 9)]
    batches = LengthBatches(
        durations, batch_seconds=8, seed=1, heard=lambda epoch, position: durations[-1 - position]
    )
    met = [{position for _, position in batch} for batch in batches]
    # The shortest two of eight are those that were the longest.
    assert {6, 7} in met
    assert {0} in met
