"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from batch.config import Config

DEFAULT_CONFIG = "nightscribe.toml"

_FILE = click.Path(path_type=Path, dir_okay=False)

config_option = click.option(
    "-c",
    "--config",
    type=_FILE,
    default=DEFAULT_CONFIG,
    show_default=True,
    help="The configuration.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")

_SHORTCUTS = {
    "archive": "archive.uri",
    "references": "references.uri",
    "model": "model.uri",
    "output": "output.uri",
    "channels": "archive.channels",
    "on_model_change": "run.on_model_change",
    "platform": "platform.name",
}
_TRAINING_SHORTCUTS = {
    "base": "training.base",
    "output": "output.uri",
    "training_platform": "training.platform",
}
_ENDPOINT_SHORTCUTS = {"model": "model.uri", "output": "output.uri"}
_KEYS = _SHORTCUTS | _TRAINING_SHORTCUTS


def config_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """The configuration as an argument, or by ``-c`` as the other commands have it."""

    @wraps(command)
    def with_config(*, config: Path | None, flagged: Path | None, **others: Any) -> Any:
        if config and flagged:
            raise click.UsageError(f"the configuration is given twice: {config} and {flagged}")
        return command(config=config or flagged or Path(DEFAULT_CONFIG), **others)

    flag = click.option("-c", "--config", "flagged", type=_FILE, help="The same as CONFIG.")
    return click.argument("config", type=_FILE, required=False)(flag(with_config))


def override_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--set and its shortcuts: flags win over the file."""
    return _overriding(command, _SHORTCUTS)


def training_override_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--set and the shortcuts that concern training."""
    return _overriding(command, _TRAINING_SHORTCUTS)


def endpoint_override_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--set and the shortcuts that concern an endpoint."""
    return _overriding(command, _ENDPOINT_SHORTCUTS)


def _overriding(command: Callable[..., Any], names: dict[str, str]) -> Callable[..., Any]:
    for name, key in reversed(names.items()):
        flag = "--" + name.removeprefix("training_").replace("_", "-")
        command = click.option(flag, name, metavar="VALUE", help=f"Overrides {key}.")(command)
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="SECTION.KEY=VALUE",
        help="Override any key of the configuration; may be given again.",
    )(command)


def configured(path: Path, overrides: tuple[str, ...], shortcuts: dict[str, str | None]) -> Config:
    """The configuration with the command's flags applied.

    A relative path in a flag is relative to where the command is typed.
    """
    from batch.config import load_config

    given = [f"{_KEYS[name]}={_literal(name, v)}" for name, v in shortcuts.items() if v is not None]
    return load_config(path, [*overrides, *given])


def _literal(name: str, value: str) -> str:
    import json

    located = ("archive", "references", "output", "model", "base")
    if value and name in located and "://" not in value:
        path = Path(value).expanduser()
        if path.exists() or name not in ("model", "base"):
            value = str(path.absolute())
    return json.dumps(value, ensure_ascii=False)


def readable(uri: str) -> str:
    """A path where the URI is a file's: a person will paste it."""
    from manifests.local_store import path_of_uri

    return str(path_of_uri(uri)) if uri.startswith("file://") else uri
