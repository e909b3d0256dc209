"""Which decoder a bundle's card asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests.errors import InputError
from tests.transform_handler.distributions import SECONDS_PER_FRAME, letters, says, scores_of
from tests.transform_handler.test_language_model import ARPA
from transform_handler.decoding.beam_decoder import BeamDecoder
from transform_handler.decoding.decoder import GreedyDecoder, WordDecoder, decoder_for
from transform_handler.decoding.greedy import Alphabet, decode_words
from transform_handler.identity import BeamSettings, DecodeSettings


def decoder(
    folder: Path, beam: BeamSettings | None, alphabet: Alphabet | None = None
) -> WordDecoder:
    settings = DecodeSettings(method="beam" if beam else "greedy", beam=beam)
    return decoder_for(settings, folder, alphabet or letters(), SECONDS_PER_FRAME)


def test_greedy_is_the_default_and_needs_no_distribution(tmp_path: Path) -> None:
    found = decoder(tmp_path, None)
    frames = scores_of(says("hello all", letters()))
    assert isinstance(found, GreedyDecoder)
    assert not found.needs_distribution
    assert found.words(frames, first_frame=9) == decode_words(
        frames.ids,
        frames.log_probabilities,
        letters(),
        seconds_per_frame=SECONDS_PER_FRAME,
        first_frame=9,
    )


def test_a_beam_reads_hot_words_and_language_model_from_the_bundle(tmp_path: Path) -> None:
    folder = tmp_path / "decode"
    folder.mkdir()
    (folder / "hot_words.txt").write_text("Agatha\n", "utf-8")
    (folder / "language_model.arpa").write_text(ARPA)
    settings = BeamSettings(
        beam_width=8,
        language_model="x",
        lm_weight=0.5,
        word_bonus=2.0,
        hot_words="y",
        hot_word_boost=2.5,
    )
    found = decoder(tmp_path, settings)
    assert isinstance(found, BeamDecoder)
    assert found.needs_distribution
    assert found.search.width == 8
    scores = found.search.scores
    assert scores.word_bonus == 2.0
    assert scores.language_model is not None
    assert (scores.language_model.weight, scores.language_model.expected) == (0.5, {"agatha"})
    assert scores.extended(scores.start, "aga")[1] == pytest.approx(7.5)
    words = found.words(scores_of(says("red wine", letters())), first_frame=0)
    assert [word.text for word in words] == ["red", "wine"]


@pytest.mark.parametrize(
    "settings",
    [
        BeamSettings(beam_width=4, language_model="x", lm_weight=0.5),
        BeamSettings(beam_width=4, hot_words="y", hot_word_boost=1.0),
    ],
)
def test_a_vocabulary_that_does_not_part_words_takes_neither(
    tmp_path: Path, settings: BeamSettings
) -> None:
    alphabet = letters(delimiter=None)
    with pytest.raises(InputError, match="a model that parts words"):
        decoder(tmp_path, settings, alphabet)
    assert decoder(tmp_path, BeamSettings(beam_width=4), alphabet).needs_distribution


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (BeamSettings(beam_width=4, language_model="x"), r"no language_model\.\*"),
        (BeamSettings(beam_width=4, hot_words="y"), r"hot_words\.txt: No such file"),
    ],
)
def test_what_a_bundle_lacks_is_named(tmp_path: Path, settings: BeamSettings, said: str) -> None:
    with pytest.raises(InputError, match=said):
        decoder(tmp_path, settings)
