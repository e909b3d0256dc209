import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.augment import Augmentation, at_speed, samples_at_speed

SECOND = 16_000


def tone(hertz, seconds=1.0):
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * SECOND)) / SECOND).astype(
        np.float32
    )


def peak_hertz(sound):
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return spectrum.argmax() * SECOND / len(sound)


@settings(max_examples=50, deadline=None)
@given(samples=st.integers(0, 9_000), hundredths=st.integers(50, 200))
def test_the_length_is_known_beforehand_to_the_sample(samples, hundredths):
    speed = hundredths / 100
    played = at_speed(np.zeros(samples, np.float32), speed)
    assert len(played) == samples_at_speed(samples, speed)
    assert abs(len(played) - samples / speed) <= 1


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_pitch_moves_with_speed_and_loudness_stays(speed):
    played = at_speed(tone(1_000), speed)
    assert peak_hertz(played) == pytest.approx(1_000 * speed, rel=0.005)
    assert np.std(played) == pytest.approx(np.std(tone(1_000)), rel=0.02)


def test_speed_one_is_the_sound_itself():
    sound = tone(300)
    assert at_speed(sound, 1.0) is sound


def test_batches_can_be_planned_without_reading_sound():
    augment = Augmentation(seed=3, speed=0.5, noise=0.0, telephone=0.0, gain_db=0.0)
    sound = tone(300, seconds=0.7)
    planned = [augment.seconds_after(0.7, 4, str(key)) for key in range(40)]
    heard = [len(augment(sound, 4, str(key))) / SECOND for key in range(40)]
    assert planned == heard
    assert 5 < sum(seconds != 0.7 for seconds in planned) < 35


def test_speeds_stay_within_their_range_and_use_all_of_it():
    augment = Augmentation(seed=3, speed=1.0, speed_range=(0.8, 1.25))
    speeds = [augment.speed_of(0, str(key)) for key in range(300)]
    assert 0.8 <= min(speeds) < 0.84
    assert 1.2 < max(speeds) <= 1.25
    assert augment.shortest_share == pytest.approx(0.8)
    assert Augmentation(seed=3).shortest_share == 1.0
