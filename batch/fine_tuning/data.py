"""Labelled speech for a training job: read in any form, split, cleaned, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch.config import TrainingSection
from manifests.errors import InputError
from manifests.label_forms import load_labels
from manifests.labels import LabelledUtterance
from manifests.splits import split_labels

if TYPE_CHECKING:
    from training.checks import DataCheck
    from training.labels.text import TextRules
    from training.labels.vocabulary import Vocabulary

SETS = ("train", "validation", "test", "domain")
OnProgress = Callable[[int, int], None]
"""Told how many of how many are done."""


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What goes into training, and what was found wrong with the rest."""

    check: DataCheck
    rules: TextRules
    vocabulary: Vocabulary | None
    """Symbols chosen from all labels, those kept and others; None where the base's own are used."""

    @property
    def sets(self) -> Mapping[str, Sequence[LabelledUtterance]]:
        """The utterances that are kept, by set."""
        return self.check.kept


def load_training_data(
    section: TrainingSection, base: Path, *, language: str, on_progress: OnProgress | None = None
) -> TrainingData:
    """Read, split and check the sets of ``[training]``; ``base`` is the base model's folder.

    Raises:
        InputError: labels that cannot be read or split, or a set with nothing left.
    """
    from training.checks import CheckLimits, check_labels  # noqa: PLC0415
    from training.labels.text import TextRules  # noqa: PLC0415
    from training.labels.vocabulary import fit_text  # noqa: PLC0415

    # First: a base of another kind is told before labels are read.
    output_length = frames_of(base)
    sets = labelled_sets(section)
    mode = str(section.settings.get("vocabulary", "auto"))
    known = _vocabulary(base)
    try:
        vocabulary, rules = fit_text(
            known,
            [one.text for one in sets["train"]],
            rules=TextRules(language=language, numbers=section.numbers),
            mode=mode,  # type: ignore[arg-type] # checked with the other settings
        )
    except ValueError as error:
        raise InputError(f"[training] train {section.train!r}: {error}") from error
    check = check_labels(
        sets,
        rules=rules,
        vocabulary=vocabulary,
        output_length=output_length,
        # Who asks for single utterances has been told that recordings are on both sides.
        limits=CheckLimits(recordings="warn" if section.split_by == "utterance" else "quarantine"),
        on_progress=on_progress,
    )
    for name in sets:
        if not check.kept.get(name):
            raise InputError(
                f"[training] {name}: of {len(sets[name])} utterances none passed the data check:\n"
                + "\n".join(check.lines())
            )
    return TrainingData(
        check=check, rules=rules, vocabulary=None if vocabulary == known else vocabulary
    )


def labelled_sets(section: TrainingSection) -> dict[str, list[LabelledUtterance]]:
    """The sets as they are named, as the labels of ``train`` say, or else cut from ``train``.

    A ``split`` that the labels carry themselves wins over a cut of ours.
    """
    given = {name: load_labels(place) for name in SETS if (place := getattr(section, name))}
    train = given.pop("train")
    if any(one.split for one in train):
        given = {**_presplit(train, section.train), **given}
        train = given.pop("train")
    if "validation" in given:
        return {"train": train, **given}
    shares = {"validation": section.validation_share}
    if "test" not in given:
        shares["test"] = section.test_share
    shares = {name: share for name, share in shares.items() if share > 0}
    if not shares:
        return {"train": train, **given}
    try:
        # Not the seed of training: runs that differ in it are compared on the same sets.
        cut = split_labels(
            train,
            by=section.split_by,
            shares={"train": 1 - sum(shares.values()), **shares},
            seed=section.split_seed,
        )
    except InputError as error:
        raise InputError(
            f"[training] train, cut by split_by = {section.split_by!r}: {error}"
        ) from error
    return {**cut, **given}


_SPLIT_NAMES = {"train": "train", "validation": "validation", "test": "test"} | {
    "dev": "validation",
    "valid": "validation",
    "eval": "test",
}


def _presplit(train: Sequence[LabelledUtterance], place: str) -> dict[str, list[LabelledUtterance]]:
    found: dict[str, list[LabelledUtterance]] = {}
    for one in train:
        name = _SPLIT_NAMES.get((one.split or "").lower())
        if name is None:
            raise InputError(
                f"{one.source}: split {one.split!r}; where labels carry a split, each has one of "
                f"{', '.join(_SPLIT_NAMES)}"
            )
        found.setdefault(name, []).append(one)
    if "train" not in found:
        raise InputError(f"[training] train {place!r}: no utterance has the split 'train'")
    return found


def _vocabulary(base: Path) -> Vocabulary | None:
    """The base's own symbols; None where it was only pretrained and has none.

    Raises:
        InputError: the files of its tokenizer are not whole.
    """
    if not (base / "vocab.json").is_file():
        return None
    from transformers import AutoTokenizer  # noqa: PLC0415

    from training.labels.vocabulary import vocabulary_of  # noqa: PLC0415

    try:
        return vocabulary_of(AutoTokenizer.from_pretrained(base))
    # A tokenizer of another kind of model lacks attributes.
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{base}: no tokenizer of a CTC model: {error}") from error


def frames_of(base: Path) -> Callable[[int], int]:
    """How many frames the model gives for a number of samples at 16 kHz; its weights stay unread.

    Raises:
        InputError: no configuration of a CTC model lies there.
    """
    import torch  # noqa: PLC0415
    from transformers import AutoConfig, AutoModelForCTC  # noqa: PLC0415

    try:
        config = AutoConfig.from_pretrained(base)
        with torch.device("meta"):
            network: Any = AutoModelForCTC.from_config(config)
    except (OSError, ValueError) as error:
        raise InputError(f"{base}: not a CTC model: {error}") from error
    return lambda samples: int(network._get_feat_extract_output_lengths(samples))  # noqa: SLF001
