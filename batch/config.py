"""The configuration: one TOML file, checked whole before anything is done.

Relative paths are relative to the file. A key that is not known is an error that names the
nearest one that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from batch.config_file import apply_override, explained, read_toml, resolved
from manifests.errors import InputError
from manifests.recordings import DEFAULT_INCLUDE
from training.scoring import ALIGNERS, CustomRules, ScoringRules, normalizer_for

Location = Annotated[str, Field(min_length=1)]
"""A path or a URI."""
Labels = Location
"""A path or a URI of labelled speech, or ``form:path``, or ``dataset:name#split``."""


Day = Annotated[str, BeforeValidator(str), Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
"""TOML has dates of its own, and a person may write either."""
RoleArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ArchiveSection(_Section):
    """[archive] what to transcribe.

    New recordings younger than ``settle_minutes`` may still be written to: the next run takes them.
    ``inventory`` is the folder of an S3 Inventory of the bucket; what came since is listed below
    ``recent``, the beginning of a recording's path by its day.
    """

    uri: Location
    include: list[str] = list(DEFAULT_INCLUDE)
    exclude: list[str] = []
    settle_minutes: Annotated[float, Field(ge=0, le=10080)] = 0
    inventory: Location | None = None
    recent: Annotated[str, Field(min_length=1)] | None = None
    channels: Literal["mix", "split"] = "mix"
    metadata: Location | None = None
    language: str = "en"


class ReferencesSection(_Section):
    """[references] what was really said, where that is known.

    ``scored`` is a UEM file: the regions that were transcribed.
    """

    uri: Location
    scored: Location | None = None


class ModelSection(_Section):
    """[model] what transcribes.

    ``held_out`` is labelled speech that the model was not trained on. When the bundle is made, the
    confidence of words is fitted on it, and ``fast`` is checked on it; ``accept`` takes ``fast``
    whatever comes out.
    """

    uri: Location
    precision: Literal["exact", "fast"] = "exact"
    held_out: Labels | None = None
    accept: bool = False


class DecodeSection(_Section):
    """[decode] how a CTC model's scores become words; docs/engine-decoding.md has the figures.

    Without ``method`` a model folder is decoded greedily, and a bundle as its card says.
    """

    method: Literal["greedy", "beam"] | None = None
    beam_width: Annotated[int, Field(ge=1, le=1024)] = 16
    language_model: Location | None = None
    lm_weight: Annotated[float, Field(ge=0, le=10)] = 0.5
    word_bonus: Annotated[float, Field(ge=-10, le=10)] | None = None
    hot_words: list[Annotated[str, Field(min_length=1)]] = []
    hot_word_boost: Annotated[float, Field(gt=0, le=20)] = 2.0


class OutputSection(_Section):
    """[output] where runs, transcripts and reports go."""

    uri: Location


class PlatformSection(_Section):
    """[platform] where jobs are carried out."""

    name: Literal["local", "sagemaker"] = "local"


class RunSection(_Section):
    """[run] which recordings a run takes on."""

    on_model_change: Literal["new-only", "all"] = "new-only"


class TransformSection(_Section):
    """[transform] how transform jobs are cut; none of it changes a transcript."""

    workers: Annotated[int, Field(ge=1, le=256)] | None = None
    shard_minutes: Annotated[float, Field(gt=0, le=600)] | None = None
    rounds: Annotated[int, Field(ge=1, le=10)] = 3

    instances: Annotated[list[str], Field(min_length=1)] = ["ml.m5.xlarge"]
    instance_count: Annotated[int, Field(ge=1, le=64)] = 1
    deadline_hours: Annotated[float, Field(gt=0, le=120)] | None = None
    price_per_hour: Annotated[float, Field(gt=0)] | None = None
    price_date: Day | None = None


class ScheduleSection(_Section):
    """[schedule] when EventBridge starts a run; ``window`` is local time in ``timezone``."""

    window: Annotated[str, Field(pattern=r"^\d{2}:\d{2}-\d{2}:\d{2}$")] = "22:00-06:00"
    timezone: Annotated[str, Field(min_length=1)] = "UTC"
    days: Annotated[str, Field(min_length=1)] = "mon-sun"
    instance: Annotated[str, Field(min_length=1)] = "ml.t3.medium"


class ScoringSection(_Section):
    """[scoring] which spellings count as one, and how words are aligned; docs/scoring.md."""

    aligner: Literal["unit", "sclite"] = "unit"
    equivalences: list[str] = []
    fillers: list[str] = []

    @property
    def custom(self) -> CustomRules:
        """The project's own rules, for a normaliser."""
        return CustomRules(equivalences=tuple(self.equivalences), fillers=tuple(self.fillers))

    @property
    def rules(self) -> ScoringRules:
        """The section as what counts errors is given it."""
        return ScoringRules(aligner=ALIGNERS[self.aligner], custom=self.custom)


class ReportSection(_Section):
    """[report] what is compared, and when a run counts as a failure (exit code 3).

    ``meeting`` is the metadata column that says which recordings are of one meeting. ``golden`` is
    a fixed set of recordings with references, transcribed once for each model and setting.
    ``verdicts`` is a file that reviewers exported from a page: every report applies it. ``clips``
    is how many of the worst places get a short sound beside the page; 0: none.
    """

    meeting: str | None = None
    golden: Location | None = None
    golden_references: Location | None = None
    golden_metadata: Location | None = None
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.003
    fail_when_worse: bool = False
    verdicts: Location | None = None

    max_error_share: Annotated[float, Field(ge=0, le=1)] | None = None
    min_coverage: Annotated[float, Field(ge=0, le=1)] | None = None
    max_wer: Annotated[float, Field(ge=0)] | None = None
    clips: Annotated[int, Field(ge=0, le=2000)] = 200


class RetentionSection(_Section):
    """[retention] what goes after so many days; without a number nothing does.

    ``history_days``: superseded rows. ``runs_days``: shards and outputs of finished runs.
    ``reports_days``: reports, but the newest. Current rows and the ledger stay.
    """

    history_days: Annotated[int, Field(ge=1)] | None = None
    runs_days: Annotated[int, Field(ge=1)] | None = None
    reports_days: Annotated[int, Field(ge=1)] | None = None


class TrainingSection(_Section):
    """[training] fine-tuning; ``settings`` go to the training code as they are."""

    train: Labels
    validation: Labels | None = None
    test: Labels | None = None
    domain: Labels | None = None
    base: Location | None = None
    name: Annotated[str, Field(min_length=1)] = "fine-tuned"
    licence: str | None = None
    split_by: Literal["speaker", "recording", "utterance"] = "speaker"
    split_seed: int = 7
    validation_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    test_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    numbers: Literal["quarantine", "verbalise"] = "quarantine"
    max_quarantined: Annotated[float, Field(ge=0, le=1)] = 0.05
    settings: dict[str, str | int | float | bool] = {}

    platform: Literal["local", "sagemaker"] = "local"
    instances: Annotated[list[str], Field(min_length=1)] = ["ml.g5.xlarge"]
    instance_count: Annotated[int, Field(ge=1, le=64)] = 1
    spot: bool = False
    max_hours: Annotated[float, Field(gt=0, le=672)] = 24.0
    max_wait_hours: Annotated[float, Field(gt=0, le=1344)] | None = None
    keep_alive_minutes: Annotated[int, Field(ge=0, le=60)] = 0
    volume_gb: Annotated[int, Field(ge=1, le=16384)] = 100
    input_mode: Literal["File", "FastFile"] = "File"
    price_per_hour: Annotated[float, Field(gt=0)] | None = None


class SageMakerSection(_Section):
    """[sagemaker] the account: who the jobs are, and what they may reach.

    What is not named here is read from the outputs of ``stack``, which 'nightscribe deploy' makes.
    """

    stack: Annotated[str, Field(min_length=1)] | None = None
    role: RoleArn | None = None
    training_role: RoleArn | None = None
    driver_role: RoleArn | None = None
    scheduler_role: RoleArn | None = None
    topic: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:sns:")] | None = None
    schedule_group: str | None = None
    dead_letter_queue: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:sqs:")] | None = None
    region: str | None = None
    training_image: str | None = None
    inference_image: str | None = None
    driver_image: str | None = None
    subnets: list[str] = []
    security_groups: list[str] = []
    kms_key: str | None = None
    network_isolation: bool = False
    wheels: Location | None = None
    tags: dict[str, str] = {}
    model_package_group: str | None = None


class Config(_Section):
    """A whole configuration. Locations are absolute paths or URIs."""

    archive: ArchiveSection
    model: ModelSection
    output: OutputSection
    references: ReferencesSection | None = None
    decode: DecodeSection = DecodeSection()
    platform: PlatformSection = PlatformSection()
    run: RunSection = RunSection()
    transform: TransformSection = TransformSection()
    scoring: ScoringSection = ScoringSection()
    report: ReportSection = ReportSection()
    retention: RetentionSection = RetentionSection()
    schedule: ScheduleSection = ScheduleSection()
    training: TrainingSection | None = None
    sagemaker: SageMakerSection | None = None

    @field_validator("scoring")
    @classmethod
    def _rules_hold(cls, scoring: ScoringSection, info: ValidationInfo) -> ScoringSection:
        """A rule that cannot hold is found here, not after the night."""
        if scoring.custom and "archive" in info.data:
            normalizer_for(info.data["archive"].language, scoring.custom)
        return scoring


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read, override and check a configuration.

    ``overrides`` are ``section.key=value``, the value in TOML or as plain text.

    Raises:
        InputError: naming the file, the key, the value found and what is allowed.
    """
    data = read_toml(path)
    for override in overrides:
        apply_override(data, override)
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        problems = "\n".join(f"  {line}" for line in explained(error, Config))
        raise InputError(f"{path}:\n{problems}") from error
    return resolved(config, path.absolute().parent)
