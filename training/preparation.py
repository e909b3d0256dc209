"""What a run begins with: the model, the text rules, the data, and what makes the run this one."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from manifests.hashing import sha256_of
from manifests.labels import LabelledUtterance, read_labels
from training.augment import Augmentation
from training.job import Job
from training.labels.batching import Heard
from training.labels.data import OtherVoices, SpeechDataset, trainable
from training.labels.text import TextRules
from training.labels.vocabulary import SYMBOLS_FILE, Vocabulary, fit_text, read_vocabulary
from training.models.head import fit_head, is_pretrained_only, load_pretrained
from training.models.model import Acoustic, load_base, new_model
from training.settings import Settings
from transform_handler.identity import digest_of, model_digest

if TYPE_CHECKING:
    from training.labels.vocabulary import Mode

# Settings that leave the course of a run as it is, and a path whose content counts instead.
_NOT_THE_COURSE = frozenset(
    {
        "name",
        "base_name",
        "licence",
        "preset",
        "logging_steps",
        "workers",
        "threads",
        "architecture",
    }
)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A model and its data before the first step."""

    acoustic: Acoustic
    rules: TextRules
    base_weights: Mapping[str, Any] | None
    """What is mixed in at the end."""
    train: SpeechDataset
    validation: SpeechDataset | None
    heard: Heard
    run: Mapping[str, Any]
    """All that fixes the course of the run, by name: a checkpoint of another is refused."""


def prepare(job: Job) -> Prepared:
    """Load, clean and check everything.

    Raises:
        ValueError: the model, the labels or the settings cannot be used; the message says why.
    """
    settings = job.settings
    labels = read_labels(job.train)
    for held_out in filter(None, (job.test, job.domain)):
        # They are scored when hours have been paid for: what is wrong with them is said now.
        read_labels(held_out)
    acoustic, rules, same_head = _model(job, [u.text for u in labels])
    # Only what wrote the same symbols before has something to keep: half of an encoder that wrote
    # others would spoil what was learnt. A frozen base, under an adapter, forgets nothing.
    mixed = same_head and settings.base_share and not settings.adapter_language
    weights = acoustic.weights() if mixed else None
    if settings.lora_rank:
        _add_lora(acoustic, settings)
    train = _cleaned(labels, rules)
    validation = _cleaned(read_labels(job.validation), rules) if job.validation else []
    augmentation = _augmentation(settings, train)
    usable = trainable(
        train,
        output_length=acoustic.output_length,
        vocabulary=acoustic.vocabulary,
        shortest_share=augmentation.shortest_share,
    )
    if not usable:
        raise ValueError(f"{job.train}: all {len(train)} utterances are too short for their texts")
    data = SpeechDataset(
        usable,
        vocabulary=acoustic.vocabulary,
        normalise=acoustic.normalise,
        augment=augmentation,
    )
    return Prepared(
        acoustic=acoustic,
        rules=rules,
        base_weights=weights,
        train=data,
        validation=SpeechDataset(
            validation, vocabulary=acoustic.vocabulary, normalise=acoustic.normalise
        )
        if validation
        else None,
        heard=_heard(data, augmentation),
        run=_facts(job, usable, validation, acoustic.vocabulary),
    )


def _model(job: Job, texts: Sequence[str]) -> tuple[Acoustic, TextRules, bool]:
    """The model with a head for the labels, the rules in its case, and whether the head is old."""
    settings, base = job.settings, job.base
    rules = _rules(job)
    if base is None:
        vocabulary, rules = _fitted(job, None, texts, rules)
        return new_model(Path(settings.architecture or ""), vocabulary), rules, False
    if settings.adapter_language:
        return _adapted(job, base, texts, rules)
    if is_pretrained_only(base):
        vocabulary, rules = _fitted(job, None, texts, rules)
        return load_pretrained(base, vocabulary, seed=settings.seed), rules, False
    acoustic = load_base(base)
    own = acoustic.vocabulary
    vocabulary, rules = _fitted(job, own, texts, rules)
    fitted = fit_head(acoustic, vocabulary, seed=settings.seed)
    return fitted, rules, vocabulary == own


