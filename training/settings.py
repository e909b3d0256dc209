"""Hyperparameters of a training run, checked before anything is loaded."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from training.presets import PRESETS

PRECISIONS = ("no", "bf16", "fp16")
VOCABULARIES = ("auto", "base", "labels")


class SettingsError(ValueError):
    """A hyperparameter that cannot be used; the message shows name and value."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a person may set; the defaults fine-tune a base model on minutes of speech."""

    preset: str = ""
    """`ten-minutes`, `one-hour` or `ten-hours` of labels: values for what is not given."""

    name: str = ""
    """The model's name in its card."""
    base_name: str = ""
    """What the base model is called in that card; its folder's name where it is not given."""
    licence: str = ""
    """The licence under which the model may be used, for its card."""

    # How long, and how fast.
    steps: int = 150
    """Optimiser steps in all."""
    epochs: float = 0.0
    """Passes over the data; above 0 it takes the place of `steps`."""
    batch_seconds: float = 20.0
    """Seconds of sound a batch and process, padding included."""
    gradient_accumulation: int = 1
    """Batches whose gradients are summed for one step."""
    gradient_checkpointing: bool = False
    """Compute activations twice instead of keeping them: less memory, a third slower."""
    learning_rate: float = 5e-4
    """Peak, reached after the warm-up and followed by a cosine to zero."""
    warmup_steps: int = 15
    head_learning_rate_factor: float = 1.0
    """The head learns this many times as fast: worth it where its symbols are new."""
    layer_decay: float = 1.0
    """Each layer learns this share as fast as the one above it (Howard and Ruder 2018)."""
    weight_decay: float = 0.01
    adam_beta2: float = 0.98
    max_grad_norm: float = 1.0
    label_smoothing: float = 0.0
    """Weight of the distance from a uniform output, against overconfidence (Kim et al. 2018)."""

    # What is trained.
    freeze_feature_encoder: bool = True
    """Leave the convolutions as the base model has them."""
    head_only_steps: int = 0
    """Steps at the start in which only the head learns (Baevski et al. 2020)."""
    thaw_encoder_at: int | None = None
    """Step from which a frozen feature encoder learns too; never where it is not given."""
    base_share: float = 0.5
    """How much of the base model's weights is mixed into the fine-tuned ones at the end (0–1).

    Minutes of one speaker make a model forget the others; the mean of both sets of weights keeps
    most of what each knows (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
    Not used with an adapter, whose base stays as it is, nor where the head is new.
    """
    vocabulary: str = "auto"
    """`base`, `labels`, or `auto`: the base model's own where it writes the labels."""
    lora_rank: int = 0
    """Rank of low-rank updates (LoRA); 0 trains the weights themselves."""
    lora_alpha: float = 16.0
    lora_dropout: float = 0.0
    adapter_language: str = ""
    """Language code of an MMS adapter: it and the head are trained, the base is not."""
    architecture: str | None = None
    """JSON file of a `Wav2Vec2Config`: train a new model instead of a base model."""

    # When it is looked at.
    evaluation_steps: int = 50
    """Steps between evaluations, which are also the checkpoints."""
    patience: int = 0
    """Evaluations without a better one after which training ends; 0 goes on to the last step."""
    logging_steps: int = 10

    # What the model hears.
    mask_time_prob: float = 0.05
    """Share of frames hidden from the model, in spans (SpecAugment, Park et al. 2019)."""
    mask_time_length: int = 10
    mask_feature_prob: float = 0.0
    mask_feature_length: int = 10
    speed_share: float = 0.0
    """Share of utterances that are played faster or slower; so for each kind of change below."""
    reverb_share: float = 0.0
    babble_share: float = 0.0
    noise_share: float = 0.5
    clipping_share: float = 0.0
    telephone_share: float = 0.1
    codec_share: float = 0.0
    gain_db: float = 12.0
    """The level moves by up to this much, up or down, always; up to full scale at most."""
    shortest_first: bool = False
    """Short utterances first in the first epoch: a model from scratch finds the letters sooner."""
    text_rules: str = ""
    """JSON of the rules that clean the labels; those of the base model where it is not given."""

    # The machine.
    mixed_precision: str = "no"
    """`no`, `bf16` or `fp16`; the last two on a GPU only."""
    workers: int = 0
    """Processes that read sound ahead; worth it where a GPU waits for it."""
    threads: int = 0
    """Threads of a step; 0 leaves the choice to torch. Another number may give other last bits."""
    deterministic: bool = True
    """Prefer kernels that give the same bits again, where a GPU has them."""
    seed: int = 7

    def __post_init__(self) -> None:
        for name in ("steps", "evaluation_steps", "logging_steps", "gradient_accumulation"):
            self._check(name, at_least=1)
        for name in ("mask_time_length", "mask_feature_length"):
            self._check(name, at_least=1)
        for name in (
            *("batch_seconds", "learning_rate", "max_grad_norm", "lora_alpha"),
            *("head_learning_rate_factor", "layer_decay"),
        ):
            self._check(name, above=0)
        for name in (
            *("epochs", "warmup_steps", "weight_decay", "gain_db", "workers", "threads", "seed"),
            *("patience", "head_only_steps", "lora_rank"),
        ):
            self._check(name, at_least=0)
        for name in (
            *("noise_share", "telephone_share", "base_share", "label_smoothing"),
            *("speed_share", "reverb_share", "babble_share", "clipping_share", "codec_share"),
            *("lora_dropout", "mask_time_prob", "mask_feature_prob", "layer_decay"),
        ):
            self._check(name, at_least=0, at_most=1)
        self._check("adam_beta2", at_least=0, below=1)
        self._check_choice("mixed_precision", PRECISIONS)
        self._check_choice("vocabulary", VOCABULARIES)
        self._check_choice("preset", ("", *PRESETS))
        self._check_order()
        self._check_parts()

    def _check_order(self) -> None:
        if not self.epochs:
            for name in ("warmup_steps", "head_only_steps"):
                if getattr(self, name) > self.steps:
                    raise SettingsError(
                        f"{name} is {getattr(self, name)}; expected at most steps, {self.steps}"
                    )
        if self.thaw_encoder_at is not None:
            self._check_thaw(self.thaw_encoder_at)

    def _check_thaw(self, step: int) -> None:
        self._check("thaw_encoder_at", at_least=0)
        if not self.freeze_feature_encoder:
            raise SettingsError(
                f"thaw_encoder_at is {step}, but freeze_feature_encoder is false: "
                "an encoder that is not frozen cannot thaw"
            )
        if step < self.head_only_steps:
            raise SettingsError(
                f"thaw_encoder_at is {step}; expected at least head_only_steps, "
                f"{self.head_only_steps}: the feature encoder thaws last"
            )
        if not self.epochs and step >= self.steps:
            raise SettingsError(
                f"thaw_encoder_at is {step}; expected less than steps, {self.steps}"
            )

    def _check_parts(self) -> None:
        """Small parts learn inside a base that stays: one kind of them, and nothing else."""
        if self.lora_rank and self.adapter_language:
            raise SettingsError(
                f"lora_rank is {self.lora_rank} and adapter_language is "
                f"{self.adapter_language!r}; expected one of them"
            )
        for part in ("lora_rank", "adapter_language"):
            for other in ("thaw_encoder_at", "architecture"):
                if getattr(self, part) and getattr(self, other) is not None:
                    raise SettingsError(
                        f"{other} is {getattr(self, other)!r}, but {part} is "
                        f"{getattr(self, part)!r}: all but small parts of a base stays as it is"
                    )

    def _check_choice(self, name: str, known: tuple[str, ...]) -> None:
        if (value := getattr(self, name)) not in known:
            choices = ", ".join(one for one in known if one)
            raise SettingsError(f"{name} is {value!r}; expected {choices}")

    def _check(
        self,
        name: str,
        *,
        above: float | None = None,
        at_least: float | None = None,
        below: float | None = None,
        at_most: float | None = None,
    ) -> None:
        value = getattr(self, name)
        if not math.isfinite(value):
            raise SettingsError(f"{name} is {value}; expected a finite number")
        if above is not None and not value > above:
            raise SettingsError(f"{name} is {value}; expected a number above {above}")
        if at_least is not None and not value >= at_least:
            raise SettingsError(f"{name} is {value}; expected at least {at_least}")
        if below is not None and not value < below:
            raise SettingsError(f"{name} is {value}; expected a number below {below}")
        if at_most is not None and not value <= at_most:
            raise SettingsError(f"{name} is {value}; expected at most {at_most}")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Settings from names and values; SageMaker hands some values over as strings.

        A preset fills in what is not given.

        Raises:
            SettingsError: an unknown name, or a value of the wrong kind or range.
        """
        fields = {f.name: str(f.type) for f in dataclasses.fields(cls)}
        for name in given:
            if name not in fields:
                near = get_close_matches(name, fields, 1)
                hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(fields)}"
                raise SettingsError(f"unknown hyperparameter {name}{hint}")
        if "steps" in given and _convert("epochs", given.get("epochs", 0), "float"):
            raise SettingsError(
                f"steps is {given['steps']} and epochs is {given['epochs']}; expected one of them"
            )
        values = {**PRESETS.get(str(given.get("preset", "")), {}), **given}
        if "steps" in given:
            # What nobody chose gives way to what somebody did.
            most = max(0, _convert("steps", given["steps"], "int") // 10)
            for name in {"warmup_steps", "head_only_steps"} - set(given):
                default = values.get(name, getattr(cls, name))
                values[name] = min(default, most)
        return cls(**{name: _convert(name, value, fields[name]) for name, value in values.items()})

    @classmethod
    def parse(cls, source: str) -> Self:
        """Settings from a JSON object or from the path of a file that holds one."""
        text = source if source.lstrip().startswith("{") else Path(source).read_text("utf-8")
        try:
            given = json.loads(text)
        except ValueError as error:
            raise SettingsError(f"hyperparameters are not JSON: {error}") from error
        if not isinstance(given, dict):
            raise SettingsError(f"hyperparameters are {text[:60]!r}; expected a JSON object")
        return cls.of(given)


def _whole(value: Any) -> int:
    """A whole number; a tuner may write 200.0, but half a step is a mistake."""
    number = float(value)
    if not number.is_integer():
        raise ValueError(value)
    return int(number)


_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def _convert(name: str, value: Any, kind: str) -> Any:
    optional = kind.endswith(" | None")
    if optional and (value is None or value == ""):
        return None
    kind = kind.removesuffix(" | None")
    try:
        if kind == "bool":
            return value if isinstance(value, bool) else _TRUTH[str(value).lower()]
        if kind == "int":
            return _whole(value)
        if kind == "float":
            return float(value)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise SettingsError(f"{name} is {value!r}; expected a value of type {kind}") from error
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)
