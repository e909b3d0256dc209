"""The product's story in a few minutes: transcribe, score, fine-tune, transcribe again, compare.

Runs the same commands that a person would type, on the sound and the model that ship with the
project. Nothing is downloaded.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from batch.cli.training_commands import metric_lines
from batch.parquet import read_parquet
from manifests.local_store import path_of_uri

HOME = Path(__file__).parent
OUTPUT = HOME / "output"
CONFIG = HOME / "nightscribe.toml"
COMMAND = Path(sys.executable).with_name("nightscribe")
NEW_VOICE = "awb"
COUNTS = ("substitutions", "deletions", "insertions", "reference_words")


def main() -> None:
    """Tell the story."""
    started = time.monotonic()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    say("1. Transcribe and score the archive with the model that ships with the project")
    before = run("run", CONFIG)["runs"][0]
    say(f"2. Fine-tune it on a few minutes of {NEW_VOICE}, a voice that it has never heard")
    trained = run("train", CONFIG)
    print("\n".join(metric_lines(trained["metrics"])))
    say("3. Transcribe the archive again with the fine-tuned model")
    again = ("--model", trained["model"], "--on-model-change", "all")
    result = run("run", CONFIG, *again)
    say("4. Word error rate (WER), before and after")
    compare(before, result["runs"][0])
    print(f"\ntranscripts  {path_of(result['transcripts'])}")
    print(f"report       {path_of(result['runs'][0]['report'])}")
    print(f"\nThe whole demo took {time.monotonic() - started:.0f} s.")


def say(text: str) -> None:
    """A heading."""
    print(f"\n=== {text}", flush=True)


def run(*words: str | Path) -> Any:
    """Run a nightscribe command, as a person would, and read its JSON."""
    command = [str(word) for word in words]
    print("$ nightscribe " + " ".join(command), flush=True)
    answer = subprocess.run([COMMAND, *command, "--json"], stdout=subprocess.PIPE, check=False)
    if answer.returncode != 0:
        sys.exit(answer.returncode)
    return json.loads(answer.stdout)


def compare(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Both WERs side by side: of the new voice, of the others, and of the whole archive."""
    print(f"{'':<20}{'shipped model':<40}{'fine-tuned'}")
    names = (f"the voice {NEW_VOICE}", "other recordings", "all recordings")
    columns = [counted(report_folder(one)) for one in (before, after)]
    for name, old, new in zip(names, *columns, strict=True):
        print(f"{name:<20}{shown(old):<40}{shown(new)}")
    print("(S, D, I: words substituted, deleted, inserted, of N words of the references;")
    print(
        f" normalised by {before['scores']['rules']['normalizer']}; "
        "none of these recordings was trained on)"
    )


def report_folder(one: dict[str, Any]) -> Path:
    """Where a run's report and tables lie."""
    return path_of(one["report"]).parent


def counted(folder: Path) -> list[tuple[int, ...]]:
    """S, D, I, N of the recordings in the new voice alone, of the others, and of all."""
    rows = read_parquet((folder / "scores.parquet").read_bytes()).to_pylist()
    scored = [row for row in rows if row["status"] in ("ok", "empty")]
    new = [row for row in scored if row["path"] in new_voice()]
    others = [row for row in scored if row not in new]
    return [
        tuple(sum(row[name] for row in part) for name in COUNTS) for part in (new, others, scored)
    ]


def new_voice() -> set[str]:
    """The recordings that are spoken by the new voice alone."""
    with (HOME / "meetings.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["recording"] for row in csv.DictReader(file) if row["speaker_voices"] == NEW_VOICE
        }


def shown(counts: tuple[int, ...]) -> str:
    """``WER 12.3 % (S 1, D 2, I 3, N 49)``."""
    substitutions, deletions, insertions, words = counts
    rate = (substitutions + deletions + insertions) / words
    return f"{rate:.1%} (S {substitutions}, D {deletions}, I {insertions}, N {words})"


def path_of(uri: str) -> Path:
    """The path of a file URI."""
    return path_of_uri(uri)


if __name__ == "__main__":
    main()
