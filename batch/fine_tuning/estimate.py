"""How long a training job will take, from what earlier jobs or a few steps here have shown.

No table of speeds: what was not measured is said to be unknown.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from statistics import median

from batch.capacity.prices import Price
from batch.config import Config, OutputSection
from batch.fine_tuning.fine_tuning import TrainingPlan, Watching, plan_training
from batch.fine_tuning.request import METRICS, Machines
from batch.platforms.base import Document
from batch.platforms.local import LocalPlatform
from manifests.errors import JobFailedError
from manifests.scratch import scratch_folder
from manifests.storage import Store
from training.settings import Settings

CANARY_STEPS = 4


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Sound to be trained on, and how fast; ``speed`` is None where nothing was measured."""

    audio_seconds: float
    speed: float | None
    """Seconds of sound a second, of one instance."""
    measured: str
    """Where the speed comes from."""
    price: Price
    instances: int = 1

    @property
    def hours(self) -> float | None:
        """Hours of training, without start-up and evaluations."""
        if self.speed is None:
            return None
        return self.audio_seconds / (self.speed * self.instances) / 3600

    @property
    def cost(self) -> float | None:
        """Instance-hours times the price."""
        if self.hours is None or self.price.per_hour is None:
            return None
        return self.hours * self.instances * self.price.per_hour


def audio_seconds(settings: Settings, *, train_seconds: float, processes: int) -> float:
    """Seconds of sound that all steps train on together, at most; each process has its batches."""
    if settings.epochs:
        return settings.epochs * train_seconds
    return settings.steps * settings.batch_seconds * settings.gradient_accumulation * processes


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Seconds of sound a second, None where nothing was measured; of one instance."""

    value: float | None
    measured: str
    """Where it comes from."""
    processes: int = 1
    """Those that one instance trains with: one for each GPU."""


def measured_speed(output: Store, instance_type: str) -> Speed:
    """The median speed of earlier jobs on an instance type."""
    speeds, processes = [], 1
    for entry in output.list("training/jobs/"):
        if entry.key.endswith("/trained.json"):
            found = json.loads(output.read(entry.key))
            throughput = found["metrics"].get("throughput") or {}
            speed = throughput.get("audio_seconds_per_second")
            if found.get("instance_type") == instance_type and speed:
                # The job's speed is that of all its machines together.
                count = found.get("instance_count", 1)
                speeds.append(float(speed) / count)
                processes = max(1, throughput.get("processes", 1) // count)
    if not speeds:
        return Speed(value=None, measured=f"no earlier job on {instance_type}")
    jobs = f"{len(speeds)} earlier job{'s' if len(speeds) > 1 else ''}"
    return Speed(value=median(speeds), measured=f"{jobs} on {instance_type}", processes=processes)


def canary(config: Config, plan: TrainingPlan) -> Speed:
    """The speed of a few steps of the same job on this machine, staged and written aside.

    Raises:
        JobFailedError: they failed, as the job itself would.
    """
    with scratch_folder("canary") as scratch:
        aside = config.model_copy(update={"output": OutputSection(uri=str(scratch))})
        watching = Watching(on_line=lambda _: None)
        staged = plan_training(aside, Machines(), plan.data, watching=watching)
        lines: list[str] = []
        outcome = LocalPlatform().train(_few_steps(staged.request), on_line=lines.append)
        found = re.findall(METRICS["train:audio_seconds_per_second"], "\n".join(lines))
    if outcome.status != "Completed" or not found:
        raise JobFailedError(
            f"{CANARY_STEPS} steps of this job were tried here, and failed: "
            f"{outcome.failure_reason or lines[-1:]}"
        )
    return Speed(value=float(found[-1]), measured=f"{CANARY_STEPS} steps here")


def _few_steps(job: Document) -> Document:
    """The document with a few steps and no evaluation."""
    few = {"steps": CANARY_STEPS, "epochs": 0, "warmup_steps": 0, "head_only_steps": 0}
    few |= {"logging_steps": 1}
    dropped = ("validation", "test", "domain")
    given = {n: v for n, v in job["HyperParameters"].items() if n != "thaw_encoder_at"}
    return {
        **job,
        "HyperParameters": {**given, **{n: json.dumps(v) for n, v in few.items()}},
        "InputDataConfig": [
            one for one in job["InputDataConfig"] if not one["ChannelName"].startswith(dropped)
        ],
    }
