"""Models on a labelled set, beside each other: what ``nightscribe evaluate`` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch.bundles import model_folder
from batch.fine_tuning.data import SETS, OnProgress, labelled_sets
from manifests.errors import InputError
from manifests.label_forms import load_labels
from manifests.labels import LabelledUtterance
from manifests.local_store import LocalStore
from training.scoring import DEFAULT_RULES, Normalizer, ScoringRules, normalizer_named

if TYPE_CHECKING:
    from batch.config import Config
    from training.evaluating.scores import Evaluation
    from training.scoring.bootstrap import Difference


@dataclass(frozen=True, kw_only=True)
class LabelledSet:
    """Utterances with their labels as they stand, and the rules that score them.

    ``scoring`` is that of the configuration, for the texts' ``language``; None: each label's own.
    """

    name: str
    utterances: Sequence[LabelledUtterance]
    language: str | None = None
    scoring: ScoringRules = DEFAULT_RULES


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A model on a set, and where it is asked for another model on the same."""

    labels: LabelledSet
    model: Evaluation
    against: Evaluation | None = None

    @property
    def difference(self) -> Difference | None:
        """The WER of ``model`` minus that of ``against``; None without a second model."""
        if self.against is None or not (self.model.utterances and self.against.utterances):
            return None
        return self.model.difference_to(self.against)

    def as_json(self) -> dict[str, Any]:
        """All figures as plain values: speakers are named, texts are not quoted."""
        difference = self.difference
        return {
            "labels": self.labels.name,
            "model": _figures(self.model),
            "against": _figures(self.against) if self.against else None,
            "difference": difference.as_json() if difference else None,
        }

    def write(self, folder: Path) -> None:
        """Write each model's figures, speakers and utterances, worst first, below ``folder``.

        Raises:
            StoreError: the folder cannot be written.
        """
        from training.evaluating.report import details  # noqa: PLC0415

        target = LocalStore(folder)
        for name, one in (("model", self.model), ("against", self.against)):
            for file, content in details(one).items() if one is not None else ():
                target.put(f"{name}/{file}", content)


def labelled_set(on: str, *, config: Path | None, language: str | None = None) -> LabelledSet:
    """The set that ``on`` names: labels in any form, or a set of the configuration's [training].

    Either is scored by the [scoring] of the configuration, where there is one.

    Raises:
        InputError: there are no such labels, or the configuration has no such set.
    """
    if on in SETS and not Path(on).exists():
        return _set_of(on, config, language)
    utterances = load_labels(on)
    if config is None:
        return LabelledSet(name=on, utterances=utterances, language=language)
    return _scored_as_in(_loaded(config), on, utterances, language)


def compare(
    model: str,
    labels: LabelledSet,
    *,
    against: str | None = None,
    on_progress: OnProgress | None = None,
) -> Comparison:
    """Evaluate one model or two on the same labels, under one rule of normalisation.

    A model is a folder, a bundle (``model.tar.gz``), an ``s3://`` location or a hub name.

    Raises:
        InputError: there is no usable model there.
    """
    rule = labels.scoring.normalizer_for(labels.language) if labels.language else None
    first = _evaluated(model, labels, rule, on_progress)
    if against is None:
        return Comparison(labels=labels, model=first)
    # The second model's own rules may name another language, or none.
    rule = normalizer_named(first.normalizer, labels.scoring.custom)
    second = _evaluated(against, labels, rule, on_progress)
    return Comparison(labels=labels, model=first, against=second)


def _evaluated(
    model: str, labels: LabelledSet, rule: Normalizer | None, on_progress: OnProgress | None
) -> Evaluation:
    from training.evaluating.evaluation import evaluate  # noqa: PLC0415

    with model_folder(model) as folder:
        return evaluate(
            folder,
            labels.utterances,
            name=model.rstrip("/"),
            scoring=labels.scoring,
            normalizer=rule,
            on_progress=on_progress,
        )


def _set_of(name: str, config: Path | None, language: str | None) -> LabelledSet:
    if config is None:
        raise InputError(
            f"--on {name}: no such file or folder here, and no configuration whose [training] "
            f"would name the set {name!r}; give one with --config, or the labels themselves"
        )
    loaded = _loaded(config)
    if loaded.training is None:
        raise InputError(f"--on {name}: {config} has no [training] section that names sets")
    sets = labelled_sets(loaded.training)
    if not sets.get(name):
        raise InputError(
            f"--on {name}: [training] of {config} has no such set; it has "
            f"{', '.join(key for key in SETS if sets.get(key))}"
        )
    return _scored_as_in(loaded, f"{name} of {config}", sets[name], language)


def _scored_as_in(
    config: Config, name: str, utterances: Sequence[LabelledUtterance], language: str | None
) -> LabelledSet:
    """A set with the rules of a configuration, whose language holds where no label has its own."""
    if not any(one.language for one in utterances):
        language = language or config.archive.language
    return LabelledSet(
        name=name, utterances=utterances, language=language, scoring=config.scoring.rules
    )


def _loaded(config: Path) -> Config:
    from batch.config import load_config  # noqa: PLC0415

    return load_config(config)


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    from training.evaluating.report import speaker_table  # noqa: PLC0415

    return {
        **evaluation.as_json(),
        "by_speaker": speaker_table(evaluation),
        "failures": [
            {"source": one.utterance.source, "kind": one.kind, "message": one.message}
            for one in evaluation.failures
        ],
    }
