"""How well a model does on labelled speech: through the handler, from summed counts.

The rates are those of the reports: same decoding, same normaliser, same alignment. What training
watches while it runs (``training.metrics``) is a quicker figure of its own.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from training.hypotheses import ANYWHERE, Unheard, hypotheses
from training.scoring import (
    ALIGNER_NAME,
    ErrorCounts,
    Normalizer,
    PairScore,
    corpus_score,
    count_errors,
    normalizer_for,
    raw_tokens,
    score_pair,
)
from training.scoring.bootstrap import (
    ENOUGH_BLOCKS,
    Difference,
    Interval,
    by_block,
    difference,
    intervals,
)
from training.text import TextRules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from manifests.labels import LabelledUtterance
    from training.hypotheses import OnProgress
    from transform_handler.identity import BundleCard

Unit = Literal["speaker", "recording", "utterance"]


@dataclass(frozen=True, kw_only=True)
class UtteranceScore:
    """What was said, what the model wrote, and the counts of both; ``seconds`` of sound."""

    utterance: LabelledUtterance
    hypothesis: str
    seconds: float
    score: PairScore


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An utterance that could not be transcribed, and is therefore in no rate."""

    utterance: LabelledUtterance
    kind: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A model's counts on one labelled set.

    In each score ``normalized`` and ``characters`` compare the label as it was given with the
    hypothesis, both normalised: they do not depend on the model's own rules, so models compare.
    ``raw`` compares the label under the model's text rules with the hypothesis as written.
    """

    model: str
    model_digest: str
    decode_digest: str
    device: str
    normalizer: str
    text_rules: TextRules
    utterances: tuple[UtteranceScore, ...]
    failures: tuple[Failure, ...]

    @cached_property
    def total(self) -> PairScore:
        """The counts of all utterances added up."""
        return corpus_score(one.score for one in self.utterances)

    @property
    def seconds(self) -> float:
        """The sound that was scored."""
        return sum(one.seconds for one in self.utterances)

    @cached_property
    def by_speaker(self) -> Mapping[str, tuple[UtteranceScore, ...]]:
        """Utterances by speaker, in the order of their names; those without one are left out."""
        found: dict[str, list[UtteranceScore]] = defaultdict(list)
        for one in self.utterances:
            if one.utterance.speaker is not None:
                found[one.utterance.speaker].append(one)
        return {name: tuple(found[name]) for name in sorted(found)}

    @cached_property
    def unit(self) -> Unit:
        """What the bootstrap draws: speakers, or recordings, or utterances where those are few."""
        utterances = [one.utterance for one in self.utterances]
        known = all(one.speaker is not None for one in utterances)
        if known and len(self.by_speaker) >= ENOUGH_BLOCKS:
            return "speaker"
        recordings = {_block(one, "recording") for one in utterances}
        if ENOUGH_BLOCKS <= len(recordings) < len(utterances):
            return "recording"
        return "utterance"

    @cached_property
    def intervals(self) -> tuple[Interval, Interval]:
        """The intervals of the word and of the character error rate."""
        _, table = self._blocks(self.utterances)
        words, characters = intervals(table[:, :2], table[:, 2:])
        return self._noted(words), self._noted(characters)

    def difference_to(self, before: Evaluation) -> Difference:
        """The WER minus that of ``before``, over the utterances that both transcribed.

        Raises:
            ValueError: they have no utterance in common, or other rules normalised their texts.
        """
        if self.normalizer != before.normalizer:
            raise ValueError(
                f"one evaluation is normalised by {before.normalizer!r}, the other by "
                f"{self.normalizer!r}; expected the same rule for both"
            )
        earlier = {one.utterance: one for one in before.utterances}
        common = [one for one in self.utterances if one.utterance in earlier]
        if not common:
            raise ValueError("the evaluations have no transcribed utterance in common")
        _, old = self._blocks([earlier[one.utterance] for one in common])
        _, new = self._blocks(common)
        found = difference((old[:, 0], old[:, 2]), (new[:, 0], new[:, 2]))
        return replace(found, note=self._noted_text(found.note))

    def as_json(self) -> dict[str, Any]:
        """Counts, rates and intervals as plain values: no texts, and no names of speakers."""
        words, characters = self.intervals
        return {
            "model": self.model,
            "model_digest": self.model_digest,
            "decode_digest": self.decode_digest,
            "device": self.device,
            "utterances": len(self.utterances) + len(self.failures),
            "scored": len(self.utterances),
            "unreadable": len(self.failures),
            "seconds": round(self.seconds, 3),
            "speakers": len(self.by_speaker),
            **counts_json(self.total.normalized, "wer"),
            "cer": self.total.characters.rate,
            "interval": {"of": self.unit, **words.as_json()},
            "cer_interval": {"of": self.unit, **characters.as_json()},
            "normalizer": self.normalizer,
            "aligner": ALIGNER_NAME,
            "as_written": {
                **counts_json(self.total.raw, "wer"),
                "text_rules": json.loads(self.text_rules.as_json()),
            },
        }

    def _blocks(self, scores: Sequence[UtteranceScore]) -> tuple[list[Any], Any]:
        """Blocks and their (word errors, character errors, words, characters) of reference."""
        rows = [
            (
                one.score.normalized.errors,
                one.score.characters.errors,
                one.score.normalized.reference_words,
                one.score.characters.reference_words,
            )
            for one in scores
        ]
        names, table = by_block([_block(one.utterance, self.unit) for one in scores], rows)
        return names, table.reshape(-1, 4)

    def _noted(self, found: Interval) -> Interval:
        return replace(found, note=self._noted_text(found.note))

    def _noted_text(self, note: str | None) -> str | None:
        speakers = len(self.by_speaker)
        if self.unit == "speaker" or not self.utterances:
            return note
        known = f"{speakers} speakers are" if speakers > 1 else "one speaker is"
        who = f"{known} too few to draw from" if speakers else "the speakers are not named"
        other = f"{who}, so that it says nothing of other speakers"
        return f"{note}; {other}" if note else other


def counts_json(counts: ErrorCounts, rate: str) -> dict[str, Any]:
    """Counts under the names of ``metrics.json``, and their rate under ``rate``."""
    return {
        rate: counts.rate,
        "substitutions": counts.substitutions,
        "deletions": counts.deletions,
        "insertions": counts.insertions,
        "reference_words": counts.reference_words,
    }


def evaluate(
    model: Path,
    utterances: Sequence[LabelledUtterance],
    *,
    name: str | None = None,
    rules: TextRules | None = None,
    normalizer: Normalizer | None = None,
    device: str | None = None,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Transcribe ``utterances`` with the model in a folder, as a transform job would, and score.

    ``name`` is the model's in the result; ``rules`` are those of the folder, and ``normalizer``
    that of the labels' language, unless they are given.

    Raises:
        InputError: no CTC model with its processor lies in the folder.
    """
    from transform_handler.decoder_process import DecoderProcess  # noqa: PLC0415
    from transform_handler.engine import choose_device, load_engine  # noqa: PLC0415
    from transform_handler.transcriber import Transcriber  # noqa: PLC0415

    device = device or choose_device()
    card = _card(model, name or model.name)
    rules = rules or _rules_of(model)
    rule = normalizer or normalizer_for(_language(utterances, rules))
    engine = load_engine(model, device=device)
    with DecoderProcess() as decoder:
        transcriber = Transcriber(engine, card, decoder, ANYWHERE)
        found = hypotheses(transcriber, utterances, on_progress=on_progress)
    pairs = list(zip(utterances, found, strict=True))
    return Evaluation(
        model=card.name,
        model_digest=card.model_digest,
        decode_digest=card.decode_digest,
        device=device,
        normalizer=rule.name,
        text_rules=rules,
        utterances=tuple(
            UtteranceScore(
                utterance=one,
                hypothesis=heard.text,
                seconds=heard.seconds,
                score=_score(one.text, heard.text, rules, rule),
            )
            for one, heard in pairs
            if not isinstance(heard, Unheard)
        ),
        failures=tuple(
            Failure(utterance=one, kind=heard.kind, message=heard.message)
            for one, heard in pairs
            if isinstance(heard, Unheard)
        ),
    )


