import numpy as np
import pytest

from training.augment import babble, noise
from training.augment.backgrounds import over

TONE = np.sin(np.arange(16_000) * 0.1).astype(np.float32) * 0.3


@pytest.mark.parametrize("ratio", [0.0, 10.0, 30.0])
def test_the_signal_to_noise_ratio_is_the_one_asked_for(ratio):
    background = noise(len(TONE), np.random.default_rng(0))
    added = over(TONE, background, ratio) - TONE
    assert 10 * np.log10(np.mean(TONE**2) / np.mean(added**2)) == pytest.approx(ratio, abs=0.05)


def test_noise_is_between_white_and_pink():
    tilts = set()
    for seed in range(12):
        power = np.abs(np.fft.rfft(noise(65_536, np.random.default_rng(seed)))) ** 2
        octaves = [power[n : 2 * n].mean() for n in (512, 1_024, 2_048, 4_096)]
        tilts.add(round(float(np.mean(np.diff(10 * np.log10(octaves))))))
    assert tilts == {0, -3, -6}


def test_babble_is_several_others_at_unit_power():
    asked = []

    def voices(n, rng):
        asked.append(n)
        return [rng.standard_normal(int(rng.integers(100, 40_000))) for _ in range(n)]

    for seed in range(20):
        mixed = babble(16_000, voices, np.random.default_rng(seed))
        assert mixed.shape == (16_000,)
        assert mixed.dtype == np.float32
        assert np.mean(mixed**2) == pytest.approx(1.0, rel=1e-3)
    assert min(asked) == 3
    assert max(asked) == 7


def test_a_loud_voice_drowns_no_other():
    loud, quiet = np.sin(np.arange(8_000) * 0.3) * 0.9, np.sin(np.arange(8_000) * 1.1) * 0.001
    mixed = babble(8_000, lambda _n, _rng: [loud, quiet], np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(mixed))
    tones = [spectrum[round(w * 8_000 / (2 * np.pi))] for w in (0.3, 1.1)]
    assert tones[0] == pytest.approx(tones[1], rel=0.5)


@pytest.mark.parametrize("others", [[], [np.zeros(0)], [np.zeros(500)]])
def test_nobody_else_is_silence(others):
    assert not babble(400, lambda _n, _rng: others, np.random.default_rng(0)).any()
