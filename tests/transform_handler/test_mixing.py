"""The mix is the mean of the channels, to the bit, unless that loses what one of them says."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests.local_store import uri_of_path
from tests.conftest import speechlike, write_sound
from transform_handler.audio.decoder_process import DecoderProcess, SoundRequest
from transform_handler.audio.mixing import (
    CELL_SECONDS,
    HELD_BYTES,
    Mixer,
    cell_seconds,
    first_second,
)
from transform_handler.audio.reading import open_decoder, read_audio, stream
from transform_handler.audio.sound import SoundInfo
from transform_handler.audio.sound_facts import MixSeconds
from transform_handler.records import ErrorKind, RecordingError

RATE = 16_000


def noise(seconds: float, *, level: float = 0.05, seed: int = 7) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.standard_normal(round(seconds * RATE)) * level).astype(np.float32)


def hum(seconds: float, *, level: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (level * np.sin(2 * np.pi * 50 * time) + noise(seconds, level=1e-4)).astype(np.float32)


def room(seconds: float, seed: int) -> np.ndarray:
    return noise(seconds, level=3e-4, seed=seed)


def info_of(sound: np.ndarray, rate: int = RATE) -> SoundInfo:
    return SoundInfo(sample_rate=rate, channels=sound.shape[1], frames=len(sound))


def mix_of(sound: np.ndarray, *, rate: int = RATE) -> tuple[np.ndarray, MixSeconds]:
    """The mix of a whole recording of shape (n_samples, n_channels), and how it was mixed."""
    mixer = Mixer(info_of(sound, rate))
    pieces = list(mixer.mix(iter(np.array_split(sound, max(1, len(sound) // 10_007)))))
    return np.concatenate(pieces)[:, 0], mixer.seconds


def plain_mean(sound: np.ndarray) -> np.ndarray:
    return (sound @ np.full((sound.shape[1], 1), 1 / sound.shape[1], dtype=np.float32))[:, 0]


def stereo(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.stack([left, right], axis=1)


TWO_VOICES = stereo(speechlike(23.0, seed=1), speechlike(23.0, seed=2))
ORDINARY = {
    "a voice on each channel": TWO_VOICES,
    "one voice on both channels": stereo(TWO_VOICES[:, 0], TWO_VOICES[:, 0]),
    "one voice, fainter on one channel": TWO_VOICES[:, :1] * np.array([[1, 0.2]], np.float32),
    "the same voice in two noises": TWO_VOICES[:, [0, 0]]
    + stereo(noise(23, level=0.02, seed=3), noise(23, level=0.02, seed=4)),
    "a faint second voice": TWO_VOICES * np.array([[1, 0.01]], np.float32)
    + stereo(room(23, 3), room(23, 4)),
    "a second voice in noise as loud": TWO_VOICES
    + stereo(room(23, 3), noise(23, level=float(TWO_VOICES[:, 1].std()))),
    "the second microphone later": stereo(TWO_VOICES[:, 0], np.roll(TWO_VOICES[:, 0], 37)),
    "the second party listens in a quiet room": stereo(TWO_VOICES[:, 0], room(23, 3)),
    "the second party is silent": stereo(TWO_VOICES[:, 0], np.zeros(23 * RATE, np.float32)),
    "nobody speaks": stereo(noise(23, seed=3), hum(23)),
    "noise in opposite phase": stereo(noise(23), -noise(23)),
    "digital silence": np.zeros((23 * RATE, 2), np.float32),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_recording_is_its_plain_mean_to_the_bit(name: str) -> None:
    sound = ORDINARY[name]
    mixed, seconds = mix_of(sound)
    assert mixed.tobytes() == plain_mean(sound).tobytes()
    assert seconds == MixSeconds(mean=23.0)


def test_a_channel_turned_over_does_not_cancel_the_voice() -> None:
    voice = speechlike(23.0, seed=1)
    for share in (1.0, 0.5, 0.9):
        mixed, seconds = mix_of(stereo(voice, -voice * np.float32(share)) + TWO_VOICES * 1e-3)
        assert seconds == MixSeconds(polarity=23.0)
        np.testing.assert_allclose(mixed, voice * (1 + share) / 2, atol=2e-3)


@pytest.mark.parametrize("disturbance", [noise(23), hum(23), noise(23) + np.float32(0.2)])
def test_a_channel_of_nothing_but_noise_is_left_out(disturbance: np.ndarray) -> None:
    voice = speechlike(23.0, seed=1)
    mixed, seconds = mix_of(stereo(disturbance, voice))
    assert seconds == MixSeconds(left_out=23.0)
    assert np.array_equal(mixed, voice)


def test_a_noisy_copy_of_a_clean_channel_is_left_out() -> None:
    voice = speechlike(23.0, seed=1)
    mixed, seconds = mix_of(stereo(voice, voice * np.float32(0.8) + noise(23)))
    assert seconds == MixSeconds(left_out=23.0)
    assert np.array_equal(mixed, voice)


def test_of_two_noisy_channels_one_stays() -> None:
    voice = speechlike(23.0, seed=1)
    mixed, seconds = mix_of(stereo(voice + noise(23, level=0.08), voice + hum(23)))
    assert seconds.left_out == 23.0
    assert np.abs(mixed).max() > 0.2


@given(level=st.floats(-30, 0), at=st.floats(0, 9.5), seed=st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_one_syllable_in_ten_seconds_of_noise_keeps_its_channel(
    level: float, at: float, seed: int
) -> None:
    """As loud as the noise (0.3 s) beside a voice that speaks all the time."""
    gain = np.float32(10 ** (level / 20))
    other = noise(10, level=0.05, seed=seed)
    first = round(at * RATE)
    other[first : first + round(0.3 * RATE)] *= np.float32(2.0)
    _, seconds = mix_of(stereo(speechlike(10.0, seed=seed), other * gain))
    assert seconds == MixSeconds(mean=10.0)


def test_silent_channels_do_not_make_a_voice_faint() -> None:
    voice = speechlike(23.0, seed=1)
    sound = np.stack([room(23, seed) * np.float32(0.1) for seed in range(16)], axis=1)
    sound[:, 5] = voice
    sound[:, 9] = 0
    mixed, seconds = mix_of(sound)
    assert seconds == MixSeconds(left_out=23.0)
    np.testing.assert_allclose(mixed, voice, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(5)), turned=st.sets(st.integers(0, 4)))
def test_the_order_of_the_channels_does_not_matter(order: list[int], turned: set[int]) -> None:
    voice, second = speechlike(12.0, seed=1), speechlike(12.0, seed=2)
    channels = [voice, voice * 0.7, second, noise(12, level=0.1), second * 0.6]
    sound = np.stack([c if n in turned else -c for n, c in enumerate(channels)], axis=1)
    sound = sound.astype(np.float32)
    mixed, seconds = mix_of(sound)
    again, same = mix_of(np.ascontiguousarray(sound[:, order]))
    assert same == seconds
    # Which of two that are alike is turned over is a matter of order: two voices, two signs.
    expected = [(1.7 * one * voice + 1.6 * two * second) / 4 for one in (1, -1) for two in (1, -1)]
    for result in (mixed, again):
        assert min(float(np.abs(result - form).max()) for form in expected) < 1e-6


PARTS = {
    "nothing wrong": TWO_VOICES,
    "turned over in the middle": np.concatenate(
        [TWO_VOICES[:, [0, 0]], TWO_VOICES[:, [0, 0]] * np.array([[1, -1]], np.float32)]
    ),
    "noise that stops": stereo(
        np.concatenate([speechlike(23.0, seed=5), speechlike(24.1, seed=6)]),
        np.concatenate([noise(21), speechlike(26.1, seed=7)]),
    ),
    "seven channels": np.stack(
        [speechlike(33.0, seed=s) * (-1) ** s + noise(33, level=0.01 * s) for s in (1, 1, 2, 2, 3)]
        + [noise(33, level=0.2), np.zeros(33 * RATE, np.float32)],
        axis=1,
    ).astype(np.float32),
}


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(sorted(PARTS)),
    offset=st.floats(0, 45),
    duration=st.none() | st.floats(0.01, 30),
)
def test_a_part_is_the_slice_of_the_whole_to_the_bit(
    tmp_path: Path, name: str, offset: float, duration: float | None
) -> None:
    path = tmp_path / f"{name}.wav"
    if not path.exists():
        write_sound(path, PARTS[name], subtype="FLOAT")
    whole = read_audio(path)
    first = round(offset * RATE)
    last = None if duration is None else first + round(duration * RATE)
    part = read_audio(path, offset=offset, duration=duration)
    assert part.tobytes() == whole[first:last].tobytes()


def test_seconds_of_the_parts_are_those_of_the_whole(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "x.wav", PARTS["turned over in the middle"], subtype="FLOAT")

    def told(**stretch: float) -> MixSeconds:
        heard: list[MixSeconds] = []
        with open_decoder(path) as decoder:
            for _ in stream(decoder, mode="mix", tell_mix=heard.append, **stretch):
                pass
        (one,) = heard
        return one

    whole = told()
    parts = [
        told(offset=0.0, duration=17.25),
        told(offset=17.25, duration=13.0),
        told(offset=30.25),
    ]
    assert whole.polarity > 15
    assert whole.mean > 15
    for how in ("mean", "polarity", "left_out"):
        together = sum(getattr(part, how) for part in parts)
        assert together == pytest.approx(getattr(whole, how), abs=0.01)


def test_a_short_last_cell_is_judged_with_the_one_before_it() -> None:
    voice = speechlike(20.02, seed=1)
    mixed, seconds = mix_of(stereo(voice, -voice))
    assert seconds == MixSeconds(polarity=20.02)
    assert np.array_equal(mixed, voice)


def test_weights_change_within_milliseconds_and_not_at_once() -> None:
    steady = np.full(20 * RATE, 0.1, np.float32)
    voice = speechlike(10.0, seed=1)
    left = np.concatenate([voice, noise(10, level=0.02)]) + steady
    right = np.concatenate([noise(10), speechlike(10.0, seed=2)])
    mixed, seconds = mix_of(stereo(left, right))
    assert seconds == MixSeconds(left_out=20.0)
    border = 10 * RATE
    assert np.array_equal(mixed[:border], left[:border])
    assert np.array_equal(mixed[border + RATE // 50 :], right[border + RATE // 50 :])
    between = mixed[border : border + RATE // 50]
    ramp = (np.arange(len(between)) + 1) / (len(between) + 1)
    expected = left[border:][: len(between)] * (1 - ramp) + right[border:][: len(between)] * ramp
    np.testing.assert_allclose(between, expected, atol=1e-6)


@given(
    channels=st.integers(2, 64),
    rate=st.sampled_from([8_000, 16_000, 44_100, 48_000, 192_000, 768_000]),
    second=st.integers(0, 10_000),
)
def test_what_is_held_is_bounded_and_cells_begin_with_seconds(
    channels: int, rate: int, second: int
) -> None:
    info = SoundInfo(sample_rate=rate, channels=channels, frames=None)
    cell = cell_seconds(info)
    assert 1 <= cell <= CELL_SECONDS
    assert cell == 1 or cell * rate * channels * 4 <= HELD_BYTES
    first = first_second(info, second)
    assert first % cell == 0
    assert first <= max(0, second - cell)
    assert second - first < 2 * cell


def test_what_was_decoded_before_damage_is_mixed_before_the_error() -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield TWO_VOICES[:5000]
        raise RecordingError(ErrorKind.CORRUPT, "damaged")

    mixed = Mixer(info_of(TWO_VOICES)).mix(blocks())
    assert np.array_equal(next(mixed)[:, 0], plain_mean(TWO_VOICES[:5000]))
    with pytest.raises(RecordingError, match="damaged"):
        next(mixed)


def test_a_second_is_too_short_to_tell_a_voice_from_noise() -> None:
    sound = stereo(speechlike(23.0, seed=1), noise(23))
    assert mix_of(sound)[1].left_out == 23.0
    assert mix_of(sound[:RATE])[1] == MixSeconds(mean=1.0)


def test_the_decoding_process_says_how_it_mixed(tmp_path: Path) -> None:
    voice = speechlike(23.0, seed=1)
    path = write_sound(tmp_path / "x.wav", stereo(voice, -voice), subtype="FLOAT")
    mono = write_sound(tmp_path / "mono.wav", voice)
    with DecoderProcess() as decoder:
        for uri, mode, expected in (
            (uri_of_path(path), "mix", MixSeconds(polarity=23.0)),
            (uri_of_path(path), "split", None),
            (uri_of_path(mono), "mix", None),
        ):
            request = SoundRequest(uri=uri, etag=None, mode=mode, offset=0.0, duration=None)
            with decoder.open(request) as sound:
                assert sound.mix() is None
                heard = np.concatenate(list(sound.blocks))
                assert sound.mix() == expected
            assert len(heard) == 23 * RATE
