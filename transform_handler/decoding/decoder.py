"""Which decoder a bundle asks for, and what every decoder is to the rest of the handler."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Protocol

from manifests.errors import InputError
from transform_handler.decoding.beam import BeamSearch
from transform_handler.decoding.beam_decoder import BeamDecoder
from transform_handler.decoding.confidence import GEOMETRIC_MEAN, Confidence, confidence_in
from transform_handler.decoding.greedy import Alphabet, decode_words
from transform_handler.decoding.hot_words import HotWords, spelled
from transform_handler.decoding.language_model import LanguageModel
from transform_handler.decoding.symbols import Symbols
from transform_handler.decoding.text_scores import TextScores
from transform_handler.engine.frames import FrameScores
from transform_handler.identity import DECODE_FOLDER, BeamSettings, DecodeSettings
from transform_handler.records import Word

HOT_WORDS_NAME = "hot_words.txt"
LANGUAGE_MODEL_STEM = "language_model"


class WordDecoder(Protocol):
    """Scores of consecutive frames into words."""

    @property
    def needs_distribution(self) -> bool:
        """Whether the scores of all symbols are needed, not only the best one's."""
        ...

    def words(self, frames: FrameScores, *, first_frame: int) -> list[Word]:
        """The words of consecutive frames; ``first_frame`` is the absolute index of the first."""
        ...

    def measuring(self) -> WordDecoder:
        """The same decoder, whose words are ``MeasuredWord``."""
        ...


@dataclass(frozen=True, kw_only=True)
class GreedyDecoder:
    """The best symbol of each frame."""

    alphabet: Alphabet
    seconds_per_frame: float
    confidence: Confidence = GEOMETRIC_MEAN
    needs_distribution: ClassVar[bool] = False

    def words(self, frames: FrameScores, *, first_frame: int) -> list[Word]:
        """As ``decode_words``."""
        return decode_words(
            frames.ids,
            frames.log_probabilities,
            self.alphabet,
            seconds_per_frame=self.seconds_per_frame,
            first_frame=first_frame,
            confidence=self.confidence,
        )

    def measuring(self) -> GreedyDecoder:
        """The same decoder, whose words are ``MeasuredWord``."""
        return replace(self, confidence=Confidence(measuring=True))


def decoder_for(
    settings: DecodeSettings, folder: Path, alphabet: Alphabet, seconds_per_frame: float
) -> WordDecoder:
    """The decoder of the bundle unpacked in ``folder``.

    Raises:
        InputError: a language model that is not there or cannot be read, hot words that the
            alphabet cannot spell, or either with an alphabet that does not part words; or a fit
            of confidence that is not there.
    """
    confidence = confidence_in(folder, settings)
    if settings.beam is None:
        return GreedyDecoder(
            alphabet=alphabet, seconds_per_frame=seconds_per_frame, confidence=confidence
        )
    return BeamDecoder(
        alphabet=alphabet,
        seconds_per_frame=seconds_per_frame,
        confidence=confidence,
        search=_search(settings.beam, folder / DECODE_FOLDER, alphabet),
    )


def _search(settings: BeamSettings, folder: Path, alphabet: Alphabet) -> BeamSearch:
    symbols = Symbols.of(alphabet)
    hot = hot_words_in(folder, settings, symbols)
    scores = TextScores(
        language_model=_language_model(settings, folder, hot),
        hot_words=HotWords(hot, boost=settings.hot_word_boost) if hot else None,
        word_bonus=settings.word_bonus,
    )
    return BeamSearch(symbols=symbols, scores=scores, width=settings.beam_width)


def hot_words_in(folder: Path, settings: BeamSettings, symbols: Symbols) -> tuple[str, ...]:
    """The hot words in a bundle's ``decode/`` folder, in the model's letters.

    Raises:
        InputError: they are not there, the model cannot spell them, or it does not part words,
            which a language model needs as well.
    """
    if (settings.language_model or settings.hot_words) and not symbols.part_words:
        raise InputError(
            "[decode] a language model and hot words need a model that parts words, by a "
            "delimiter or by SentencePiece's ▁; this one's vocabulary has neither"
        )
    if not settings.hot_words:
        return ()
    path = folder / HOT_WORDS_NAME
    try:
        return spelled(path.read_text("utf-8").splitlines(), symbols)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; the bundle's card says it is there") from error


def _language_model(
    settings: BeamSettings, folder: Path, hot: tuple[str, ...]
) -> LanguageModel | None:
    if not settings.language_model:
        return None
    found = sorted(folder.glob(f"{LANGUAGE_MODEL_STEM}.*"))
    if not found:
        raise InputError(
            f"{folder}: no {LANGUAGE_MODEL_STEM}.*; the bundle's card says it is there"
        )
    expected = frozenset(word for entry in hot for word in entry.split())
    return LanguageModel.read(found[0], weight=settings.lm_weight, expected=expected)
