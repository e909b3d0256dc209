"""From a TOML file to a configuration's values, and from its faults to sentences."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from manifests.errors import InputError

C = TypeVar("C", bound=BaseModel)


def read_toml(path: Path) -> dict[str, Any]:
    """What a file says.

    Raises:
        InputError: there is none, or it is not TOML.
    """
    try:
        return _toml(path.read_text("utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; 'nightscribe init' writes one") from error
    except ValueError as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error


def _toml(text: str) -> dict[str, Any]:
    """What a TOML text says.

    Raises:
        ValueError: it is none; tomllib itself says so of numbers too long, and not of brackets.
    """
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def apply_override(data: dict[str, Any], override: str) -> None:
    """Set one key; ``override`` is ``section.key=value``.

    Raises:
        InputError: it is not, or leads through what is no section.
    """
    name, equals, text = override.partition("=")
    parts = name.strip().split(".")
    if not equals or len(parts) < 2 or not all(parts):
        raise InputError(f"--set {override!r}: section.key=value expected")
    try:
        value = _toml(f"value = {text}")["value"]
    except ValueError:
        value = text
    section = data
    for part in parts[:-1]:
        section = section.setdefault(part, {})
        if not isinstance(section, dict):
            raise InputError(f"--set {override!r}: {part!r} is not a section")
    section[parts[-1]] = value


def explained(error: ValidationError, config: type[BaseModel]) -> Iterator[str]:
    """A line for each problem: the key, what was found and what is allowed."""
    for problem in error.errors():
        where = [str(part) for part in problem["loc"]]
        key = ".".join(where)
        if problem["type"] == "extra_forbidden":
            yield f"unknown key {key!r}{_nearest(where, config)}"
        elif problem["type"] == "missing":
            yield f"key {key!r} is missing; see 'nightscribe init' for an example"
        else:
            yield f"key {key!r}: found {problem['input']!r}; {_lowered(problem['msg'])}"


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:].replace("Input", "it")


def _nearest(where: Sequence[str], config: type[BaseModel]) -> str:
    fields = config.model_fields
    for part in where[:-1]:
        section = _section_type(fields[part].annotation)
        if section is None:
            return ""
        fields = section.model_fields
    names = list(fields)
    close = difflib.get_close_matches(where[-1], names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known here: {', '.join(names)}"


def _section_type(annotation: Any) -> type[BaseModel] | None:
    candidates = [annotation, *get_args(annotation)]
    return next(
        (c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)),
        None,
    )


_LABELS = frozenset({"train", "validation", "test", "domain", "held_out"})
_LOCATIONS: Mapping[str, tuple[str, ...]] = {
    "archive": ("uri", "metadata", "inventory"),
    "references": ("uri", "scored"),
    "model": ("uri", "held_out"),
    "output": ("uri",),
    "decode": ("language_model",),
    "report": ("golden", "golden_references", "golden_metadata", "verdicts"),
    "training": ("train", "validation", "test", "domain", "base"),
    "sagemaker": ("wheels",),
}


def resolved(config: C, folder: Path) -> C:
    """With all locations as absolute paths or URIs; relative ones are relative to ``folder``."""
    changes: dict[str, BaseModel] = {}
    for name, keys in _LOCATIONS.items():
        section = getattr(config, name)
        if section is None:
            continue
        hub = name == "model" or (name, keys) == ("training", keys)
        located = {
            key: _located(value, folder, hub=hub and key in ("uri", "base"))
            if key not in _LABELS
            else _labels_located(value, folder)
            for key in keys
            if (value := getattr(section, key)) is not None
        }
        changes[name] = section.model_copy(update=located)
    return config.model_copy(update=changes)


def _labels_located(value: str, folder: Path) -> str:
    """Labels may begin with the name of their form, as in ``kaldi:data/train``."""
    form, colon, rest = value.partition(":")
    if not colon or rest.startswith("//") or not form.isidentifier():
        return _located(value, folder, hub=False)
    return value if form == "dataset" else f"{form}:{_located(rest, folder, hub=False)}"


def _located(value: str, folder: Path, *, hub: bool) -> str:
    """An absolute path or a URI; what looks like a hub's name and is no folder stays as it is."""
    if "://" in value:
        return value
    # Not Path.expanduser, which raises where there is no such user.
    path = Path(os.path.normpath(folder / os.path.expanduser(value)))  # noqa: PTH111
    if (
        hub
        and not path.exists()
        and not value.startswith((".", "/", "~"))
        and value.count("/") == 1
    ):
        return value
    return str(path)
