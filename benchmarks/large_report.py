"""A report of very many utterances, from the tables of a run to the page: time and peak memory.

Rows of transcripts and segments with word times are made up in a folder, 20 words each, one in
eight wrong, sixty to a meeting. A process of its own then does what 'nightscribe report' does:
reads, scores, aligns, writes the tables, the exports and the page. Printed for each step: wall
time, and the largest resident size so far; at the end, the largest of all its processes together.

    python -m benchmarks.large_report [--utterances 100000] [--language en]
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.scoring import pairs, peak

DT, RUN = "2026-11-22", "2026-11-22-220000"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--utterances", type=int, default=100_000)
    parser.add_argument("--language", default="und", help="en has slower rules than any other")
    parser.add_argument("--report", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.report:
        write(Path(asked.report), asked.language)
        return
    with tempfile.TemporaryDirectory() as folder:
        make_up(Path(folder), asked.utterances)
        print(f"{asked.utterances:,} utterances of 20 words, language {asked.language}", flush=True)
        options = ["--report", folder, "--language", asked.language]
        reporting = subprocess.Popen([sys.executable, "-m", "benchmarks.large_report", *options])
        largest = 0
        while reporting.poll() is None:
            largest = max(largest, resident(reporting.pid))
            time.sleep(0.2)
        print(f"all processes together: peak {largest / 1e6:,.0f} MB")
        sys.exit(reporting.returncode)


def resident(pid: int) -> int:
    """Bytes of a process and of those that it started (Linux)."""
    total = 0
    try:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
        total += int(status.partition("VmRSS:")[2].split()[0]) * 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(map(resident, map(int, (task / "children").read_text().split())))
    except (OSError, IndexError):
        pass  # it has ended meanwhile
    return total


def make_up(folder: Path, number: int) -> None:
    """References, and the rows of a run."""
    from batch.datasets import RowWriter  # noqa: PLC0415
    from batch.layout import RunKeys  # noqa: PLC0415
    from batch.schema import SCHEMAS  # noqa: PLC0415

    keys, chance = RunKeys(run_id=RUN), random.Random(7)
    writers = {}
    for name, schema in SCHEMAS.items():
        path = folder / keys.rows(name)
        path.parent.mkdir(parents=True)
        writers[name] = RowWriter(path, schema)
    (folder / "archive").mkdir()
    with (folder / "references.tsv").open("w", encoding="utf-8") as references:
        for at, (said, heard) in enumerate(pairs(number)):
            row, segment = rows_of(at, heard, chance)
            references.write(f"{row['path']}\t{said}\n")
            writers["transcripts"].add([row])
            writers["segments"].add([segment])
    for writer in writers.values():
        writer.close()


def rows_of(at: int, heard: str, chance: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    words = list(spoken(heard, chance))
    both = {
        "id": f"{at * 2654435761 % 2**32:020x}",
        "uri": f"s3://acme-meetings/2026/meeting-{at // 60:05d}/utterance-{at:07d}.flac",
        "path": f"meeting-{at // 60:05d}/utterance-{at:07d}.flac",
        "channel": None,
        "text": heard,
        "confidence": chance.random(),
        "run_id": RUN,
    }
    row = {
        **both,
        "status": "ok",
        "duration": words[-1]["end"] + 0.5,
        "channels": 1,
        "size": 320_000,
        "calibrated": True,
        "level_dbfs": chance.uniform(-50, -10),
        "snr_db": chance.uniform(0, 40),
        "language": "en",
        "model": "made",
        "model_digest": "0" * 64,
        "decode_digest": "0" * 64,
        "transcribed_at": datetime(2026, 11, 22, 23, tzinfo=UTC),
        "meta": [
            ("meeting", f"meeting {at // 60}"),
            ("room", f"room {at // 60 % 12}"),
            ("team", f"team {at % 5}"),
        ],
    }
    return row, {**both, "start": 0.0, "end": words[-1]["end"], "words": words}


def spoken(heard: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    at = 0.0
    for word in heard.split():
        end = at + 0.1 + 0.06 * len(word)
        yield {
            "text": word,
            "start": round(at, 2),
            "end": round(end, 2),
            "confidence": chance.random(),
        }
        at = end + chance.random() * 0.2


def write(folder: Path, language: str) -> None:
    """What 'nightscribe report' does with them."""
    from batch.capacity.used import Timing  # noqa: PLC0415
    from batch.config import load_config  # noqa: PLC0415
    from batch.plan import Plan  # noqa: PLC0415
    from batch.score import build_report, write_report, write_scores  # noqa: PLC0415
    from manifests.storage import open_store  # noqa: PLC0415

    (folder / "nightscribe.toml").write_text(
        f'[archive]\nuri = "archive"\nlanguage = "{language}"\n'
        '[references]\nuri = "references.tsv"\n[model]\nuri = "made"\n[output]\nuri = "."\n'
        '[report]\nmeeting = "meeting"\nclips = 0\n',
        "utf-8",
    )
    config = load_config(folder / "nightscribe.toml")
    output = open_store(str(folder))
    plan = Plan(
        run_id=RUN,
        dt=DT,
        created_at=f"{DT}T22:00:00+00:00",
        archive_uri=config.archive.uri,
        output_uri=output.uri,
        channels="mix",
        language=language,
        model="made",
        model_digest="0" * 64,
        decode_digest="0" * 64,
        bundle_uri="",
        listed=0,
        kept=0,
        waiting=0,
        reasons={},
        attempts={},
        shards=(),
        model_request={},
    )
    report = step("scored, aligned", lambda: build_report(output, config, plan, timing(Timing)))
    step("intervals", lambda: (report.interval, report.slices))
    figures = step("tables, exports", lambda: write_scores(output, plan, report))
    step("page", lambda: write_report(output, plan, report))
    place = folder / plan.keys.reports
    interval = figures["wer"]["interval"]
    print(
        f"WER {figures['wer']['rate']:.3%}, {interval['low']:.3%} to {interval['high']:.3%}; "
        + ", ".join(
            f"{name} {(place / name).stat().st_size / 1e6:.1f} MB"
            for name in ("report.html", "scores.parquet", "errors.parquet")
        )
    )


def timing(kind: Any) -> Any:
    return kind(
        started_at=f"{DT}T22:00:00Z",
        finished_at=f"{DT}T23:00:00Z",
        audio_seconds=0.0,
        wall_seconds=0.0,
    )


def step(what: str, work: Callable[[], Any]) -> Any:
    begun = time.perf_counter()
    done = work()
    print(
        f"{what:<16}{time.perf_counter() - begun:7.1f} s, peak {peak() / 1e6:,.0f} MB",
        flush=True,
    )
    return done


if __name__ == "__main__":
    main()
