"""The confidence of a model's words, fitted to labelled speech that it was not trained on.

Whether a word is right is decided as in the reports: label and transcript are normalised and
aligned, and a word is right if all that became of it was said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.evaluating.hypotheses import ANYWHERE, Heard, hypotheses
from training.scoring import Normalizer, align_traced, normalizer_for, raw_tokens
from training.scoring.calibration import fit_logistic
from transform_handler.decoding.confidence import FEATURES, ConfidenceFit, Features, MeasuredWord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from manifests.labels import LabelledUtterance
    from training.scoring.calibration import Outcomes
    from transform_handler.identity import BundleCard
    from transform_handler.records import Word

LEAST_WORDS = 500
LEAST_OF_EACH = 10 * len(FEATURES)
"""Ten right and ten wrong words for each coefficient (Peduzzi et al. 1996): with fewer events
logistic coefficients are biased and their intervals wrong."""
_DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class JudgedWords:
    """Words that were heard in labelled speech; the arrays have a row for each.

    ``right`` says whether it was said, ``recordings`` in which utterance it was heard.
    """

    features: Features
    right: Outcomes
    raw: Features
    """The geometric means, shape (n_words,)."""
    recordings: Features


def judged(
    folder: Path, card: BundleCard, utterances: Sequence[LabelledUtterance], *, device: str = "cpu"
) -> JudgedWords:
    """Transcribe labelled speech with a model folder as ``card`` says, and judge each word.

    Words of which the normaliser leaves nothing are left out: they are neither right nor wrong.

    Raises:
        InputError: no CTC model with its processor lies in the folder.
    """
    from transform_handler.audio.decoder_process import DecoderProcess  # noqa: PLC0415
    from transform_handler.engine.loading import load_ctc_engine  # noqa: PLC0415
    from transform_handler.transcriber import Transcriber  # noqa: PLC0415

    engine = load_ctc_engine(folder, device=device, settings=card.decode).measuring()
    with DecoderProcess() as decoder:
        found = hypotheses(Transcriber(engine, card, decoder, ANYWHERE), utterances)
    rows: list[tuple[MeasuredWord, bool, int]] = []
    for number, (one, heard) in enumerate(zip(utterances, found, strict=True)):
        if isinstance(heard, Heard):
            rule = normalizer_for(one.language or "en")
            verdicts = right_words(one.text, heard.words, rule)
            rows += [
                (word, verdict, number)
                for word, verdict in zip(heard.words, verdicts, strict=True)
                if verdict is not None and isinstance(word, MeasuredWord)
            ]
    return JudgedWords(
        features=np.array([word.features for word, _, _ in rows]).reshape(-1, len(FEATURES)),
        right=np.array([verdict for _, verdict, _ in rows], dtype=bool),
        raw=np.array([word.confidence for word, _, _ in rows]),
        recordings=np.array([number for _, _, number in rows]),
    )


def right_words(label: str, words: Sequence[Word], normalizer: Normalizer) -> list[bool | None]:
    """For each word whether it was said; None where nothing of it is scored.

    A word that shares a normalised token with others ("twenty five", "25") is right with it.
    """
    aligned = align_traced(raw_tokens(label), [word.text for word in words], normalizer)
    hits = {step.hyp_index for step in aligned.ops if step.op == "hit"}
    verdicts: list[bool | None] = [None] * len(words)
    for index, token in enumerate(aligned.hypothesis):
        for place in range(token.first, token.last + 1):
            verdicts[place] = index in hits and verdicts[place] is not False
    return verdicts


def fitted(words: JudgedWords, card: BundleCard, *, labels: str) -> ConfidenceFit:
    """The fit for a bundle whose card is ``card``, or why there is none.

    ``labels`` is the digest of the labels. Coefficients have six digits: what differs beyond
    them between machines makes no other fit.
    """
    count, right = len(words.right), int(words.right.sum())
    problem = _problem(count, right)
    coefficients = None
    if problem is None:
        intercept, weights = fit_logistic(words.features, words.right)
        named = dict(zip(("intercept", *FEATURES), (intercept, *weights.tolist()), strict=True))
        coefficients = {name: float(f"{value:.{_DIGITS}g}") for name, value in named.items()}
    return ConfidenceFit(
        model_digest=card.model_digest,
        decode_digest=card.decode_digest,
        labels=labels,
        words=count,
        right=right,
        coefficients=coefficients,
        problem=problem,
    )


def _problem(count: int, right: int) -> str | None:
    if count >= LEAST_WORDS and min(right, count - right) >= LEAST_OF_EACH:
        return None
    return (
        f"{count} words were heard in the labelled speech, {right} of them right; {LEAST_WORDS} "
        f"words with {LEAST_OF_EACH} right and {LEAST_OF_EACH} wrong ones are the least for a fit"
    )
