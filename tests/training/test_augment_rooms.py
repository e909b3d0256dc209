import numpy as np
import pytest

from training.augment import reverberate, room

SECOND = 16_000


def response(seconds=0.5, seed=0):
    return room(seconds, np.random.default_rng(seed))


def test_the_direct_sound_comes_first_so_that_words_stay_where_they_are():
    click = np.zeros(SECOND, np.float32)
    click[4_000] = 1.0
    heard = reverberate(click, response())
    assert np.abs(heard).argmax() == 4_000
    assert np.abs(heard[:4_000]).max() < 1e-4


@pytest.mark.parametrize("seconds", [0.2, 0.8])
def test_a_room_falls_by_sixty_decibels_in_its_time(seconds):
    """Schroeder's backward integral (1965) falls in a straight line: measured from −5 to −25 dB."""
    tail = np.mean([response(seconds, seed)[400:] ** 2 for seed in range(20)], axis=0)
    energy = 10 * np.log10(np.cumsum(tail[::-1])[::-1] / tail.sum())
    at = [int(np.argmax(energy < level)) for level in (-5, -25)]
    assert (at[1] - at[0]) / SECOND * 3 == pytest.approx(seconds, rel=0.1)


def test_length_power_and_type_stay():
    sound = np.random.default_rng(1).standard_normal(5_001).astype(np.float32) * 0.1
    heard = reverberate(sound, response())
    assert heard.shape == sound.shape
    assert heard.dtype == np.float32
    assert np.std(heard) == pytest.approx(np.std(sound), rel=0.05)


def test_it_is_a_convolution():
    sound = np.random.default_rng(1).standard_normal(700).astype(np.float32)
    walls = response(0.05)
    expected = np.convolve(sound, walls)[:700]
    heard = reverberate(sound, walls)
    assert np.corrcoef(heard, expected)[0, 1] > 0.99999


def test_no_two_rooms_are_alike():
    assert not np.array_equal(response(seed=1), response(seed=2))
