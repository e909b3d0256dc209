"""A model's counts on a labelled set, by utterance, and the rates and intervals they give.

The rates are those of the reports: same decoding, same normaliser, same alignment. What training
watches while it runs (``training.running.metrics``) is a quicker figure of its own.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from training.scoring import DEFAULT_RULES, ErrorCounts, PairScore, ScoringRules, corpus_score
from training.scoring.bootstrap import (
    ENOUGH_BLOCKS,
    Difference,
    Interval,
    by_block,
    difference,
    intervals,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from manifests.labels import LabelledUtterance
    from training.labels.text import TextRules

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
    scoring: ScoringRules = DEFAULT_RULES
    text_rules: TextRules
    utterances: tuple[UtteranceScore, ...]
    failures: tuple[Failure, ...]

    @property
    def rules(self) -> str:
        """The normaliser and the aligner, as beside every rate made with them."""
        return f"{self.normalizer}; {self.scoring.aligner.name}"

    @cached_property
    def total(self) -> PairScore:
        """The counts of all utterances added up."""
        return corpus_score(one.score for one in self.utterances)

    @property
    def empty(self) -> int:
        """Utterances in which something is said and the model writes nothing."""
        return sum(
            bool(one.utterance.text.strip()) and not one.hypothesis for one in self.utterances
        )

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
            ValueError: they have no utterance in common, or other rules scored their texts.
        """
        if self.rules != before.rules:
            raise ValueError(
                f"one evaluation is scored by {before.rules!r}, the other by {self.rules!r}; "
                "expected the same rules for both"
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
            "empty": self.empty,
            "unreadable": len(self.failures),
            "seconds": round(self.seconds, 3),
            "speakers": len(self.by_speaker),
            **counts_json(self.total.normalized, "wer"),
            "cer": self.total.characters.rate,
            "interval": {"of": self.unit, **words.as_json()},
            "cer_interval": {"of": self.unit, **characters.as_json()},
            "normalizer": self.normalizer,
            "aligner": self.scoring.aligner.name,
            "custom": self.scoring.custom.as_json(),
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
        who = "not every speaker is named"
        if all(one.utterance.speaker is not None for one in self.utterances):
            few = "one speaker is" if speakers == 1 else f"{speakers} speakers are"
            who = f"{few} too few to draw from"
        other = f"{who}: other speakers may lie outside it"
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


def _block(one: LabelledUtterance, unit: Unit) -> tuple[Any, ...]:
    """What an utterance is drawn with."""
    if unit == "speaker":
        return (one.speaker,)
    if unit == "recording":
        return (one.recording or one.audio,)
    return (one.audio, one.channel, one.offset, one.duration, one.source)
