"""Crosstalk is what a louder channel explains; a voice of its own is never taken for it."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import DEMO_MODEL, shared
from transform_handler.audio.crosstalk import CELL_SAMPLES, Stretch, crosstalk
from transform_handler.audio.reading import open_decoder, read_audio, stream

RATE = 16_000
INTERVIEW = DEMO_MODEL.parents[1] / "demo/archive/2026-11-19/customer interview.ogg"


@cache
def voices() -> tuple[np.ndarray, np.ndarray]:
    """Two speakers who never stop: what the interview has of each, put together."""
    found = []
    for channel in (0, 1):
        sound = read_audio(INTERVIEW, channel=channel)
        frames = sound[: len(sound) // 1600 * 1600].reshape(-1, 1600)
        found.append(frames[np.sqrt((frames**2).mean(axis=1)) > 0.02].ravel()[: 20 * RATE])
    return found[0], found[1]


def room(samples: int, *, dbfs: float = -65, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(samples) * 10 ** (dbfs / 20)


def heard(voice: np.ndarray, *, level_db: float, delay: float, sign: int = 1) -> np.ndarray:
    """A voice as another microphone hears it: later, duller, fainter."""
    low_pass = np.hanning(13) / np.hanning(13).sum()
    later = np.concatenate([np.zeros(round(abs(delay) * RATE)), np.convolve(voice, low_pass)])
    if delay < 0:
        later = np.convolve(voice, low_pass)[round(-delay * RATE) :]
    later = np.pad(later, (0, len(voice)))[: len(voice)]
    level = np.sqrt((voice**2).mean() / (later**2).mean()) * 10 ** (level_db / 20)
    return sign * later * level


def window(*channels: np.ndarray) -> np.ndarray:
    noisy = [one + room(len(one), seed=number) for number, one in enumerate(channels)]
    return np.stack(noisy, axis=1).astype(np.float32)


def share(stretches: list[Stretch], begin: float, end: float) -> float:
    """How much of the seconds from ``begin`` to ``end`` is marked."""
    mask = np.zeros(round(40 * RATE), dtype=bool)
    for first, last in stretches:
        mask[first:last] = True
    return float(mask[round(begin * RATE) : round(end * RATE)].mean())


@settings(max_examples=30, deadline=None)
@given(
    level_db=st.floats(-22, -6),
    delay=st.floats(-0.027, 0.027),
    sign=st.sampled_from([1, -1]),
)
def test_what_a_microphone_hears_of_its_neighbour_is_marked(
    level_db: float, delay: float, sign: int
) -> None:
    voice = voices()[0]
    leak = heard(voice, level_db=level_db, delay=delay, sign=sign)
    own, other = crosstalk(window(voice, leak))
    assert own == []
    assert share(other, 0.5, 18.5) > 0.95


@settings(max_examples=20, deadline=None)
@given(level_db=st.floats(-22, -9), delay=st.floats(0, 0.025), own_db=st.floats(-14, 3))
def test_a_voice_of_ones_own_is_kept_while_the_neighbour_speaks(
    level_db: float, delay: float, own_db: float
) -> None:
    """It is louder than what is heard of the neighbour, whom a model would hear otherwise."""
    first, second = (voice[: 15 * RATE] for voice in voices())
    quiet = second * 10 ** (max(own_db, level_db + 8) / 20)
    _, other = crosstalk(window(first, quiet + heard(first, level_db=level_db, delay=delay)))
    assert share(other, 0, 15) < 0.02


def test_speakers_who_take_turns_keep_their_own_turns_only() -> None:
    first, second = voices()
    silence = np.zeros(5 * RATE)
    left = np.concatenate([first[: 5 * RATE], silence, silence])
    right = np.concatenate([silence, second[: 5 * RATE], silence])
    found = crosstalk(
        window(
            left + heard(right, level_db=-12, delay=0.004),
            right + heard(left, level_db=-15, delay=0.004),
        )
    )
    assert share(found[0], 0.0, 4.7) == 0
    assert share(found[0], 5.3, 9.7) > 0.99
    assert share(found[1], 0.3, 4.7) > 0.99
    assert share(found[1], 5.3, 10.0) == 0


def test_a_quiet_speaker_whose_neighbour_is_silent_is_kept() -> None:
    first, second = (voice[: 10 * RATE] for voice in voices())
    loud = np.concatenate([first[: 5 * RATE], np.zeros(5 * RATE)])
    quiet = np.concatenate([np.zeros(5 * RATE), second[5 * RATE :] * 0.02])
    found = crosstalk(window(loud, quiet + heard(loud, level_db=-30, delay=0.004)))
    assert found[0] == []
    assert share(found[1], 5.0, 10.0) == 0


@pytest.mark.parametrize("gain", [1.0, 0.8, -1.0])
def test_channels_that_carry_the_same_at_one_level_are_both_kept(gain: float) -> None:
    voice = voices()[0]
    assert crosstalk(window(voice, voice * gain)) == [[], []]
    both = np.stack([voice, voice], axis=1).astype(np.float32)
    assert crosstalk(both) == [[], []]


def test_noise_and_voices_that_know_nothing_of_each_other_are_no_crosstalk() -> None:
    first, second = (voice[: 15 * RATE] for voice in voices())
    faint = second * 0.1
    assert crosstalk(window(first, faint)) == [[], []]
    assert crosstalk(window(first, np.zeros(len(first)))) == [[], []]
    assert crosstalk(np.zeros((15 * RATE, 3), np.float32)) == [[], [], []]
    time = np.arange(15 * RATE) / RATE
    hums = np.stack([np.sin(100 * np.pi * time), 0.1 * np.sin(100 * np.pi * time + 1)], axis=1)
    noisy = (0.2 * hums + np.stack([room(len(time), seed=1), room(len(time), seed=2)], 1)).astype(
        np.float32
    )
    assert crosstalk(noisy) == [[], []]


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(4)))
def test_the_order_of_the_channels_does_not_matter(order: list[int]) -> None:
    first, second = voices()
    sound = window(
        first,
        heard(first, level_db=-12, delay=0.005) + 0.02 * second,
        heard(first, level_db=-9, delay=0.01),
        second * np.repeat([1, 0], len(second) // 2),
    )
    found = crosstalk(sound)
    assert crosstalk(np.ascontiguousarray(sound[:, order])) == [found[n] for n in order]
    assert found[0] == []
    assert found[2]


@settings(max_examples=15, deadline=None)
@given(begin=st.integers(0, 8 * RATE), length=st.integers(0, 10 * RATE))
def test_a_window_marks_what_the_whole_recording_has_there(begin: int, length: int) -> None:
    """But for a second at its ends, where it hears less."""
    first, second = voices()
    turn = np.repeat([1, 0, 1, 0, 0, 1, 1, 0, 1, 0], 2 * RATE)
    left, right = first * turn, second * (1 - turn)
    sound = window(
        left + heard(right, level_db=-14, delay=0.006),
        right + heard(left, level_db=-11, delay=0.006),
    )
    whole = [mask_of(stretches, 0, len(sound)) for stretches in crosstalk(sound)]
    part = sound[begin : begin + length]
    for channel, stretches in enumerate(crosstalk(part, start=begin)):
        inner = slice(RATE, max(RATE, len(part) - RATE))
        expected = whole[channel][begin : begin + length][inner]
        assert np.array_equal(mask_of(stretches, 0, len(part))[inner], expected)


def mask_of(stretches: list[Stretch], begin: int, end: int) -> np.ndarray:
    mask = np.zeros(end - begin, dtype=bool)
    for first, last in stretches:
        mask[first:last] = True
    return mask


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(0, 3 * RATE),
    channels=st.integers(1, 5),
    start=st.integers(0, 10 * RATE),
    seed=st.integers(0, 99),
)
def test_stretches_are_in_order_and_within_the_window(
    length: int, channels: int, start: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    source = random.standard_normal(length + CELL_SAMPLES)
    gains = random.uniform(0, 1, channels)
    sound = np.stack([gain * source[n : n + length] for n, gain in enumerate(gains)], axis=1)
    found = crosstalk(sound.astype(np.float32), start=start)
    assert len(found) == channels
    for stretches in found:
        places = [place for stretch in stretches for place in stretch]
        assert places == sorted(set(places))
        assert all(0 <= place <= length for place in places)


def test_a_meeting_of_separate_headsets_has_none_and_one_with_leakage_has() -> None:
    with open_decoder(shared("data/two-channel-meeting") / "meeting.flac") as decoder:
        sound = np.concatenate(list(stream(decoder, mode="split", duration=40.0)))
    assert crosstalk(sound) == [[], []]
    leaking = np.stack(
        [
            sound[:, 0] + heard(sound[:, 1], level_db=-13, delay=0.005),
            sound[:, 1] + heard(sound[:, 0], level_db=-13, delay=0.005),
        ],
        axis=1,
    ).astype(np.float32)
    found = crosstalk(leaking)
    # The rest are pauses.
    assert share(found[1], 1.0, 15.0) > 0.8
    assert share(found[0], 16.0, 24.0) > 0.8
    assert share(found[0], 1.0, 15.0) < 0.01
    assert share(found[1], 16.0, 24.0) < 0.01
