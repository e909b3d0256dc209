"""``nightscribe compare``: whether one run, or one model, is worse than another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batch.cli.options import DEFAULT_CONFIG, json_option

if TYPE_CHECKING:
    from batch.config import Config
    from manifests.storage import Store


@click.command()
@click.argument("a")
@click.argument("b")
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The configuration; {DEFAULT_CONFIG} where it is there.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(min=0, max=100),
    metavar="POINTS",
    help="The smallest difference that matters, in points of WER; default: [report] threshold.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for comparison.json and comparison.parquet, a row for each recording.",
)
@json_option
def compare(
    a: str,
    b: str,
    *,
    config: Path | None,
    threshold: float | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Is B worse than A? Exit code 3 if it is.

    A and B are runs of the configuration's output, folders of reports (s3:// as well), or other
    configurations, whose newest run counts. Where [report] golden is set and the two runs differ in
    model or decoding, the golden set is compared; else the recordings that both runs transcribed.
    """
    from batch.cli.main import EXIT_THRESHOLD
    from batch.comparison.comparison import compare as compared
    from batch.comparison.lines import lines_of
    from batch.comparison.sides import side_named
    from batch.comparison.writing import write
    from batch.golden import on_golden_set
    from training.scoring.verdict import Verdict

    settings, output = _configured(config)
    sides = side_named(a, output), side_named(b, output)
    if settings is not None:
        sides = on_golden_set(settings, *sides) or sides
    least = _threshold(threshold, settings)
    found = compared(*sides, threshold=least)
    if out is not None:
        write(found, out)
    if as_json:
        click.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(lines_of(found)))
        if out is not None:
            click.echo(f"details         {out}")
    return EXIT_THRESHOLD if found.verdict is Verdict.WORSE else 0


def _configured(path: Path | None) -> tuple[Config | None, Store | None]:
    from batch.config import load_config
    from manifests.storage import open_store

    default = Path(DEFAULT_CONFIG)
    path = path or (default if default.is_file() else None)
    if path is None:
        return None, None
    config = load_config(path)
    return config, open_store(config.output.uri)


def _threshold(points: float | None, config: Config | None) -> float:
    from batch.config import ReportSection

    if points is not None:
        return points / 100
    return (config.report if config is not None else ReportSection()).threshold
