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
    "--on",
    type=click.Choice(["golden", "archive"]),
    help="The golden set, or what both runs transcribed; default: the set where it can tell.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(min=0, max=100),
    metavar="POINTS",
    help="The smallest difference that matters, in points of WER; default: [report] threshold.",
)
@click.option(
    "--out",
    metavar="FOLDER",
    help="Folder, or s3://, for comparison.json and comparison.parquet, a row for each recording.",
)
@json_option
def compare(
    a: str,
    b: str,
    *,
    config: Path | None,
    on: str | None,
    threshold: float | None,
    out: str | None,
    as_json: bool,
) -> int:
    """Is B worse than A? Exit code 3 if it is.

    A and B are runs of the configuration's output, folders of reports (s3:// as well), or other
    configurations, whose newest run counts. Of two runs with different models or decoding, the
    [report] golden set is compared where there is one; else the recordings that both transcribed.
    """
    from batch.cli.main import EXIT_THRESHOLD
    from batch.comparison.comparison import compare as compared
    from batch.comparison.lines import lines_of
    from batch.comparison.sides import is_run, side_named
    from batch.comparison.writing import write
    from batch.golden import on_golden_set
    from manifests.errors import InputError
    from manifests.storage import open_store
    from training.scoring.verdict import Verdict

    settings, output = _configured(config)
    sides = side_named(a, output), side_named(b, output)
    golden = None
    if settings is not None and on != "archive" and (on or (is_run(a) and is_run(b))):
        golden = on_golden_set(settings, *sides)
    if on == "golden" and golden is None:
        raise InputError(
            "--on golden: [report] golden is not set, both runs have one model and setting, or one "
            "of them never ran on the set; --on archive compares what both transcribed"
        )
    sides = golden or sides
    least = _threshold(threshold, settings)
    found = compared(*sides, threshold=least)
    if out is not None:
        write(found, open_store(out))
    if as_json:
        click.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=1))
    else:
        if golden is not None:
            click.echo("on              the golden set")
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
