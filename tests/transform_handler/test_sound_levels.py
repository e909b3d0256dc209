"""What a meter says of a sound: level, peak, clipping, bandwidth, signal to noise."""

import json

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transform_handler.voices import RATE, babbled, noise
from transform_handler.audio.levels import SoundMeter
from transform_handler.audio.sound_facts import SoundFacts

SPEECH = babbled([(1.0, 5.0), (5.6, 9.0), (9.5, 14.0), (14.4, 19.0)], 20.0)
SPEECH = (SPEECH / np.abs(SPEECH).max() * 0.9).astype(np.float32)
WHOLE = [(0, 20 * RATE)]


def facts_of(samples, regions=WHOLE) -> SoundFacts:
    meter = SoundMeter()
    meter.add(np.asarray(samples, dtype=np.float32), regions)
    return meter.facts()


def active_rms(samples) -> float:
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320).astype(float)
    power = (frames**2).mean(axis=1)
    return float(np.sqrt(power[power > np.percentile(power, 95) / 1000].mean()))


def hiss(decibels_below, *, color) -> np.ndarray:
    """Noise under SPEECH, without what lies below hearing."""
    spectrum = np.fft.rfft(noise(20.0, seed=4, color=color))
    spectrum[: 20 * 40] = 0
    sound = np.fft.irfft(spectrum)
    return sound / sound.std() * active_rms(SPEECH) * 10 ** (-decibels_below / 20)


@pytest.mark.parametrize("color", [0.0, 1.0])
@pytest.mark.parametrize("ratio", [5, 10, 15, 20, 25, 30])
def test_snr_is_within_3_db_of_the_noise_that_was_added(ratio, color):
    assert facts_of(SPEECH + hiss(ratio, color=color)).snr_db == pytest.approx(ratio, abs=3.0)


def test_snr_of_speech_without_noise_is_the_most():
    assert facts_of(SPEECH).snr_db == 60.0


@settings(max_examples=10, deadline=None)
@given(st.floats(-40.0, 0.0))
def test_level_and_peak_follow_the_gain(gain):
    loud, quiet = facts_of(SPEECH), facts_of(SPEECH * 10 ** (gain / 20))
    assert quiet.level_dbfs == pytest.approx(loud.level_dbfs + gain, abs=0.6)
    assert quiet.peak_dbfs == pytest.approx(loud.peak_dbfs + gain, abs=0.2)


def test_level_is_that_of_speech_without_pauses():
    expected = 20 * np.log10(active_rms(SPEECH))
    assert facts_of(SPEECH).level_dbfs == pytest.approx(expected, abs=1.0)


def test_peak_counts_everywhere_and_the_rest_in_regions_only():
    sound = SPEECH * 0.1
    sound[19 * RATE + 8000] = 1.0
    facts = facts_of(sound, [(RATE, 9 * RATE)])
    assert facts.peak_dbfs == 0.0
    assert facts.speech_seconds == 8.0
    assert facts.level_dbfs < -30


@pytest.mark.parametrize("gain", [1.0, 0.2])
@pytest.mark.parametrize("resampled", [False, True])
@pytest.mark.parametrize("drive", [6, 12, 20])
def test_clipping_is_found_after_a_change_of_gain_or_rate(drive, resampled, gain):
    driven = SPEECH * 10 ** (drive / 20)
    clipped = np.clip(driven, -0.9, 0.9)
    if resampled:
        clipped = soxr.resample(soxr.resample(clipped, RATE, 44_100), 44_100, RATE)
    true = float((np.abs(driven) >= 0.9).mean())
    assert facts_of(clipped * gain).clipped_share == pytest.approx(true, rel=0.6)


@pytest.mark.parametrize("sound", [SPEECH, noise(20.0) * 0.1], ids=["speech", "noise"])
def test_what_is_not_clipped_has_next_to_no_flat_tops(sound):
    assert facts_of(sound).clipped_share < 3e-4


def test_a_loud_tone_is_not_clipped():
    tone = 0.99 * np.sin(2 * np.pi * 440 * np.arange(20 * RATE) / RATE)
    assert facts_of(tone).clipped_share == 0.0


def test_bandwidth_of_a_telephone_in_a_file_of_a_higher_rate():
    hissing = SPEECH + 0.1 * SPEECH * noise(20.0)
    narrow = soxr.resample(soxr.resample(hissing, RATE, 8000), 8000, RATE)
    assert 3300 <= facts_of(narrow).bandwidth_hertz <= 4100
    assert facts_of(hissing).bandwidth_hertz >= 7000


def test_noise_that_was_added_later_is_no_bandwidth():
    narrow = soxr.resample(soxr.resample(SPEECH, RATE, 8000), 8000, RATE)
    assert facts_of(narrow + noise(20.0) * 1e-3).bandwidth_hertz <= 4100


def test_silence_has_no_facts():
    nothing = SoundFacts(speech_seconds=0.0)
    assert SoundMeter().facts() == nothing
    assert facts_of(np.zeros(RATE), []) == nothing
    assert SoundFacts.joined([]) == nothing
    assert facts_of(np.zeros(RATE), [(0, RATE)]).speech_seconds == 1.0


def test_facts_are_plain_numbers_and_come_back():
    facts = facts_of(SPEECH)
    assert SoundFacts.from_json(json.loads(json.dumps(facts.to_json(), allow_nan=False))) == facts
    with pytest.raises(TypeError):
        SoundFacts.from_json({"speech_seconds": 1.0, "loudness": 3})


def pieces(count: int, sound) -> list[SoundMeter]:
    meters = []
    for piece in np.array_split(np.asarray(sound, np.float32), count):
        meters.append(SoundMeter())
        meters[-1].add(piece, [(0, len(piece))])
    return meters


@pytest.mark.parametrize("count", [2, 3])
def test_facts_of_parts_join_to_those_of_the_whole(count):
    sound = np.clip(2 * np.tile(SPEECH + hiss(20, color=0.0), 3), -0.9, 0.9)
    whole = facts_of(sound, [(0, len(sound))])
    seconds = len(sound) / RATE / count
    joined = SoundFacts.joined([(seconds, meter.facts()) for meter in pieces(count, sound)])
    assert joined.speech_seconds == pytest.approx(whole.speech_seconds, abs=0.2)
    assert joined.peak_dbfs == whole.peak_dbfs
    assert joined.clipped_share == pytest.approx(whole.clipped_share, rel=0.3)
    assert joined.level_dbfs == pytest.approx(whole.level_dbfs, abs=0.7)
    assert joined.snr_db == pytest.approx(whole.snr_db, abs=1.5)
    assert joined.bandwidth_hertz == pytest.approx(whole.bandwidth_hertz, abs=300)


def test_a_silent_part_leaves_the_facts_of_the_others():
    facts = facts_of(SPEECH)
    joined = SoundFacts.joined([(20.0, facts), (20.0, SoundFacts(speech_seconds=0.0))])
    assert joined.level_dbfs == facts.level_dbfs
    assert joined.snr_db == facts.snr_db
    assert joined.bandwidth_hertz == facts.bandwidth_hertz


def test_pieces_of_any_number_make_no_larger_meter():
    meter = SoundMeter()
    sizes = set()
    for _ in range(3):
        meter.add(SPEECH, WHOLE)
        sizes.add(sum(value.nbytes for value in vars(meter).values() if hasattr(value, "nbytes")))
    assert len(sizes) == 1
    assert meter.facts().level_dbfs == pytest.approx(facts_of(SPEECH).level_dbfs, abs=0.1)
