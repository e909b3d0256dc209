"""Everything that reads what a person, a tool or an earlier run wrote, each with a right file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batch.config import load_config
from batch.outputs import Outputs
from batch.plan import Plan
from batch.report.verdict_file import read_verdicts
from manifests.label_forms import load_labels
from manifests.manifest_file import read_manifest
from manifests.metadata import load_metadata
from manifests.pointers import read_pointers
from manifests.reference_forms import load_references
from manifests.references import match_references
from manifests.storage import open_store
from transform_handler.records import TranscriptRecord

RIGHT = Path(__file__).with_name("right")
GOLDEN = Path(__file__).parents[1] / "golden"
PATHS = ["day/a.wav", "b.wav", "meeting 1.flac"]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """``read`` is given the file, in a folder with what belongs ``beside`` it."""

    name: str
    read: Callable[[Path], Any]
    beside: Mapping[str, bytes] = field(default_factory=dict)
    right: bytes = b""

    @property
    def sample(self) -> bytes:
        """A file that is right."""
        return self.right or (RIGHT / self.name).read_bytes()

    def file(self, folder: Path, data: bytes) -> Path:
        """The bytes in a folder, as the reader expects to find them."""
        for name, other in self.beside.items():
            (folder / name).write_bytes(other)
        path = folder / self.name
        path.write_bytes(data)
        return path


def _pointers(path: Path) -> Any:
    return list(read_pointers(path.read_bytes().decode("utf-8", "replace"), name=path.name))


def _plan(path: Path) -> Any:
    plan = Plan.from_json(path.read_bytes(), name=path.name)
    return plan.recordings, plan.seconds, plan.sends_sound, plan.to_json()


def _verdicts(path: Path) -> Any:
    return [one.as_json() for one in read_verdicts(path).entries]


def _records(path: Path) -> Any:
    """As collection reads an output: what is no record is none at all."""
    plan = Plan.from_json((RIGHT / "plan.json").read_bytes(), name="plan.json")
    return Outputs(store=open_store(path.parent), plan=plan)._read(path.read_bytes())


def _record(line: str) -> Any:
    try:
        return TranscriptRecord.from_line(line).to_line()
    except ValueError:
        return None


def _references(path: Path) -> Any:
    found = load_references(str(path))
    return match_references(found, PATHS), [one.text.encode() for one in found]


def _scored(path: Path) -> Any:
    return load_references(str(path.parent / "references.stm"), scored=str(path))


def _right(name: str) -> bytes:
    return (RIGHT / name).read_bytes()


def _kaldi(name: str) -> Reader:
    files = ("wav.scp", "text", "segments")
    return Reader(
        name=name,
        read=lambda path: load_labels(f"kaldi:{path.parent}"),
        beside={one: _right(one) for one in files if one != name},
    )


def _labels(name: str, *beside: str) -> Reader:
    sound = {"b.wav": b"RIFF"}
    return Reader(
        name=name,
        read=lambda path: load_labels(str(path)),
        beside=sound | {one: _right(one) for one in beside},
    )


def _ours() -> bytes:
    """Golden records as the model of ``right/plan.json`` would have written them."""
    lines = [json.loads(line) for line in (GOLDEN / "transcripts.jsonl").read_text().splitlines()]
    for line in lines:
        line["model"]["digest"], line["decode"]["digest"] = "0", "1"
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


READERS = [
    Reader(name="shard.jsonl", read=_pointers, right=(GOLDEN / "shard.jsonl").read_bytes()),
    Reader(
        name="manifest.json",
        read=lambda path: read_manifest(path.read_bytes(), name=path.name),
        right=(GOLDEN / "manifest.json").read_bytes(),
    ),
    Reader(name="plan.json", read=_plan),
    Reader(name="nightscribe.toml", read=load_config),
    Reader(name="meetings.csv", read=lambda path: load_metadata(str(path), PATHS)),
    Reader(name="meetings.tsv", read=lambda path: load_metadata(str(path), PATHS)),
    Reader(name="verdicts.json", read=_verdicts),
    Reader(name="transcripts.jsonl", read=_records, right=_ours()),
    Reader(
        name="records.jsonl",
        read=lambda path: list(map(_record, path.read_text("utf-8", "replace").split("\n"))),
        right=_ours(),
    ),
    *(
        Reader(name=f"references.{form}", read=_references)
        for form in ("tsv", "csv", "jsonl", "json", "stm", "ctm", "rttm", "vtt", "srt")
    ),
    Reader(
        name="regions.uem",
        read=_scored,
        beside={"references.stm": b"b 1 x 0 4 hello\nb 1 y 3 6 there\nday/a 1 x 0 1 yes\n"},
    ),
    _labels("labels.jsonl"),
    _labels("labels.tsv"),
    _labels("metadata.csv"),
    _labels("labels.stm"),
    *map(_kaldi, ("text", "segments", "wav.scp")),
    _labels("supervisions.jsonl", "recordings.jsonl"),
    _labels("recordings.jsonl", "supervisions.jsonl"),
    _labels("cuts.jsonl"),
]
