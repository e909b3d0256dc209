"""Several voices in one utterance, made from the corpus once that is built.

A model that heard one voice an utterance does twice as badly where voices take turns within a
window, as they do in meetings. This joins the corpus's single sentences, from different voices
and at different levels, and lists them beside the corpus itself in `demo/build/turns`.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import soundfile

from demo.recipe.synthesise import SAMPLE_RATE
from demo.recipe.texts import SEED

_LONGEST_SECONDS = 18.0
# Of the corpus's own utterances, every third stays beside the joined ones.
_KEPT_EVERY = 3


def write_turns(build: Path) -> None:
    """Write the joined utterances and their manifest into `build/turns`."""
    corpus, target = build / "pretrain", build / "turns"
    target.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in (corpus / "manifest.jsonl").open(encoding="utf-8")]
    rng = Random(SEED + 7)
    short = [row for row in rows if row["text"] and row["duration"] < 6.0]
    rng.shuffle(short)
    joined = [_written(group, corpus, target, n, rng) for n, group in enumerate(_groups(short))]
    kept = [
        {**row, "audio_filepath": f"../pretrain/{row['audio_filepath']}"}
        for row in rows[::_KEPT_EVERY]
    ]
    lines = "".join(json.dumps(row) + "\n" for row in [*joined, *kept])
    (target / "manifest.jsonl").write_text(lines, "utf-8")


def _groups(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows in turn until the longest utterance is full."""
    groups: list[list[dict[str, Any]]] = [[]]
    for row in rows:
        filled = sum(one["duration"] + 1.0 for one in groups[-1])
        if groups[-1] and filled + row["duration"] > _LONGEST_SECONDS:
            groups.append([])
        groups[-1].append(row)
    return groups


def _written(
    group: list[dict[str, Any]], corpus: Path, target: Path, number: int, rng: Random
) -> dict[str, Any]:
    pieces: list[np.ndarray] = []
    for row in group:
        sound, _ = soundfile.read(corpus / row["audio_filepath"], dtype="float32")
        pause = np.zeros(round(rng.uniform(0.15, 1.2) * SAMPLE_RATE), "f4")
        pieces += [sound * 10 ** (rng.uniform(-8, 0) / 20), pause]
    joined = np.concatenate(pieces)
    name = f"{number:05d}.wav"
    soundfile.write(target / name, joined, SAMPLE_RATE, subtype="PCM_16")
    return {
        "audio_filepath": name,
        "duration": round(len(joined) / SAMPLE_RATE, 3),
        "text": " ".join(row["text"] for row in group),
        "speaker": "several",
    }
