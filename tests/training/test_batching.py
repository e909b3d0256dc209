from hypothesis import given
from hypothesis import strategies as st

from training.batching import EqualBatches, LengthBatches

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
