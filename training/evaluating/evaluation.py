"""Evaluation: labelled utterances through the handler's own path, and into counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from training.evaluating.hypotheses import ANYWHERE, Heard, Unheard, hypotheses
from training.evaluating.scores import Evaluation, Failure, UtteranceScore
from training.labels.text import TextRules
from training.scoring import (
    DEFAULT_RULES,
    Aligner,
    Normalizer,
    PairScore,
    ScoringRules,
    score_pair,
)
from training.scoring.languages import primary_subtag

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from manifests.labels import LabelledUtterance
    from training.evaluating.hypotheses import OnProgress
    from transform_handler.identity import BundleCard

__all__ = ["Evaluation", "evaluate"]


def evaluate(
    model: Path,
    utterances: Sequence[LabelledUtterance],
    *,
    name: str | None = None,
    rules: TextRules | None = None,
    scoring: ScoringRules = DEFAULT_RULES,
    normalizer: Normalizer | None = None,
    device: str | None = None,
    on_progress: OnProgress | None = None,
) -> Evaluation:
    """Transcribe ``utterances`` with the model in a folder, as a transform job would, and score.

    ``name`` is the model's in the result; ``rules`` are those of the folder, and ``normalizer``
    that of the labels' language under ``scoring``, unless they are given.

    Raises:
        InputError: no CTC model with its processor lies in the folder, or ``scoring`` has a rule
            that cannot hold in the labels' language.
    """
    from transform_handler.audio.decoder_process import DecoderProcess  # noqa: PLC0415
    from transform_handler.engine.devices import choose_device  # noqa: PLC0415
    from transform_handler.engine.loading import load_engine  # noqa: PLC0415
    from transform_handler.transcriber import Transcriber  # noqa: PLC0415

    device = device or choose_device()
    card = _card(model, name or model.name)
    # First: it says what is wrong with a folder, and the rules ask for a CTC model's tokenizer.
    engine = load_engine(model, device=device, decode=card.decode)
    rules = rules or _rules_of(model)
    rule = normalizer or scoring.normalizer_for(language_of(utterances, rules))
    with DecoderProcess() as decoder:
        transcriber = Transcriber(engine, card, decoder, ANYWHERE)
        found = hypotheses(transcriber, utterances, on_progress=on_progress)
    counting = _Counting(rules=rules, normalizer=rule, aligner=scoring.aligner)
    scores, failures = _scored(utterances, found, counting)
    return Evaluation(
        model=card.name,
        model_digest=card.model_digest,
        decode_digest=card.decode_digest,
        device=device,
        normalizer=rule.name,
        scoring=scoring,
        text_rules=rules,
        utterances=tuple(scores),
        failures=tuple(failures),
    )


@dataclass(frozen=True, kw_only=True)
class _Counting:
    """By which rules a label and a hypothesis are counted."""

    rules: TextRules
    normalizer: Normalizer
    aligner: Aligner

    def score(self, label: str, hypothesis: str) -> PairScore:
        counted = score_pair(label, hypothesis, self.normalizer, aligner=self.aligner)
        trained = self.rules.clean(label)
        written = score_pair(trained, hypothesis, self.normalizer, aligner=self.aligner)
        return replace(counted, raw=written.raw)


def _scored(
    utterances: Sequence[LabelledUtterance],
    found: Sequence[Heard | Unheard],
    counting: _Counting,
) -> tuple[list[UtteranceScore], list[Failure]]:
    scores, failures = [], []
    for one, heard in zip(utterances, found, strict=True):
        if isinstance(heard, Unheard):
            failures.append(Failure(utterance=one, kind=heard.kind, message=heard.message))
            continue
        score = counting.score(one.text, heard.text)
        scores.append(
            UtteranceScore(utterance=one, hypothesis=heard.text, seconds=heard.seconds, score=score)
        )
    return scores, failures


def language_of(utterances: Sequence[LabelledUtterance], rules: TextRules) -> str | None:
    """The one language of the labels; None, for any script, where there are several.

    Regions are no languages: ``en-GB`` and ``en-US`` are scored as English.
    """
    named = {primary_subtag(one.language or rules.language) for one in utterances}
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
        card = BundleCard.read(model)
        # The bundle's own code is not what decodes here, so its digest is not what was used.
        return BundleCard.of(name=card.name, model_digest=card.model_digest, decode=card.decode)
    return bundle_card(model, name=name, decode=DecodeSettings())


def _rules_of(model: Path) -> TextRules:
    """The text rules that the model was trained with, or the defaults in its letters' case."""
    from transformers import AutoTokenizer  # noqa: PLC0415

    from training.labels.vocabulary import vocabulary_of  # noqa: PLC0415
    from transform_handler.audio.layout import is_speech_to_text  # noqa: PLC0415
    from transform_handler.engine.checkpoints import model_config  # noqa: PLC0415

    if is_speech_to_text(model_config(model)):
        # It writes in any case, with punctuation: it has no letters to fit the rules to.
        return TextRules.read(model)
    tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
    return TextRules.read(model).fitted(vocabulary_of(tokenizer))
