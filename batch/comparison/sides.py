"""One side of a comparison: the scores of a run, wherever a person points."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from batch.config import load_config
from batch.layout import RunKeys
from batch.parquet import read_parquet
from batch.report.tables import SCORES_SCHEMA
from batch.runs import latest
from manifests.errors import InputError
from manifests.storage import Store, open_store

SCORES, SUMMARY = "scores.parquet", "summary.json"


@dataclass(frozen=True, kw_only=True)
class Side:
    """A run's scores; ``scores`` has the columns of ``SCORES_SCHEMA``."""

    uri: str
    """The folder of the run's report."""
    run_id: str
    output: str
    """Where the run was made: two sides of one output may hold the same transcript."""
    rules: tuple[str, str]
    """Normaliser and aligner."""
    summary: Mapping[str, Any]
    scores: pa.Table

    @classmethod
    def read(cls, folder: Store, *, named: str) -> Side:
        """The scores in a report's folder.

        Raises:
            InputError: there are none, or they are an older version's.
        """
        if folder.stat(SCORES) is None or folder.stat(SUMMARY) is None:
            raise InputError(
                f"{named}: no {SCORES} with a {SUMMARY} in {folder.uri}; "
                "'nightscribe score' writes them"
            )
        table, figures = folder.read(SCORES), folder.read(SUMMARY)
        try:
            scores = read_parquet(table)
            summary = json.loads(figures)
            output, run_id, rules = (summary[key] for key in ("output", "run_id", "rules"))
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{named}: the scores in {folder.uri} are damaged, or of an older version "
                f"({error}); score that run again"
            ) from error
        lacking = set(SCORES_SCHEMA.names) - set(scores.column_names)
        if lacking:
            raise InputError(
                f"{named}: {folder.uri}{SCORES} is of an older version and lacks "
                f"{', '.join(sorted(lacking))}; score that run again"
            )
        return cls(
            uri=folder.uri,
            run_id=run_id,
            output=output,
            rules=(rules["normalizer"], rules["aligner"]),
            summary=summary,
            scores=scores,
        )

    @property
    def made_with(self) -> str:
        """Model and digests, short."""
        model = self.summary["model"]
        return (
            f"{model['name']}, model {model['digest'][:12]}, "
            f"decoding {self.summary['decode_digest'][:12]}"
        )


def is_run(name: str) -> bool:
    """Whether a person names a run, and not a configuration or a report's folder."""
    return not (name.endswith(".toml") or "://" in name or Path(name).is_dir())


def side_named(name: str, output: Store | None) -> Side:
    """The side that a person names: a run of ``output``, a configuration, or a report's folder.

    Raises:
        InputError: there is no such thing; the message says what was looked for.
    """
    if name.endswith(".toml"):
        store = open_store(load_config(Path(name)).output.uri)
        return _of_run(store, latest(store), named=name)
    if not is_run(name):
        return Side.read(open_store(name), named=name)
    if output is None:
        raise InputError(
            f"{name}: no folder of a report, and without a configuration (-c) no run either"
        )
    return _of_run(output, name, named=name)


def _of_run(output: Store, run_id: str, *, named: str) -> Side:
    folder = open_store(output.uri_of(RunKeys(run_id=run_id).reports))
    return Side.read(folder, named=named)
