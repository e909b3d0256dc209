"""The configuration as a driver finds it: nothing to look up, nothing on somebody's machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from batch.account.account import account_of
from batch.bundles import configured_bundle
from batch.config import Config, DecodeSection, PlatformSection
from batch.platforms.aws import region_of
from batch.transform_machines import transform_machines
from manifests.errors import InputError
from manifests.local_store import path_of_uri
from manifests.storage import Store


def scheduled_config(
    config: Config, output: Store, folder: str, warn: Callable[[str], None]
) -> Config:
    """Look image and workers up, and put every file that a run reads into storage.

    ``config`` has its account ``resolved``; ``folder`` is the schedule's own below the output;
    ``warn`` is told of an image without digest.

    Raises:
        InputError: something that no job could read, and that is too much to upload.
    """
    config = config.model_copy(update={"platform": PlatformSection(name="sagemaker")})
    machines = transform_machines(config, warn=warn)
    account = account_of(config)
    bundle = configured_bundle(config, output)
    archive, references, report = config.archive, config.references, config.report
    for key in ("golden", "golden_references", "golden_metadata"):
        if place := getattr(report, key):
            place = _uploaded(output, f"{folder}{key}", f"[report] {key}", place)
            report = report.model_copy(update={key: place})
    if archive.metadata:
        place = _uploaded(output, f"{folder}metadata", "[archive] metadata", archive.metadata)
        archive = archive.model_copy(update={"metadata": place})
    if references:
        place = _uploaded(output, f"{folder}references", "[references] uri", references.uri)
        references = references.model_copy(update={"uri": place})
        if references.scored:
            place = _uploaded(output, f"{folder}scored", "[references] scored", references.scored)
            references = references.model_copy(update={"scored": place})
    found = {
        "wheels": None,
        "region": region_of(account.region),
        "inference_image": machines.image,
    }
    return config.model_copy(
        update={
            "archive": archive,
            "references": references,
            "report": report,
            "model": config.model.model_copy(update={"uri": bundle.uri}),
            # The bundle has it all, and the files that made it are on somebody's machine.
            "decode": DecodeSection(),
            "transform": config.transform.model_copy(update={"workers": machines.workers}),
            "sagemaker": account.model_copy(update=found),
            "training": None,
        }
    )


def as_toml(config: Config) -> bytes:
    """A configuration as a file that ``load_config`` reads."""
    sections = config.model_dump(exclude_none=True)
    lines = ["# Written by 'nightscribe schedule put', which overwrites it.\n"]
    for name, section in sections.items():
        lines += [f"[{name}]", *_pairs(section), ""]
    return "\n".join(lines).encode()


def _pairs(section: Mapping[str, Any]) -> Iterator[str]:
    for key, value in section.items():
        yield f"{_text(key)} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(_pairs(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    """A JSON string is a TOML string, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _uploaded(output: Store, target: str, key: str, location: str) -> str:
    """Where a file lies in storage; one on this machine goes up beside the schedule."""
    if location.startswith("s3://"):
        return location
    path = path_of_uri(location) if location.startswith("file://") else Path(location)
    if path.is_dir():
        raise InputError(
            f"{key} {location!r} is a folder on this machine, which no scheduled run can read; "
            "expected a file, which is uploaded, or a place in S3"
        )
    if not path.is_file():
        raise InputError(f"{key} {location!r}: no such file")
    target += path.suffix.lower()
    output.put(target, path)
    return output.uri_of(target)
