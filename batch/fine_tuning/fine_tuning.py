"""Fine-tuning: labels checked and staged as channels, a training job, a bundle of its result.

Everything below the output location is named by content, so the same command finds what an
earlier one has staged, goes on with a job that was stopped, and does nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import manifests
import training
import transform_handler
from batch.bundles import Bundle, model_folder, prepare_bundle, slug
from batch.config import Config, TrainingSection
from batch.fine_tuning.data import OnProgress, TrainingData, load_training_data
from batch.fine_tuning.machines import checked_settings, training_section
from batch.fine_tuning.request import (
    Channel,
    Machines,
    model_package_request,
    training_request,
)
from batch.fine_tuning.staging import OnBytes, Stager
from batch.platforms.base import Document, TrainingPlatform
from batch.platforms.sagemaker_images import inference_image
from batch.platforms.sagemaker_registry import register_package
from batch.wheels import inference_wheels, requirements, vendored, wheels_location
from manifests.errors import InputError, JobFailedError
from manifests.hashing import sha256_of
from manifests.json_files import json_file
from manifests.scratch import scratch_folder
from manifests.storage import Store, open_store, parent_store
from manifests.tarball import pack, package_files, unpack_object
from training.labels.vocabulary import SYMBOLS_FILE
from training.scoring.rules import RULES_FILE
from transform_handler.identity import CARD_NAME, BundleCard, digest_of, model_files

JOBS = "training/jobs/"
# What of a trained model stands beside its bundle, to be read without unpacking.
BESIDE = ("README.md", "metrics.json", "training_curves.png", "training_curves.parquet")


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """A training job before it is sent."""

    section: TrainingSection
    data: TrainingData
    request: Document

    @property
    def name(self) -> str:
        """The job's name: the same work has the same one."""
        return str(self.request["TrainingJobName"])


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A fine-tuned model: its bundle, and the figures that training wrote."""

    bundle: Bundle
    metrics: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Watching:
    """Who is told what; the default tells nobody."""

    on_checked: OnProgress | None = None
    on_bytes: OnBytes | None = None
    on_line: Callable[[str], None] = print


def check_training_data(config: Config, *, watching: Watching, dry: bool = False) -> TrainingData:
    """Read, split and check the labels; what was found is kept below ``training/checks/``.

    A ``dry`` call writes that only where the output is on this machine.

    Raises:
        InputError: no ``[training]``, labels that cannot be used, or too many of them quarantined.
        StoreError: the output cannot be reached.
    """
    section, output = training_section(config), open_store(config.output.uri)
    checked_settings(section)
    folder = f"training/checks/{slug(section.name)}/"
    # A missing bucket is told before every recording has been read.
    next(iter(output.list(folder)), None)
    with model_folder(section.base or config.model.uri) as base:
        data = load_training_data(
            section, base, language=config.archive.language, on_progress=watching.on_checked
        )
    kept = not dry or output.uri.startswith("file://")
    if kept:
        output.put(f"{folder}data_check.json", json_file(data.check.as_json()))
        output.put(f"{folder}quarantine.jsonl", data.check.quarantine_jsonl())
    if refusal := data.check.refused(section.max_quarantined):
        where = f"\nthe list: {output.uri_of(f'{folder}quarantine.jsonl')}" if kept else ""
        keys = '\nthe limit is [training] max_quarantined; numbers = "verbalise" says numbers'
        raise InputError("\n".join([*data.check.lines(), refusal]) + keys + where)
    return data


def plan_training(
    config: Config, machines: Machines, data: TrainingData, *, watching: Watching, dry: bool = False
) -> TrainingPlan:
    """Stage what the job needs and build its document; a ``dry`` call stages nothing.

    Raises:
        InputError: settings that SageMaker would refuse.
        StoreError: something cannot be read or written.
    """
    section, output = training_section(config), open_store(config.output.uri)
    stager = Stager(output=output, dry=dry, on_bytes=watching.on_bytes)
    channels = [
        channel
        for name, kept in data.sets.items()
        for channel in stager.labels(name, kept, _symbols(data) if name == "train" else None)
    ]
    base = section.base or config.model.uri
    with model_folder(base) as folder:
        base_name = _base_name(base, folder)
        channels.append(Channel(name="model", uri=_stage_base(stager, folder)))
    channels.append(Channel(name="code", uri=_stage_source(stager, config)))
    hyperparameters = {
        **section.settings,
        "text_rules": data.rules.as_json(),
        "vocabulary": "labels" if data.vocabulary else "base",
        "name": section.name,
        "base_name": base_name,
    }
    if section.licence:
        hyperparameters["licence"] = section.licence
    places = {channel.name: channel.uri for channel in channels}
    identity = digest_of({"channels": places, "hyperparameters": hyperparameters})
    # Not part of the name: a spelling that counts as another is no reason to train anew.
    channels += _scoring_channel(stager, config, data)
    name = f"nightscribe-{slug(section.name)[:24].strip('-')}-{identity}"
    request = training_request(
        name=name,
        channels=channels,
        output_uri=output.uri_of(JOBS).rstrip("/"),
        checkpoint_uri=output.uri_of(f"training/checkpoints/{name}/"),
        hyperparameters=hyperparameters,
        machines=machines,
    )
    return TrainingPlan(section=section, data=data, request=request)


def fine_tune(
    config: Config, platform: TrainingPlatform, plan: TrainingPlan, *, watching: Watching
) -> Trained:
    """Carry a plan out and bundle its result; a plan that was carried out before is not again.

    Raises:
        JobFailedError: the job failed or was stopped; the message is its reason.
    """
    output = open_store(config.output.uri)
    if earlier := trained_before(output, plan.name):
        return earlier
    record_job(config, plan)
    failed = f"{JOBS}{plan.name}/failed.json"
    output.delete(failed)
    outcome = platform.train(plan.request, on_line=watching.on_line)
    if outcome.status != "Completed":
        reason = outcome.failure_reason or outcome.status
        if outcome.status == "Failed":
            output.put(failed, json_file({"reason": reason}))
        raise JobFailedError(f"training job {plan.name}: {reason}")
    trained = _bundled(config, output, outcome.artifact_uri, plan.section)
    result = {
        "model": trained.bundle.uri,
        "model_package": _registered(config, trained),
        "instance_type": outcome.instance_type,
        "instance_count": plan.request["ResourceConfig"]["InstanceCount"],
        "metrics": trained.metrics,
        "used": [job.as_json() for job in outcome.jobs],
    }
    output.put(f"{JOBS}{plan.name}/trained.json", json_file(result))
    return trained


def _registered(config: Config, trained: Trained) -> str | None:
    """The ARN of the model's version in the registry, where the configuration names a group."""
    account = config.sagemaker
    if account is None or account.model_package_group is None:
        return None
    after = trained.metrics.get("after") or {}
    bundle = trained.bundle
    package = model_package_request(
        group=account.model_package_group,
        image=account.inference_image or inference_image(account.region),
        model_uri=bundle.uri,
        description=f"nightscribe {bundle.name} {bundle.model_digest}",
        metrics_uri=f"{bundle.uri.rpartition('/')[0]}/metrics.json",
        metadata={"model_digest": bundle.model_digest, "validation_wer": str(after.get("wer"))},
    )
    return register_package(package, region=account.region)


