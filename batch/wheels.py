"""Wheels inside a bundle, for containers that reach no package index.

A bundle pins everything that its image lacks, with what that needs in turn, so the wheels that it
takes along are exactly those of its ``requirements.txt``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from batch.config import Config, SageMakerSection
from manifests.errors import InputError
from manifests.hashing import sha256_of
from manifests.scratch import scratch_folder
from manifests.storage import open_store
from transform_handler.bundle import LM_REQUIREMENT

Kind = Literal["inference", "training", "driver"]
KINDS: tuple[Kind, ...] = ("inference", "training", "driver")
_PACKAGES = {"inference": "transform_handler", "training": "training", "driver": "batch"}
LORA_REQUIREMENT = "peft==0.21.2\n"
PYTHON = "3.12"  # of the images
RECORD = "wheels.json"
# Ubuntu 22.04, which the images are built on, has glibc 2.35; wheels name an older one.
_PLATFORMS = [f"manylinux_2_{minor}_x86_64" for minor in (35, 34, 31, 28, 27, 24, 17)]
# The index has these as source only, in pure Python.
_SOURCE_ONLY = ("docopt",)


def requirements(kind: Kind, *, lora: bool = False, language_model: bool = False) -> str:
    """What the container of a bundle installs, one ``name==version`` a line."""
    text = files(_PACKAGES[kind]).joinpath("requirements.txt").read_text("utf-8")
    if language_model and kind == "inference":
        text += LM_REQUIREMENT.decode()
    return text + (LORA_REQUIREMENT if lora and kind == "training" else "")


def wheels_location(account: SageMakerSection | None, kind: Kind) -> str | None:
    """Where ``[sagemaker]`` has wheels for a bundle.

    Raises:
        InputError: the container's network is cut off, its image is not an own one that may have
            the packages, and there are no wheels.
    """
    if account is None or account.wheels is not None:
        return account.wheels if account else None
    image = {"inference": account.inference_image, "training": account.training_image}
    if account.network_isolation and kind in image and image[kind] is None:
        raise InputError(
            "[sagemaker] network_isolation needs wheels: the container cannot fetch packages. Name "
            f"a folder in [sagemaker] wheels and fill it with: nightscribe wheels FOLDER --for "
            f"{kind}; or name an image that has the packages in [sagemaker] {kind}_image"
        )
    return None


def inference_wheels(config: Config) -> str | None:
    """Where the wheels of an inference bundle are; only a bundle in S3 is ever installed from.

    Raises:
        InputError: as ``wheels_location``, where a job shall run in the account.
    """
    account = config.sagemaker
    if not config.output.uri.startswith("s3://"):
        return None
    if config.platform.name == "local":
        return account.wheels if account else None
    return wheels_location(account, "inference")


def vendored(location: str, kind: Kind, wanted: str) -> dict[str, bytes]:
    """The wheels at ``location`` that fulfil ``wanted``, as files of a bundle.

    Raises:
        InputError: one is not there.
        StoreError: they cannot be read.
    """
    store = open_store(location)
    pins = dict(_pins(wanted))
    keys = [one.key for one in store.list() if "/" not in one.key and one.key.endswith(".whl")]
    fitting = [key for key in keys if _pin(*key.split("-")[:2]) in pins]
    found = {_pin(*key.split("-")[:2]) for key in fitting}
    if missing := [line for pin, line in pins.items() if pin not in found]:
        others = f" and {len(missing) - 1} others" if missing[1:] else ""
        raise InputError(
            f"[sagemaker] wheels: {location} lacks {missing[0]}{others} for the {kind} bundle; "
            f"fill a folder with: nightscribe wheels FOLDER --for {kind}"
        )
    return {f"wheels/{key}": store.read(key) for key in fitting}


@dataclass(frozen=True, kw_only=True)
class Download:
    """What was downloaded for one bundle: SHA-256 by file."""

    kind: Kind
    wheels: Mapping[str, str]
    size: int
    """Bytes."""


def download(folder: Path, kind: Kind, *, python: str = PYTHON) -> Download:
    """Fill a folder with the wheels of a bundle, for the images' system and ``python``.

    What each bundle takes is recorded in ``wheels.json`` there.

    Raises:
        InputError: the folder cannot be made, or the package index cannot be reached, or has no
            such wheel.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: {error.strerror}; name a folder that can be written"
        ) from error
    wanted = dict(_pins(requirements(kind, lora=True, language_model=True)))
    source = [line for line in wanted.values() if line.split("==")[0] in _SOURCE_ONLY]
    if source:
        _pip("wheel", "--wheel-dir", str(folder), *source)
    platforms = [part for one in _PLATFORMS for part in ("--platform", one)]
    others = [line for line in wanted.values() if line not in source]
    _pip(
        *("download", "--dest", str(folder), "--only-binary=:all:", "--python-version", python),
        *platforms,
        *others,
    )
    names = [n.rpartition("/")[2] for n in vendored(str(folder), kind, "\n".join(wanted.values()))]
    done = Download(
        kind=kind,
        wheels={name: sha256_of(folder / name) for name in sorted(names)},
        size=sum((folder / name).stat().st_size for name in names),
    )
    _record(folder, done, python)
    return done


def _pip(task: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", task, "--no-deps", "--disable-pip-version-check"]
    with scratch_folder("wheels") as scratch:
        # Not in the folder of wheels: a pyproject.toml there would be none of ours.
        done = subprocess.run(
            [*command, "--quiet", *arguments],
            cwd=scratch,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        reason = said[0].removeprefix("ERROR:").strip() if said else f"status {done.returncode}"
        raise InputError(
            f"pip could not fetch the wheels ({reason}); is the package index reachable from here? "
            "PIP_INDEX_URL and HTTPS_PROXY say where it is; or run this on a machine that reaches "
            "it, and copy the folder"
        )


def _record(folder: Path, done: Download, python: str) -> None:
    path = folder / RECORD
    record = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    record[done.kind] = {"python": python, "sha256": dict(done.wheels)}
    path.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", "utf-8")


def _pins(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    for line in text.split():
        name, _, version = line.partition("==")
        yield _pin(name, version), line


def _pin(name: str, version: str) -> tuple[str, str]:
    """A project and version as the package index compares them."""
    return re.sub(r"[-_.]+", "-", name).lower(), version
