"""Small archives whose nights are tortured, and what must be the same afterwards."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batch.datasets import read_rows
from batch.parquet import read_parquet
from batch.runs import latest
from manifests.storage import Store, open_store
from tests.conftest import DEMO_MODEL
from tests.stub_model import stub_bundle, write_wav

RECORDINGS = 11
DEMO = Path(__file__).parents[2] / "demo"
_VARYING = ("uri", "run_id", "transcribed_at")
# What of a summary may not depend on how often a run was killed: all but times and names.
_NUMBERS = ("listed", "planned", "kept", "reasons", "recordings", "rows", "audio_seconds")
_NUMBERS += ("superseded", "statuses", "kinds", "scores", "thresholds_passed")

_OF_ITS_TIME = ("run_id", "output", "started_at", "finished_at", "rtfx")


def first_archive(home: Path) -> None:
    """Ten recordings, two of them in stereo, one that is broken, references for half of them."""
    for number in range(RECORDINGS - 1):
        write_wav(
            home / f"archive/{number % 2}/{number}.wav", seed=number, channels=1 + number // 8
        )
    (home / "archive/broken.wav").write_bytes(b"RIFF, and no more")
    lines = [f"{number % 2}/{number}.wav\tbudget planning meeting" for number in range(0, 10, 2)]
    (home / "references.tsv").write_text("recording\ttext\n" + "\n".join(lines) + "\n")
    stub_bundle(home / "models")
    stub_bundle(home / "models", name="other")
    configure(home)


def configure(home: Path, *, archive: str = "archive", output: str = "out") -> None:
    (home / "nightscribe.toml").write_text(
        f"""
[archive]
uri = "{archive}"
[references]
uri = "references.tsv"
[model]
uri = "models/stub.tar.gz"
[output]
uri = "{output}"
[transform]
workers = 2
[report]
clips = 0
""",
        "utf-8",
    )


def a_day_later(home: Path) -> None:
    """Three new recordings, two that changed, one replaced by another as long, one gone."""
    changed = [write_wav(home / f"archive/new/{seed}.wav", seed=seed) for seed in (20, 21, 22)]
    changed.append(write_wav(home / "archive/0/0.wav", seed=100, seconds=0.2))
    changed.append(write_wav(home / "archive/1/3.wav", seed=103, seconds=0.15))
    changed.append(write_wav(home / "archive/0/4.wav", seed=104))
    for path in changed:
        os.utime(path, (1e9, 1e9))  # the same version, however often it is written
    (home / "archive/1/5.wav").unlink()


def of_speech(home: Path) -> None:
    """Three of the demo's recordings, for the shipped model."""
    for path in sorted((DEMO / "archive").rglob("*.flac"))[:3]:
        target = home / "archive" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    (home / "references.tsv").write_bytes((DEMO / "references.tsv").read_bytes())
    configure(home)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A night to be killed in: what lies there already, how it is run, how it misbehaves."""

    name: str
    archive: Callable[[Path], None] = first_archive
    moments: int = 40
    begun: Callable[[Path], None] = lambda _: None
    """Changes the archive after a first, undisturbed night; without it the first is killed."""
    second: bool = False
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def fails(self) -> bool:
        """Whether some of it is left to be tried again."""
        return bool(self.environment)


SCENARIOS = (
    Scenario(name="first night"),
    Scenario(name="second night", begun=a_day_later, second=True),
    Scenario(
        name="another model",
        second=True,
        options=("model.uri=models/other.tar.gz", "run.on_model_change=all"),
    ),
    Scenario(
        name="a shard that fails",
        begun=a_day_later,
        second=True,
        options=("transform.rounds=2",),
        environment={"STUB_DIES_ON": "new/21.wav"},
    ),
    Scenario(
        name="split channels", begun=a_day_later, second=True, options=("archive.channels=split",)
    ),
)


WITH_THE_SHIPPED_MODEL = Scenario(
    name="shipped model", archive=of_speech, moments=4, options=(f"model.uri={DEMO_MODEL}",)
)


def settled(location: str | Path) -> dict[str, Any]:
    """Everything about an output that may not depend on what happened on the way."""
    output = open_store(location)
    return {
        "rows": _rows(output, "transcripts"),
        "segments": _rows(output, "segments"),
        "history": _stored(output, "history/transcripts/"),
        "history of segments": _stored(output, "history/segments/"),
        "ledger": _stored(output, "ledger/"),
        "numbers": _numbers(output),
        "pending": [entry.key for entry in output.list("pending/")],
    }


def _rows(output: Store, name: str) -> list[str]:
    return _comparable(read_rows(output, name).to_pylist())


def _stored(output: Store, folder: str) -> list[str]:
    tables = (read_parquet(output.read(entry.key)) for entry in output.list(folder))
    return _comparable([row for table in tables for row in table.to_pylist()])


def _comparable(rows: list[dict[str, Any]]) -> list[str]:
    lines = ({k: v for k, v in row.items() if k not in _VARYING} for row in rows)
    return sorted(json.dumps(line, sort_keys=True, default=str) for line in lines)


def _numbers(output: Store) -> dict[str, Any]:
    summary = json.loads(output.read(f"runs/{latest(output)}/summary.json"))
    found = {name: summary[name] for name in _NUMBERS}
    scores = {k: v for k, v in found["scores"].items() if k not in _OF_ITS_TIME}
    return {**found, "scores": scores}


def put_back(home: Path, kept: Path) -> None:
    """Make a folder as it was, its files' times too: they are part of a recording's version."""
    for path in home.iterdir():
        if path.is_dir() and path.name != "t":
            shutil.rmtree(path)
    shutil.copytree(kept, home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("t"))