def claim_of(name: str) -> str:
    """Where the claim of a training job lies."""
    return f"{JOBS}{name}/claim/"


def record_job(config: Config, plan: TrainingPlan) -> None:
    """Keep the document of a job that is sent."""
    open_store(config.output.uri).put(f"{JOBS}{plan.name}/job.json", json_file(plan.request))


def trained_before(output: Store, name: str) -> Trained | None:
    """What a job of this name has made already."""
    key = f"{JOBS}{name}/trained.json"
    if output.stat(key) is None:
        return None
    found = json.loads(output.read(key))
    store, bundle_key = parent_store(found["model"])
    if store.stat(bundle_key) is None:
        return None  # somebody has deleted it
    bundle = prepare_bundle(found["model"], output, dry=True)
    return Trained(bundle=bundle, metrics=found["metrics"])


def _scoring_channel(stager: Stager, config: Config, data: TrainingData) -> list[Channel]:
    """The rules of [scoring], by which the final figures are counted; none where all is default."""
    from training.evaluating.evaluation import language_of  # noqa: PLC0415

    rules = config.scoring.rules
    for name, kept in data.sets.items():
        if name != "train":
            # It would fail in the job too, after the last step.
            rules.normalizer_for(language_of(kept, data.rules))
    if not rules:
        return []
    content = json_file(rules.as_json())
    folder = f"training/scoring/{sha256_of(content)[:12]}/"
    stager.put(folder + RULES_FILE, content)
    return [Channel(name="scoring", uri=stager.output.uri_of(folder))]


def _symbols(data: TrainingData) -> dict[str, bytes]:
    """The vocabulary that the labels need, where it is not the base's own."""
    if data.vocabulary is None:
        return {}
    text = json.dumps(dict(data.vocabulary.ids), ensure_ascii=False)
    return {SYMBOLS_FILE: text.encode()}


def _base_name(base: str, folder: Path) -> str:
    """What a card may call the base: a bundle's own name, a hub's name, or a folder's."""
    if (folder / CARD_NAME).is_file():
        return BundleCard.read(folder).name
    return slug(base) if Path(base).is_absolute() or "://" in base else base


def _stage_base(stager: Stager, folder: Path) -> str:
    """The base model as a folder in storage; a bundle's code stays behind."""
    files = {path.relative_to(folder).as_posix(): path for path in model_files(folder)}
    target = f"training/base/{digest_of({name: sha256_of(path) for name, path in files.items()})}/"
    for name, path in files.items():
        stager.put(target + name, path)
    return stager.output.uri_of(target)


def _stage_source(stager: Stager, config: Config) -> str:
    """The training bundle as a folder: the three lower floors, what to install, and its wheels."""
    files: dict[str, Path | bytes] = {}
    for package in (training, transform_handler, manifests):
        assert package.__file__ is not None
        files |= package_files(Path(package.__file__).parent, prefix="")
    lora = config.training is not None and bool(config.training.settings.get("lora_rank"))
    wanted = requirements("training", lora=lora)
    files["requirements.txt"] = wanted.encode()
    if wheels := wheels_location(config.sagemaker, "training"):
        files |= vendored(wheels, "training", wanted)
    with scratch_folder("source") as scratch:
        tarball = scratch / "source.tar.gz"
        folder = f"training/source/{pack(tarball, files)[:12]}/"
        stager.put(folder + "source.tar.gz", tarball)
    return stager.output.uri_of(folder)


def _bundled(config: Config, output: Store, artifact_uri: str, section: TrainingSection) -> Trained:
    with scratch_folder("trained") as scratch:
        # The folder's name becomes the model's, and a name may look like a path.
        folder = scratch / slug(section.name)
        unpack_object(artifact_uri, folder)
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        bundle = prepare_bundle(str(folder), output, wheels=inference_wheels(config))
        for beside in BESIDE:
            if (folder / beside).is_file():
                place = bundle.uri.rpartition("/")[0]
                output.put(output.key_of(f"{place}/{beside}"), folder / beside)
        return Trained(bundle=bundle, metrics=metrics)
