"""The fine-tuning set: minutes of the voice that the demo model has never heard."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING

from demo.recipe.corpus import HELD_OUT_VOICE
from demo.recipe.encode import write
from demo.recipe.synthesise import SAMPLE_RATE, speak, varied
from demo.recipe.texts import SEED

if TYPE_CHECKING:
    from pathlib import Path

TRAIN_SENTENCES = 80
VALIDATION_SENTENCES = 20
_MIN_WORDS = 7


def write_finetune(sentences: tuple[str, ...], folder: Path) -> None:
    """Write `train.jsonl`, `validation.jsonl` and their sound as Opus."""
    # Shorter ones are stock phrases, which a meeting may hold inside another sentence.
    long_enough = [text for text in sentences if len(text.split()) >= _MIN_WORDS]
    chosen = long_enough[: TRAIN_SENTENCES + VALIDATION_SENTENCES]
    rows = [_write(number, text, folder) for number, text in enumerate(chosen)]
    for name, part in (
        ("train.jsonl", rows[:TRAIN_SENTENCES]),
        ("validation.jsonl", rows[TRAIN_SENTENCES:]),
    ):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in part), "utf-8")


def _write(number: int, text: str, folder: Path) -> dict[str, object]:
    rng = Random(f"{SEED}:finetune:{number}")
    sound = speak(text, varied(HELD_OUT_VOICE, rng, size=0.0, range_=0.05))
    path = folder / "sound" / f"andrew-{number:03d}.opus"
    write(path, sound, source_rate=SAMPLE_RATE, rate=SAMPLE_RATE, kind="opus")
    return {
        "audio_filepath": str(path.relative_to(folder)),
        "duration": round(len(sound) / SAMPLE_RATE, 3),
        "text": text,
        "speaker": "andrew",
    }
