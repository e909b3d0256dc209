"""Fine-tuning: labelled recordings staged as channels, a training job, a bundle of its result."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import manifests
import training
import transform_handler
from batch.bundles import Bundle, model_folder, prepare_bundle, slug
from batch.config import Config, TrainingSection
from batch.platforms.base import Platform
from batch.requests import training_request
from manifests.errors import InputError, JobFailedError
from manifests.hashing import sha256_of
from manifests.storage import Store, open_store, parent_store
from manifests.tables import decode_utf8, lines_of
from manifests.tarball import pack, package_files, unpack_object
from transform_handler.identity import digest_of, model_files

_ENTRY = b'''"""Entry of the training container."""

import sys

from training.train import main

sys.exit(main())
'''


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A fine-tuned model: its bundle, and the figures that training wrote."""

    bundle: Bundle
    metrics: dict[str, Any]


def fine_tune(config: Config, platform: Platform, *, on_line: Callable[[str], None]) -> Trained:
    """Carry out the ``[training]`` section of a configuration.

    Raises:
        InputError: there is no such section, or its data cannot be read.
        JobFailedError: the job failed; the message is its reason.
    """
    section = config.training
    if section is None:
        raise InputError("[training] is missing; 'nightscribe init' shows the section")
    output = open_store(config.output.uri)
    channels = {"train": stage_labels(output, section.train)}
    if section.validation:
        channels["validation"] = stage_labels(output, section.validation)
    channels["model"] = _stage_base(output, section.base or config.model.uri)
    source = _stage_source(output)
    identity = digest_of({"channels": channels, "source": source, **section.settings})
    name = f"nightscribe-{slug(section.name)[:24]}-{identity}"
    request = training_request(
        name=name,
        source_uri=source,
        channels=channels,
        output_uri=output.uri_of("training/jobs"),
        hyperparameters=section.settings,
    )
    outcome = platform.train(request, on_line=on_line)
    if outcome.status != "Completed":
        raise JobFailedError(f"training job {name}: {outcome.failure_reason or outcome.status}")
    return _bundled(output, f"training/jobs/{name}/output/model.tar.gz", section)


def stage_labels(output: Store, location: str) -> str:
    """Copy a labelled manifest and its recordings into a channel's folder, once by content.

    Returns the channel's URI. The manifest in it names the recordings relative to itself.

    Raises:
        InputError: naming the manifest and the line.
    """
    store, key = parent_store(location)
    if store.stat(key) is None:
        raise InputError(f"[training]: {location}: no such file")
    lines: list[dict[str, Any]] = []
    sounds: dict[str, bytes] = {}
    text = decode_utf8(store.read(key), name=key)
    for number, line in lines_of(text):
        if line.strip():
            entry, sound = _labelled(store, line, f"{key}, line {number}")
            sounds[entry["audio_filepath"]] = sound
            lines.append(entry)
    manifest = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in lines).encode()
    folder = f"training/data/{sha256_of(manifest)[:12]}/"
    if output.stat(folder + "manifest.jsonl") is None:
        for name, sound in sounds.items():
            output.put(folder + name, sound)
        output.put(folder + "manifest.jsonl", manifest)
    return output.uri_of(folder)


def _labelled(store: Store, line: str, where: str) -> tuple[dict[str, Any], bytes]:
    try:
        entry = json.loads(line)
        path = str(entry["audio_filepath"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f'{where}: {{"audio_filepath": …, "text": …}} expected ({error!r})'
        ) from error
    if store.stat(path) is None:
        raise InputError(f"{where}: audio_filepath {path!r}: no such file beside the manifest")
    sound = store.read(path)
    extension = path.rpartition(".")[2].lower()
    name = f"sound/{sha256_of(sound)[:20]}.{extension}"
    return {**entry, "audio_filepath": name}, sound


def _stage_base(output: Store, model: str) -> str:
    """The base model as a folder in storage; a bundle's code stays behind."""
    with model_folder(model) as folder:
        files = {path.relative_to(folder).as_posix(): path for path in model_files(folder)}
        hashes = {name: sha256_of(path) for name, path in files.items()}
        target = f"training/base/{digest_of(hashes)}/"
        for name, path in files.items():
            if output.stat(target + name) is None:
                output.put(target + name, path)
    return output.uri_of(target)


def _stage_source(output: Store) -> str:
    """The training bundle: the three lower floors and the entry."""
    files: dict[str, Path | bytes] = {"train.py": _ENTRY}
    for package in (training, transform_handler, manifests):
        assert package.__file__ is not None
        for name, path in package_files(Path(package.__file__).parent, prefix="").items():
            files[name.lstrip("/")] = path
    with tempfile.TemporaryDirectory(prefix="nightscribe-source-") as scratch:
        tarball = Path(scratch) / "source.tar.gz"
        key = f"training/source/{pack(tarball, files)[:12]}/source.tar.gz"
        if output.stat(key) is None:
            output.put(key, tarball)
    return output.uri_of(key)


def _bundled(output: Store, key: str, section: TrainingSection) -> Trained:
    with tempfile.TemporaryDirectory(prefix="nightscribe-trained-") as scratch:
        # The folder's name becomes the model's.
        folder = Path(scratch) / section.name
        unpack_object(output.uri_of(key), folder)
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        return Trained(bundle=prepare_bundle(str(folder), output), metrics=metrics)
