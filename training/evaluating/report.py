"""What a finished training leaves: `metrics.json` and a model card, and the details beside them.

The model folder travels, so it gets counts only. What quotes labels or names speakers goes into a
folder of its own (`write_details`).
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from manifests.hashing import sha256_of
from manifests.labels import MANIFEST
from training.evaluating.card import card
from training.evaluating.scores import counts_json
from training.scoring import corpus_score
from transform_handler.identity import ENGINE_VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from manifests.labels import LabelledUtterance
    from training.evaluating.scores import Evaluation, UtteranceScore
    from training.settings import Settings

_PACKAGES = ("torch", "transformers", "numpy", "nightscribe")


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """A labelled set: the SHA-256 of its manifest, and how much is in it."""

    manifest: str
    utterances: int
    seconds: float | None
    """None where the manifest does not say how long each utterance is."""
    speakers: int
    languages: tuple[str, ...]

    @classmethod
    def of(cls, manifest: Path, utterances: Sequence[LabelledUtterance]) -> DataFacts:
        """The facts of a channel: its folder or manifest file, and what was read from it."""
        durations = [one.duration for one in utterances]
        known = [seconds for seconds in durations if seconds is not None]
        return cls(
            manifest=sha256_of(manifest / MANIFEST if manifest.is_dir() else manifest),
            utterances=len(utterances),
            seconds=round(sum(known), 3) if len(known) == len(durations) else None,
            speakers=len({one.speaker for one in utterances if one.speaker is not None}),
            languages=tuple(sorted({one.language for one in utterances if one.language})),
        )


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The base model and the fine-tuned one on the same set; no ``before`` without a base."""

    before: Evaluation | None
    after: Evaluation

    def as_json(self) -> dict[str, Any]:
        """Both, and their difference over the utterances that both transcribed."""
        return {
            "before": self.before.as_json() if self.before else None,
            "after": self.after.as_json(),
            "difference": self._difference(),
        }

    def _difference(self) -> dict[str, Any] | None:
        if self.before is None or not self.before.utterances or not self.after.utterances:
            return None
        return self.after.difference_to(self.before).as_json()


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """How fast training was: seconds of sound a second of wall clock, and on what."""

    audio_seconds_per_second: float
    device: str
    processes: int = 1


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run: what went in, what was measured around it, what it ran on."""

    settings: Settings
    name: str
    base: str | None
    base_digest: str | None
    best_step: int | None
    """The step whose weights these are: the one with the lowest validation WER."""
    base_mixed_in: float
    """The share of the base's weights in them."""
    data: Mapping[str, DataFacts]
    """By set: train, validation, test, domain."""
    steps: int
    evaluations: Mapping[str, Compared]
    """By set: validation, test, domain; without those that are not given."""
    throughput: Throughput | None = None
    resumed_at: int | None = None
    """The step at which the run was last gone on with after an interruption."""
    licence: str | None = None
    date: str = field(default_factory=lambda: datetime.now(UTC).date().isoformat())


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Write `metrics.json` and `README.md`, the model card, into the model's folder."""
    metrics = as_json(outcome)
    (folder / "metrics.json").write_bytes(_json(metrics))
    (folder / "README.md").write_text(card(metrics), "utf-8")


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain values; `before` and `after` are those of the validation set."""
    evaluations = {name: one.as_json() for name, one in outcome.evaluations.items()}
    validation = evaluations.get("validation", {})
    return {
        "name": outcome.name,
        "date": outcome.date,
        "licence": outcome.licence,
        "base": outcome.base,
        "base_digest": outcome.base_digest,
        "steps": outcome.steps,
        "best_step": outcome.best_step,
        "base_mixed_in": outcome.base_mixed_in,
        "resumed_at": outcome.resumed_at,
        "settings": asdict(outcome.settings),
        "data": {name: asdict(facts) for name, facts in outcome.data.items()},
        "before": validation.get("before"),
        "after": validation.get("after"),
        "evaluations": evaluations,
        "throughput": asdict(outcome.throughput) if outcome.throughput else None,
        "versions": versions(),
    }


def versions() -> dict[str, str | int]:
    """What ran: Python, the packages that can change a model, and the handler's engine."""
    found: dict[str, str | int] = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # A training container has the code, not the installed package.
            continue
    return {**found, "engine_version": ENGINE_VERSION}


def write_details(evaluations: Mapping[str, Compared], folder: Path) -> None:
    """Write what does not belong in a model: speakers, and utterances with both texts.

    `<set>/before/` and `<set>/after/` each get the files of `details`.
    """
    for name, compared in evaluations.items():
        for side, one in (("before", compared.before), ("after", compared.after)):
            if one is not None:
                write_files(details(one), folder / name / side)


def details(evaluation: Evaluation) -> dict[str, bytes]:
    """An evaluation in three files: its figures, its speakers, and its utterances, worst first."""
    worst = sorted(evaluation.utterances, key=lambda one: -one.score.normalized.errors)
    rows = [_row(one) for one in worst]
    rows += [
        {**_place(one.utterance), "error_kind": one.kind, "error_message": one.message}
        for one in evaluation.failures
    ]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    return {
        "evaluation.json": _json(evaluation.as_json()),
        "speakers.json": _json(speaker_table(evaluation)),
        "utterances.jsonl": "".join(lines).encode(),
    }


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write ``files`` by name into a folder that may have to be made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def speaker_table(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Counts by speaker, in the order of their names."""
    rows = []
    for speaker, scores in evaluation.by_speaker.items():
        total = corpus_score(one.score for one in scores)
        rows.append(
            {
                "speaker": speaker,
                "utterances": len(scores),
                "seconds": round(sum(one.seconds for one in scores), 3),
                **counts_json(total.normalized, "wer"),
                "cer": total.characters.rate,
            }
        )
    return rows


def _row(one: UtteranceScore) -> dict[str, Any]:
    return {
        **_place(one.utterance),
        **counts_json(one.score.normalized, "wer"),
        "text": one.utterance.text,
        "pred_text": one.hypothesis,
    }


def _place(one: LabelledUtterance) -> dict[str, Any]:
    return {
        "audio_filepath": one.audio,
        "offset": one.offset,
        "duration": one.duration,
        "channel": one.channel,
        "speaker": one.speaker,
        "source": one.source,
    }


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
