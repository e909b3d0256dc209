import numpy as np
import pytest

from training.augment import Augmentation, noise, telephone

SOUND = np.sin(np.arange(8_000) * 0.1).astype(np.float32) * 0.3


def test_the_same_seed_epoch_and_utterance_give_the_same_sound():
    augment = Augmentation(seed=1, noise=1.0, telephone=0.5)
    first = augment(SOUND, 3, "a.wav@0.000")
    augment(SOUND, 9, "another")
    assert np.array_equal(first, augment(SOUND, 3, "a.wav@0.000"))


@pytest.mark.parametrize("changed", [(2, 3, "a"), (1, 4, "a"), (1, 3, "b")])
def test_another_seed_epoch_or_utterance_gives_another_sound(changed):
    seed, epoch, key = changed
    first = Augmentation(seed=1, noise=1.0)(SOUND, 3, "a")
    assert not np.array_equal(first, Augmentation(seed=seed, noise=1.0)(SOUND, epoch, key))


def test_sound_keeps_its_length_type_and_range():
    for key in map(str, range(20)):
        changed = Augmentation(seed=1, noise=1.0, telephone=1.0)(SOUND, 0, key)
        assert changed.shape == SOUND.shape
        assert changed.dtype == np.float32
        assert np.abs(changed).max() <= 1.0


def test_a_telephone_carries_nothing_above_four_kilohertz():
    white = noise(16_000, np.random.default_rng(0)) * 0.1
    spectrum = np.abs(np.fft.rfft(telephone(white))) ** 2
    assert spectrum[4_200:].sum() < 0.01 * spectrum.sum()


def test_nothing_is_changed_where_nothing_is_asked_for():
    quiet = Augmentation(seed=1, noise=0.0, telephone=0.0, gain_db=0.0)
    assert np.array_equal(quiet(SOUND, 0, "a"), SOUND)
