"""A canary: a small sample of the archive as a job of its own, to measure a machine's speed.

It leaves nothing behind but the measurement: no row, no line in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from batch.capacity.limits import check_documents
from batch.capacity.speeds import CANARIES, Machine, canary_key
from batch.capacity.used import attributed
from batch.layout import RunKeys
from batch.plan import write_round
from batch.planning import Planner
from batch.platforms.base import Platform
from batch.progress import heard_in
from batch.shards import Planned, pointers_of
from batch.survey import Survey
from manifests.errors import InputError, JobFailedError
from manifests.json_files import json_file
from manifests.pointers import ChannelMode
from manifests.recordings import Recording

# Enough for the 18 s that a part hears beyond its end to weigh little.
STRETCH_SECONDS = 180.0
# Shards for each worker: the first ends the cold start, the others measure the speed.
WAVES = 3


@dataclass(frozen=True, kw_only=True)
class CanaryKeys(RunKeys):
    """The keys of a canary, aside from those of runs."""

    @property
    def folder(self) -> str:
        """Everything that the job needs; removed in the end."""
        return f"{CANARIES}jobs/{self.run_id}/"


def send_canary(
    planner: Planner, survey: Survey, platform: Platform, *, now: datetime | None = None
) -> None:
    """Transcribe a sample on the configured platform, and keep what it measured.

    ``planner`` is that of a configuration with one instance.

    Raises:
        InputError: the archive has nothing to measure with, or the jobs are cut off from it.
        JobFailedError: the sample could not be transcribed.
    """
    if planner.machines.isolated:
        raise InputError(
            "--canary: [sagemaker] network_isolation cuts jobs off from the archive, and a canary "
            "reads it; a run measures the speed as well"
        )
    at = now or datetime.now(UTC)
    channels = planner.config.archive.channels
    shards = sample(survey, workers=planner.machines.workers, channels=channels)
    keys = CanaryKeys(run_id=f"canary-{at:%Y%m%d-%H%M%S}")
    model = planner.model_request(survey.bundle)
    job = planner.transform_request(keys, 1, model["ModelName"], planner.limits(survey, shards))
    check_documents(model, job)
    write_round(planner.output, keys, 1, shards)
    try:
        outcome = platform.transform(model, job, on_output=lambda *_: None)
        jobs = attributed(outcome.jobs, heard_in(planner.output, keys.out, {}))
    finally:
        for entry in list(planner.output.list(keys.folder)):
            planner.output.delete(entry.key)
    if not jobs or not jobs[-1].rtfx:
        raise JobFailedError(f"the canary measured nothing: {outcome.failure_reason}")
    content = {
        "model": survey.bundle.name,
        "model_digest": survey.bundle.model_digest,
        "jobs": [one.as_json() for one in jobs],
    }
    # Where the first type was not to be had, it is the speed of another.
    machine = Machine(instance_type=jobs[-1].instance_type, workers=jobs[-1].workers)
    planner.output.put(canary_key(machine, survey.bundle.model_digest), json_file(content))


def sample(survey: Survey, *, workers: int, channels: ChannelMode) -> list[list[Planned]]:
    """Shards of equal length, ``WAVES`` for each worker: stretches of recordings of every size.

    Raises:
        InputError: there is no sound.
    """
    count = WAVES * workers
    stretches: list[Planned] = []
    seconds = 0.0
    for one in _stretches(survey, _across_sizes(survey.recordings, count), channels):
        stretches.append(one)
        seconds += one.seconds
        if seconds >= count * STRETCH_SECONDS:
            break
    shards = [stretches[start::count] for start in range(count)]
    if not stretches:
        raise InputError("--canary: there is no sound in the archive to measure with")
    return [shard for shard in shards if shard]


def _across_sizes(recordings: Sequence[Recording], count: int) -> list[Recording]:
    """The recordings, and first of all ``count`` of them from the shortest to the longest."""
    ranked = sorted((one for one in recordings if one.size), key=lambda one: (one.size, one.path))
    picks = {(2 * step + 1) * len(ranked) // (2 * count): None for step in range(count)}
    order = [*picks, *(index for index in range(len(ranked)) if index not in picks)]
    return [ranked[index] for index in order if index < len(ranked)]


def _stretches(
    survey: Survey, recordings: Iterable[Recording], channels: ChannelMode
) -> Iterator[Planned]:
    """The first stretch of each recording, then the second one of each, and so on."""
    waiting = [_stretches_of(survey, recording, channels) for recording in recordings]
    while waiting:
        going = []
        for stretches in waiting:
            if (one := next(stretches, None)) is not None:
                yield one
                going.append(stretches)
        waiting = going


def _stretches_of(survey: Survey, recording: Recording, channels: ChannelMode) -> Iterator[Planned]:
    seconds = survey.seconds(recording)
    (whole, *_) = pointers_of(recording, seconds=0.0, channels=channels, language="en", meta={})
    if seconds <= STRETCH_SECONDS:
        yield Planned(pointer=whole.pointer, seconds=seconds)
        return
    for number in range(int(seconds // STRETCH_SECONDS)):
        start = number * STRETCH_SECONDS
        pointer = replace(whole.pointer, offset=start, duration=STRETCH_SECONDS)
        yield Planned(pointer=pointer, seconds=STRETCH_SECONDS)
