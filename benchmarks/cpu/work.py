"""The sound of the CPU benchmark, and the model in the three ways that it is run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from batch.bundles import prepare_bundle
from batch.precision.wanted import Precision
from benchmarks.speech import demo_speech, random_base_model
from manifests.storage import open_store
from manifests.tarball import unpack_object
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.engine.frames import Samples

LONG, UTTERANCES = "long", "utterances"


def write_sound(folder: Path, *, minutes: float, utterances: int) -> dict[str, list[Path]]:
    """One recording, and utterances of 1-35 s, as FLAC of 16 kHz."""
    folder.mkdir()
    speech = demo_speech()
    whole = _stretch(speech, 0, round(minutes * 60 * SAMPLE_RATE))
    recording = _write(folder / "recording.flac", whole)
    files, position = [], 0
    lengths = np.random.default_rng(7).uniform(1, 35, utterances)
    for number, seconds in enumerate(lengths):
        size = round(seconds * SAMPLE_RATE)
        files.append(_write(folder / f"{number:03}.flac", _stretch(speech, position, size)))
        position += size
    return {LONG: [recording], UTTERANCES: files}


def seconds_of(paths: list[Path]) -> float:
    """The length of all files together."""
    return sum(soundfile.info(path).duration for path in paths)


def make_models(folder: Path, precisions: Sequence[str]) -> dict[str, Path]:
    """The model's folder, and its bundles of these precisions, unpacked."""
    model = random_base_model(folder / "model")
    made = {"model": model}
    # Random weights transcribe nothing that could be checked.
    for name in precisions:
        precision = Precision(name=name, on_cpu=True, accept=name == "fast")
        bundle = prepare_bundle(str(model), open_store(folder / "out"), precision=precision)
        made[name] = folder / name
        unpack_object(bundle.uri, made[name])
    return made


def _stretch(speech: Samples, position: int, size: int) -> Samples:
    """Speech from some position on, over and over, each time a little less loud."""
    rolled = np.roll(speech, -position)
    turns = -(-size // len(speech))
    return np.concatenate([rolled * np.float32(0.93**turn) for turn in range(turns)])[:size]


def _write(path: Path, samples: Samples) -> Path:
    soundfile.write(path, samples, SAMPLE_RATE)
    return path
