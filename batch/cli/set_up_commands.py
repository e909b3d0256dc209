"""Commands for setting up: init, completion."""

from __future__ import annotations

from pathlib import Path

import click

from batch.cli.options import DEFAULT_CONFIG


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=DEFAULT_CONFIG)
@click.option("--archive", default="recordings", show_default=True, help="Folder or s3:// prefix.")
@click.option("--output", default="nightscribe-output", show_default=True, help="Where to write.")
@click.option("--model", help="Model folder, bundle or hub name.")
def init(path: Path, archive: str, output: str, model: str | None) -> None:
    """Write a commented configuration.

    A file that exists is left alone.
    """
    import json
    from importlib.resources import files

    from manifests.errors import InputError

    if path.exists():
        raise InputError(f"{path} exists; name another file, or remove it first")
    template = files("batch.cli").joinpath("template.toml").read_text("utf-8")
    given = {
        "@archive@": archive,
        "@output@": output,
        "@model@": model or "facebook/wav2vec2-base-960h",
    }
    for mark, value in given.items():
        # A JSON string is a TOML string, quotation marks and all.
        template = template.replace(mark, json.dumps(value, ensure_ascii=False))
    path.write_text(template, "utf-8")
    click.echo(f"wrote {path}; now: nightscribe run {path}")


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    from batch.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "nightscribe", "_NIGHTSCRIBE_COMPLETE").source())


COMMANDS = (init, completion)
