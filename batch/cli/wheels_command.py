"""``nightscribe wheels``: packages for containers that reach no package index."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--for",
    "kinds",
    type=click.Choice(["inference", "training", "driver"]),
    multiple=True,
    help="Which bundle's; may be given again. All of them by default.",
)
@click.option("--python", default="3.12", show_default=True, help="Version in the image.")
def wheels(folder: Path, kinds: tuple[str, ...], python: str) -> None:
    """Download the wheels that containers install, for an account without internet.

    Name the folder in [sagemaker] wheels, and every bundle brings what it needs.
    """
    from batch.wheels import KINDS, download

    for kind in KINDS:
        if kind in (kinds or KINDS):
            done = download(folder, kind, python=python)
            click.echo(f"{kind}: {len(done.wheels)} wheels, {done.size / 1e6:.0f} MB")
    click.echo(f"now name them in [sagemaker]: wheels = {str(folder.absolute())!r}")
