import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.augment import Augmentation

SOUND = np.sin(np.arange(8_000) * 0.1).astype(np.float32) * 0.3
EVERY = ("speed", "reverb", "babble", "noise", "clipping", "telephone", "codec")
NOTHING = {**dict.fromkeys(EVERY, 0.0), "gain_db": 0.0}


def voices(n, rng):
    return [rng.standard_normal(5_000).astype(np.float32) for _ in range(n)]


def all_of(share, **changes):
    return Augmentation(**{"seed": 1, "voices": voices, **dict.fromkeys(EVERY, share), **changes})


def only(change, seed=1):
    return Augmentation(**{**NOTHING, "seed": seed, "voices": voices, change: 1.0})


@pytest.mark.parametrize("change", EVERY)
def test_the_same_seed_epoch_and_utterance_give_the_same_sound(change):
    augment = only(change)
    first = augment(SOUND, 3, "a.wav@0.000")
    augment(SOUND, 9, "another")
    assert np.array_equal(first, augment(SOUND, 3, "a.wav@0.000"))
    assert not np.array_equal(first, SOUND)


@pytest.mark.parametrize("changed", [(2, 3, "a"), (1, 4, "a"), (1, 3, "b")])
@pytest.mark.parametrize("change", ["reverb", "babble", "noise", "clipping"])
def test_another_seed_epoch_or_utterance_gives_another_sound(change, changed):
    seed, epoch, key = changed
    first = only(change)(SOUND, 3, "a")
    assert not np.array_equal(first, only(change, seed)(SOUND, epoch, key))


@settings(max_examples=25, deadline=None)
@given(
    samples=st.integers(1, 12_000),
    epoch=st.integers(0, 10_000),
    key=st.text(max_size=20),
    share=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_any_sound_has_the_length_that_was_told_and_stays_within_range(samples, epoch, key, share):
    sound = np.resize(SOUND, samples) * np.float32(3)
    augment = all_of(share)
    changed = augment(sound, epoch, key)
    assert changed.shape == (augment.samples_after(samples, epoch, key),)
    assert changed.dtype == np.float32
    assert np.abs(changed).max() <= 1.0
    assert len(changed) >= int(samples * augment.shortest_share)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_silence_and_a_single_sample_and_nothing_at_all_pass_through(share):
    augment = all_of(share)
    assert np.isfinite(augment(np.zeros(4_000, np.float32), 0, "a")).all()
    assert len(augment(np.zeros(0, np.float32), 0, "a")) == 0
    assert len(augment(np.ones(1, np.float32), 0, "a")) == 1


def test_one_more_kind_of_change_leaves_the_others_as_they_were():
    few = Augmentation(**{**NOTHING, "seed": 1, "noise": 1.0, "gain_db": 6.0})
    more = dataclasses.replace(few, clipping=0.5)
    keys = [str(n) for n in range(20)]
    same = [np.array_equal(few(SOUND, 0, key), more(SOUND, 0, key)) for key in keys]
    assert any(same)
    assert not all(same)


@pytest.mark.parametrize("change", ["reverb", "noise", "clipping", "telephone"])
def test_a_share_is_how_often_a_change_is_made(change):
    augment = dataclasses.replace(only(change), **{change: 0.25})
    sound = SOUND[:400]
    changed = sum(not np.array_equal(augment(sound, 0, str(k)), sound) for k in range(400))
    assert 60 <= changed <= 140


def test_nothing_is_changed_where_nothing_is_asked_for():
    assert np.array_equal(Augmentation(**NOTHING, seed=1)(SOUND, 0, "a"), SOUND)


def test_the_level_moves_by_at_most_the_gain():
    augment = Augmentation(**{**NOTHING, "seed": 1, "gain_db": 6.0})
    gains = [
        20 * np.log10(np.abs(augment(SOUND, 0, str(k))).max() / np.abs(SOUND).max())
        for k in range(50)
    ]
    assert -6.01 <= min(gains) < -4
    assert 4 < max(gains) <= 6.01


def test_a_loud_recording_is_not_overdriven_by_the_gain():
    """Nor by the room and the noise before it: clipping is a change of its own."""
    loud = SOUND * np.float32(0.95 / 0.3)
    for key in map(str, range(30)):
        changed = Augmentation(**{**NOTHING, "seed": 1, "gain_db": 12.0})(loud, 0, key)
        assert np.allclose(changed / np.abs(changed).max(), loud / np.abs(loud).max(), atol=1e-5)
        noisy = Augmentation(**{**NOTHING, "seed": 1, "gain_db": 12.0, "noise": 1.0, "reverb": 1.0})
        assert np.count_nonzero(np.abs(noisy(loud, 0, key)) >= 1) <= 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codec": 1.5}, "codec is 1.5; expected a share"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"speed_range": (0.0, 1.1)}, "speed_range"),
        ({"speed_range": (1.1, 0.9)}, "speed_range"),
        ({"babble": 0.1}, "without voices"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**{"seed": 1, **changes})
