"""Windows keep every sample once, depend on the recording alone, and hold little of it."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transform_handler.audio.layout import SAMPLE_RATE, WindowLayout
from transform_handler.audio.sound import Block
from transform_handler.audio.windows import Part, Window, cut

hops = st.sampled_from([320, 160, 640, 1280, 400])
lengths = st.one_of(
    st.integers(0, 5_000),
    st.integers(0, 100 * SAMPLE_RATE),
    st.integers(0, 7).map(lambda n: n * 288_000),
)


def sound_of(length: int, channels: int = 1) -> np.ndarray:
    """Every sample is its own position."""
    return np.repeat(np.arange(length, dtype=np.float64)[:, None], channels, axis=1)


def uneven(length: int) -> np.ndarray:
    """Noise whose level changes from moment to moment, as that of speech does."""
    random = np.random.default_rng(length)
    level = np.repeat(random.uniform(0.001, 1.0, length // 3_000 + 1), 3_000)[:length]
    return (random.standard_normal(length) * level)[:, None].astype(np.float32)


def in_blocks(sound: np.ndarray, sizes: list[int]) -> Iterator[Block]:
    position = 0
    for size in itertools.cycle(sizes):
        if position >= len(sound):
            return
        yield sound[position : position + size]
        position += size


block_sizes = st.lists(st.integers(1_000, 400_000), min_size=1, max_size=5)


def windows_of(
    length: int, hop: int, sizes: list[int], *, sound_of=sound_of, **stretch: float | None
) -> list[tuple[Window, np.ndarray]]:
    layout = WindowLayout(hop=hop)
    part = Part.of(layout, offset=stretch.get("offset"), duration=stretch.get("duration"))
    sound = sound_of(length)[part.begin : part.end]
    return list(cut(in_blocks(sound, sizes), layout, part))


@settings(max_examples=60, deadline=None)
@given(length=lengths, hop=hops, sizes=block_sizes)
def test_kept_regions_tile_the_recording_exactly(length: int, hop: int, sizes: list[int]) -> None:
    cut_windows = windows_of(length, hop, sizes)
    kept = [(window.keep_start, window.keep_end) for window, _ in cut_windows]
    borders = [0, *(end for _, end in kept)]
    assert [start for start, _ in kept] == borders[:-1]
    assert borders[-1] == length
    assert [window.index for window, _ in cut_windows] == list(range(len(kept)))


@settings(max_examples=60, deadline=None)
@given(length=lengths, hop=hops, sizes=block_sizes)
def test_a_window_holds_the_samples_it_says_and_what_it_keeps_with_its_context(
    length: int, hop: int, sizes: list[int]
) -> None:
    layout = WindowLayout(hop=hop)
    for window, samples in windows_of(length, hop, sizes):
        assert np.array_equal(samples[:, 0], np.arange(window.start, window.end))
        assert window.start <= max(0, window.keep_start - layout.context)
        assert window.end >= min(length, window.keep_end + layout.context)
        assert window.start % hop == 0
        assert window.keep_start % hop == 0


@settings(max_examples=60, deadline=None)
@given(length=lengths, hop=hops, sizes=block_sizes)
def test_borders_stay_near_the_multiples_of_the_step_and_no_window_is_short(
    length: int, hop: int, sizes: list[int]
) -> None:
    layout = WindowLayout(hop=hop)
    found = [window for window, _ in windows_of(length, hop, sizes)]
    for window in found[1:]:
        assert abs(window.keep_start - window.index * layout.step) <= layout.reach
        assert window.keep_end - window.keep_start >= min(
            layout.step - 2 * layout.reach, layout.longest - layout.step - 2 * layout.reach
        )
    assert all(window.keep_end - window.keep_start <= layout.longest for window in found)


@settings(max_examples=40, deadline=None)
@given(length=lengths, hop=hops, sizes=block_sizes)
def test_what_is_heard_is_whole_grains_long_wherever_the_sound_allows_it(
    length: int, hop: int, sizes: list[int]
) -> None:
    layout = WindowLayout(hop=hop)
    for window, _ in windows_of(length, hop, sizes):
        missing = -(window.end - window.start) % layout.grain
        # The end of a recording need not lie on a frame, and its beginning gives no more.
        assert missing == 0 or window.end == length
        assert missing < hop or window.start == 0


def test_a_border_lies_in_the_pause_that_is_near_it() -> None:
    layout = WindowLayout(hop=320)
    sound = np.random.default_rng(1).standard_normal((60 * SAMPLE_RATE, 2)).astype(np.float32)
    pauses = [(17.0, 17.4), (36.9, 37.2)]
    for start, end in pauses:
        sound[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] *= 0.01
    part = Part.of(layout, offset=None, duration=None)
    windows = [window for window, _ in cut(iter([sound]), layout, part)]
    borders = [window.keep_start / SAMPLE_RATE for window in windows][1:]
    assert len(borders) == 2
    assert all(s < border < e for border, (s, e) in zip(borders, pauses, strict=True))


@settings(max_examples=40, deadline=None)
@given(
    length=lengths,
    one=block_sizes,
    other=block_sizes,
)
def test_block_sizes_change_nothing(length: int, one: list[int], other: list[int]) -> None:
    first, second = windows_of(length, 320, one), windows_of(length, 320, other)
    assert [window for window, _ in first] == [window for window, _ in second]


@settings(max_examples=100, deadline=None)
@given(
    length=st.integers(1, 200 * SAMPLE_RATE),
    offset=st.integers(0, 180).map(float) | st.floats(0, 180),
    duration=st.none() | st.floats(0.1, 60),
    hop=hops,
)
@example(length=313_600, offset=38.0, duration=None, hop=320)
def test_a_part_has_the_very_windows_of_the_whole(
    length: int, offset: float, duration: float | None, hop: int
) -> None:
    whole = {
        w.index: (w, samples) for w, samples in windows_of(length, hop, [65_536], sound_of=uneven)
    }
    part = windows_of(length, hop, [65_536], sound_of=uneven, offset=offset, duration=duration)
    for window, samples in part:
        assert window == whole[window.index][0]
        assert np.array_equal(samples, whole[window.index][1])
    end = length / SAMPLE_RATE if duration is None else offset + duration
    needed = {
        index
        for index, (window, _) in whole.items()
        if window.keep_end > offset * SAMPLE_RATE and window.keep_start < end * SAMPLE_RATE
    }
    assert needed <= {window.index for window, _ in part}


@pytest.mark.parametrize("beyond", [1, 160, 8_000, 15_999, 16_001])
def test_a_part_at_the_very_end_of_a_recording_has_its_windows_whole(beyond: int) -> None:
    length = 3600 * SAMPLE_RATE + beyond
    layout = WindowLayout(hop=320)
    part = Part.of(layout, offset=3600.0, duration=3600.0)
    sound = (np.arange(part.begin, length, dtype=np.float64)[:, None],)
    found = list(cut(iter(sound), layout, part))
    assert found[-1][0].keep_end == length
    for window, samples in found:
        assert np.array_equal(samples[:, 0], np.arange(window.start, window.end))


def test_no_more_than_two_windows_and_a_block_are_held() -> None:
    layout = WindowLayout(hop=320)
    block = 65_536
    alive: list[int] = []

    class Counted(np.ndarray):
        pass

    import weakref

    living: set[int] = set()

    def blocks() -> Iterator[Block]:
        for number in range(100):
            array = np.zeros((block, 1), dtype=np.float32).view(Counted)
            living.add(number)
            weakref.finalize(array, living.discard, number)
            yield array
            del array
            alive.append(len(living))

    for _ in cut(blocks(), layout, Part.of(layout, offset=None, duration=None)):
        pass
    assert max(alive) * block <= 2 * layout.longest + 3 * block
