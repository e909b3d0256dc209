"""The pre-training corpus and its held-out sets, written as manifest channels under `demo/build`.

Half of the sound is single sentences, half is 2–4 sentences joined with pauses up to about 16 s,
because the handler reads windows of up to 20 s; a few items are noise with an empty text, so that
the model learns to say nothing.
"""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from demo.recipe.synthesise import SAMPLE_RATE, plain, speak, varied
from demo.recipe.texts import SEED, Texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

SEEN_VOICES = ("slt", "rms", "kal16")
HELD_OUT_VOICE = "awb"
_JOINED_SHARE = 0.6
"""Share of the sentences that are heard joined to others: about two thirds of the sound."""
_SILENT_ITEMS = 50


@dataclass(frozen=True, kw_only=True)
class Item:
    """One utterance to make: `texts` spoken in turn, or noise when there are none."""

    name: str
    texts: tuple[str, ...]
    voice: str
    vary: bool
    seed: int


def write_corpus(texts: Texts, folder: Path) -> None:
    """Write the channels `pretrain`, `heldout`, `heldout-voice` and `open-vocabulary`."""
    write_channel(pretrain_items(texts.pretrain), folder / "pretrain")
    write_channel(_single(texts.heldout, SEEN_VOICES, vary=True), folder / "heldout")
    write_channel(_single(texts.heldout_voice, (HELD_OUT_VOICE,)), folder / "heldout-voice")
    write_channel(_single(texts.open_vocabulary, SEEN_VOICES), folder / "open-vocabulary")


def write_confidence(texts: Texts, folder: Path) -> None:
    """Write the channel `confidence`: fresh sentences, a quarter of them by the held-out voice."""
    voices = (*SEEN_VOICES, HELD_OUT_VOICE)
    write_channel(_single(texts.confidence, voices, vary=True), folder / "confidence")


def write_channel(items: Iterable[Item], folder: Path) -> None:
    """Synthesise the items into `folder`, with a NeMo `manifest.jsonl` of relative paths."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = list(items)
    with ProcessPoolExecutor(2) as pool:
        sounds = pool.map(render, chosen, chunksize=8)
        rows = [_write(item, sound, folder) for item, sound in zip(chosen, sounds, strict=True)]
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def pretrain_items(sentences: Sequence[str]) -> list[Item]:
    """Single sentences, joined ones and noise, each by one voice."""
    rng = Random(SEED + 2)
    groups: list[tuple[str, ...]] = []
    rest = list(sentences)
    joined = round(len(rest) * _JOINED_SHARE)
    while joined > 0:
        size = min(rng.randint(2, 4), joined)
        groups.append(tuple(rest[:size]))
        rest = rest[size:]
        joined -= size
    groups += [(text,) for text in rest] + [()] * _SILENT_ITEMS
    return [
        Item(
            name=f"{number:05d}", texts=group, voice=rng.choice(SEEN_VOICES), vary=True, seed=number
        )
        for number, group in enumerate(groups)
    ]


def render(item: Item) -> np.ndarray:
    """The item's sound, shape (n_samples,), float32."""
    rng = Random(SEED * 1000 + item.seed)
    noise = np.random.default_rng([SEED, item.seed])
    if not item.texts:
        level = 10 ** rng.uniform(-4, -2)
        return (noise.standard_normal(round(rng.uniform(1, 6) * SAMPLE_RATE)) * level).astype("f4")
    delivery = varied(item.voice, rng) if item.vary else plain(item.voice)
    pieces: list[np.ndarray] = []
    for text in item.texts:
        pause = rng.uniform(0.15, 1.2) if pieces else rng.uniform(0.02, 0.25)
        pieces += [np.zeros(round(pause * SAMPLE_RATE), "f4"), speak(text, delivery)]
    return np.concatenate([*pieces, np.zeros(round(rng.uniform(0.02, 0.25) * SAMPLE_RATE), "f4")])


def _single(sentences: Sequence[str], voices: Sequence[str], *, vary: bool = False) -> list[Item]:
    return [
        Item(
            name=f"{number:05d}",
            texts=(text,),
            voice=voices[number % len(voices)],
            vary=vary,
            seed=1_000_000 + number,
        )
        for number, text in enumerate(sentences)
    ]


def _write(item: Item, sound: np.ndarray, folder: Path) -> dict[str, object]:
    path = folder / f"{item.name}.wav"
    soundfile.write(path, sound, SAMPLE_RATE, "PCM_16")
    return {
        "audio_filepath": path.name,
        "duration": round(len(sound) / SAMPLE_RATE, 3),
        "text": " ".join(item.texts),
        "speaker": item.voice,
    }
