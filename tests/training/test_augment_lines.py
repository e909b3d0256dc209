import numpy as np
import pytest

from training.augment import clip, coded, noise, telephone
from training.augment.lines import CODECS, Codec

SECOND = 16_000
NAMES = [codec.encoding for codec in CODECS]


def speechlike(seconds=2.0):
    """Harmonics of a low voice that comes and goes four times a second."""
    time = np.arange(round(seconds * SECOND)) / SECOND
    voice = sum(np.sin(2 * np.pi * 140 * n * time) / n for n in range(1, 20))
    return (voice * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)) * 0.1).astype(np.float32)


def lag(heard, sound):
    size = 2 * len(sound)
    like = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sound, size)))
    found = int(like.argmax())
    return found - size if found > len(sound) else found


def test_a_telephone_carries_nothing_above_four_kilohertz():
    white = noise(SECOND, np.random.default_rng(0)) * 0.1
    spectrum = np.abs(np.fft.rfft(telephone(white))) ** 2
    assert spectrum[4_200:].sum() < 0.01 * spectrum.sum()


def test_a_telephone_leaves_speech_near_what_it_was():
    assert np.abs(telephone(speechlike()) - speechlike()).max() < 0.05


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
def test_an_encoder_changes_the_sound_and_moves_no_word(codec):
    sound = speechlike()
    heard = coded(sound, codec)
    assert heard.shape == sound.shape
    assert heard.dtype == np.float32
    assert abs(lag(heard, sound)) <= 2
    assert not np.allclose(heard, sound, atol=1e-3)
    assert np.corrcoef(heard, sound)[0, 1] > 0.8


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
@pytest.mark.parametrize("samples", [1, 159, 4_001])
def test_an_encoder_takes_sound_of_any_length_and_level(codec, samples):
    heard = coded(np.resize(speechlike(), samples) * np.float32(20), codec)
    assert heard.shape == (samples,)
    assert np.isfinite(heard).all()


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
def test_an_encoder_gives_the_same_bytes_of_sound_twice(codec):
    sound = speechlike()
    assert np.array_equal(coded(sound, codec), coded(sound, codec))


def test_gsm_carries_nothing_above_four_kilohertz():
    gsm = Codec(container="WAV", encoding="GSM610", rate=8_000)
    white = noise(SECOND, np.random.default_rng(0)) * 0.1
    spectrum = np.abs(np.fft.rfft(coded(white, gsm))) ** 2
    assert spectrum[4_200:].sum() < 0.01 * spectrum.sum()


def test_one_word_in_a_long_silence_is_clipped_and_not_cut_away():
    """The share is one of what sounds; of all samples the word itself may be less."""
    sound = np.zeros(20 * SECOND, np.float32)
    word = speechlike(0.5)
    sound[SECOND : SECOND + len(word)] = word
    clipped = clip(sound, 0.05)[SECOND : SECOND + len(word)]
    assert np.mean(clipped != word) == pytest.approx(0.05, abs=0.01)
    assert not clip(np.zeros(SECOND, np.float32), 0.05).any()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5])
def test_clipping_cuts_off_the_share_that_was_asked_for(share):
    sound = noise(SECOND, np.random.default_rng(0)) * np.float32(0.1)
    clipped = clip(sound, share)
    assert np.mean(clipped != sound) == pytest.approx(share, abs=0.001)
    assert clipped.dtype == np.float32