def _fitted(
    job: Job, own: Vocabulary | None, texts: Sequence[str], rules: TextRules
) -> tuple[Vocabulary, TextRules]:
    """The vocabulary that the data check chose and left beside the labels; else one chosen here.

    The check chose it on all labels. On those that it kept, another character may be rare.
    """
    folder = job.train if job.train.is_dir() else job.train.parent
    if job.settings.vocabulary != "base" and (folder / SYMBOLS_FILE).is_file():
        vocabulary = read_vocabulary(folder / SYMBOLS_FILE)
        return vocabulary, rules.fitted(vocabulary)
    mode: Mode = "labels" if own is None else cast("Mode", job.settings.vocabulary)
    return fit_text(own, texts, rules=rules, mode=mode)


def _adapted(
    job: Job, base: Path, texts: Sequence[str], rules: TextRules
) -> tuple[Acoustic, TextRules, bool]:
    from training.models.adapting import load_with_adapter  # noqa: PLC0415

    settings, vocabulary = job.settings, None
    if settings.vocabulary == "labels":
        vocabulary, _ = _fitted(job, None, texts, rules)
    acoustic = load_with_adapter(base, settings.adapter_language, vocabulary, seed=settings.seed)
    return acoustic, rules.fitted(acoustic.vocabulary), vocabulary is None


def _add_lora(acoustic: Acoustic, settings: Settings) -> None:
    from training.models.adapting import add_lora  # noqa: PLC0415

    add_lora(
        acoustic.network,
        rank=settings.lora_rank,
        alpha=settings.lora_alpha,
        dropout=settings.lora_dropout,
        seed=settings.seed,
    )


def _rules(job: Job) -> TextRules:
    if job.settings.text_rules:
        return TextRules.parse(job.settings.text_rules)
    return TextRules.read(job.base) if job.base else TextRules()


def _cleaned(labels: Sequence[LabelledUtterance], rules: TextRules) -> list[LabelledUtterance]:
    """The driver's data check has cleaned them already; a second time changes nothing."""
    return [replace(one, text=rules.clean(one.text)) for one in labels]


def _augmentation(settings: Settings, train: Sequence[LabelledUtterance]) -> Augmentation:
    return Augmentation(
        seed=settings.seed,
        speed=settings.speed_share,
        reverb=settings.reverb_share,
        babble=settings.babble_share,
        voices=OtherVoices(train),
        noise=settings.noise_share,
        clipping=settings.clipping_share,
        telephone=settings.telephone_share,
        codec=settings.codec_share,
        gain_db=settings.gain_db,
    )


def _heard(data: SpeechDataset, augmentation: Augmentation) -> Heard:
    def seconds(epoch: int, position: int) -> float:
        return augmentation.seconds_after(lengths[position], epoch, data.utterances[position].key)

    lengths = data.seconds
    return seconds


def _facts(
    job: Job,
    train: Sequence[LabelledUtterance],
    validation: Sequence[LabelledUtterance],
    vocabulary: Vocabulary,
) -> dict[str, Any]:
    settings = dataclasses.asdict(job.settings)
    return {
        **{name: value for name, value in settings.items() if name not in _NOT_THE_COURSE},
        "base": model_digest(job.base) if job.base else None,
        "new model": sha256_of(Path(job.settings.architecture))
        if job.settings.architecture
        else "",
        "training labels": _digest(train),
        "validation labels": _digest(validation),
        "symbols": digest_of(dict(vocabulary.ids)),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
    }


def _digest(utterances: Sequence[LabelledUtterance]) -> str:
    """By names, not by paths: a channel may be mounted anywhere."""
    return digest_of({"utterances": [[u.key, u.text, u.duration] for u in utterances]})
