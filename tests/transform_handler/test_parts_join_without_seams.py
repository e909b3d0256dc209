"""Words of the parts together are the words of the whole; windows change no frame."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests.local_store import uri_of_path
from manifests.pointers import Pointer
from tests.conftest import write_sound
from tests.transform_handler.stub_engine import ALPHABET, HOP, StubEngine, spoken
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import OpenSound
from transform_handler.audio.reading import open_decoder, stream
from transform_handler.decoding.greedy import MAX_WORD_SECONDS, decode_words
from transform_handler.identity import BundleCard, DecodeSettings
from transform_handler.listening import NO_GATE
from transform_handler.records import Word
from transform_handler.transcriber import Transcriber


class DecoderHere:
    """The decoder without its process."""

    def open(self, request):
        from contextlib import contextmanager

        from manifests.local_store import path_of_uri

        @contextmanager
        def opened():
            with open_decoder(path_of_uri(request.uri)) as decoder:
                yield OpenSound(
                    channels=decoder.info.channels,
                    seconds=decoder.info.seconds,
                    blocks=stream(
                        decoder, mode=request.mode, offset=request.offset, duration=request.duration
                    ),
                )

        return opened()


WITHOUT_DELIMITER = replace(ALPHABET, delimiter=None, silent=frozenset({0, 1}))
"""Of a model whose vocabulary has no symbol between words."""


def transcriber(engine: StubEngine, folder: Path) -> Transcriber:
    decode = DecodeSettings(gate=NO_GATE)
    card = BundleCard.of(name="stub", model_digest="0", decode=decode)
    allowed = AllowedPrefixes(prefixes=(uri_of_path(folder) + "/",))
    return Transcriber(engine, card, DecoderHere(), allowed)


def random_ids(seconds: float, seed: int) -> np.ndarray:
    """Words of one to eight letters with blanks between, as a model emits them."""
    random = np.random.default_rng(seed)
    ids = random.integers(0, len(ALPHABET.tokens), round(seconds * 50))
    ids[random.random(len(ids)) < 0.6] = ALPHABET.blank
    ids[random.random(len(ids)) < 0.15] = ALPHABET.delimiter
    return ids


def words_of(tool: Transcriber, path: Path, **stretch: float) -> list[Word]:
    pointer = Pointer(id="x", uri=uri_of_path(path), **stretch)
    (record,) = tool.transcribe([pointer], deadline=float("inf"))
    assert record.error is None
    return list(record.words)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seconds=st.floats(0.2, 95),
    trail=st.integers(0, HOP - 1),
    seed=st.integers(0, 99),
    batch=st.sampled_from([1, 3]),
)
def test_windowed_frames_are_the_frames_of_the_whole(
    tmp_path: Path, seconds: float, trail: int, seed: int, batch: int
) -> None:
    samples = spoken(random_ids(seconds, seed), trail=trail)
    path = write_sound(tmp_path / "x.wav", samples, subtype="FLOAT")
    engine = StubEngine()
    whole = engine.run([samples], language=None)[0]
    expected = decode_words(
        whole.ids, whole.log_probabilities, ALPHABET, seconds_per_frame=HOP / 16_000
    )
    assert words_of(transcriber(StubEngine(windows=batch), tmp_path), path) == expected


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    whole_parts=st.integers(0, 3),
    rest=st.floats(0.04, 1.5) | st.floats(0.04, 40),
    grid=st.sampled_from([20.0, 36.0, 45.0, 50.3]),
    seed=st.integers(0, 99),
)
def test_the_words_of_the_parts_are_the_words_of_the_whole(
    tmp_path: Path, whole_parts: int, rest: float, grid: float, seed: int
) -> None:
    seconds = whole_parts * grid + rest
    path = write_sound(tmp_path / "x.wav", spoken(random_ids(seconds, seed)), subtype="FLOAT")
    tool = transcriber(StubEngine(), tmp_path)
    whole = words_of(tool, path)
    parts = [
        words_of(tool, path, offset=number * grid, duration=grid)
        for number in range(int(seconds // grid) + 2)
    ]
    assert [word for part in parts for word in part] == whole


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seconds=st.floats(30, 110),
    grid=st.sampled_from([20.0, 36.0, 45.0, 50.3]),
    runs=st.lists(
        st.tuples(st.floats(0.1, 60), st.floats(0, 3), st.sampled_from([0.0, 0.5, 0.97])),
        min_size=1,
        max_size=6,
    ),
    held=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_words_of_the_parts_are_those_of_the_whole_without_a_delimiter(
    tmp_path: Path,
    *,
    seconds: float,
    grid: float,
    runs: list[tuple[float, float, float]],
    held: bool,
    seed: int,
) -> None:
    """Long runs without a pause, letters that are held, and pauses of all lengths."""
    random = np.random.default_rng(seed)
    stretches: list[np.ndarray] = []
    while sum(map(len, stretches)) < seconds * 50:
        for length, pause, blanks in runs:
            ids = random.integers(2, len(ALPHABET.tokens), max(1, round(length * 50)))
            ids = np.full_like(ids, ids[0]) if held and len(stretches) % 4 == 0 else ids
            ids[random.random(len(ids)) < blanks] = ALPHABET.blank
            stretches += [ids, np.zeros(round(pause * 50), ids.dtype)]
    ids = np.concatenate(stretches)[: round(seconds * 50)]
    path = write_sound(tmp_path / "x.wav", spoken(ids), subtype="FLOAT")
    tool = transcriber(StubEngine(alphabet=WITHOUT_DELIMITER), tmp_path)
    whole = words_of(tool, path)
    parts = [
        words_of(tool, path, offset=number * grid, duration=grid)
        for number in range(int(seconds // grid) + 2)
    ]
    assert [word for part in parts for word in part] == whole
    assert all(word.end - word.start <= MAX_WORD_SECONDS + 1e-6 for word in whole)


def test_a_recording_that_ends_just_behind_a_border_of_parts_keeps_its_last_words(
    tmp_path: Path,
) -> None:
    for extra in (0.04, 0.3, 0.5, 0.98):
        path = write_sound(tmp_path / "x.wav", spoken(random_ids(36 + extra, 5)), subtype="FLOAT")
        tool = transcriber(StubEngine(), tmp_path)
        first = words_of(tool, path, offset=0.0, duration=36.0)
        last = words_of(tool, path, offset=36.0, duration=36.0)
        assert first + last == words_of(tool, path)