def _score(label: str, hypothesis: str, rules: TextRules, normalizer: Normalizer) -> PairScore:
    written = count_errors(raw_tokens(rules.clean(label)), raw_tokens(hypothesis))
    return replace(score_pair(label, hypothesis, normalizer), raw=written)


def _block(one: LabelledUtterance, unit: Unit) -> tuple[Any, ...]:
    """What an utterance is drawn with."""
    if unit == "speaker":
        return (one.speaker,)
    if unit == "recording":
        return (one.recording or one.audio,)
    return (one.audio, one.channel, one.offset, one.duration, one.source)


def _language(utterances: Sequence[LabelledUtterance], rules: TextRules) -> str | None:
    """The one language of the labels; None, for any script, where there are several."""
    named = {one.language or rules.language for one in utterances}
    return named.pop() if len(named) == 1 else None


def _card(model: Path, name: str) -> BundleCard:
    """The card of an unpacked bundle, whose decoding then holds, or one for a model folder."""
    from transform_handler.bundle import bundle_card  # noqa: PLC0415
    from transform_handler.identity import (  # noqa: PLC0415
        CARD_NAME,
        BundleCard,
        DecodeSettings,
    )

    if (model / CARD_NAME).is_file():
        return BundleCard.read(model)
    return bundle_card(model, name=name, decode=DecodeSettings())


def _rules_of(model: Path) -> TextRules:
    """The text rules that the model was trained with, or the defaults in its letters' case."""
    from transformers import AutoTokenizer  # noqa: PLC0415

    from training.vocabulary import vocabulary_of  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
    return TextRules.read(model).fitted(vocabulary_of(tokenizer))
