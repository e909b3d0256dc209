"""Sound and weights for measuring speed: the demo's speech, and random weights of base size."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from transform_handler.audio.reading import read_audio
from transform_handler.engine.frames import Samples

ROOT = Path(__file__).parents[1]
ARCHIVE, MODEL = ROOT / "demo/archive", ROOT / "models/demo"
_SILENT = frozenset({"empty room.flac", "damaged upload.flac"})


def demo_speech() -> Samples:
    """All that is spoken in the demo's archive, pauses included; shape (n_samples,), 16 kHz."""
    files = [path for path in sorted(ARCHIVE.rglob("*.*")) if path.name not in _SILENT]
    return np.concatenate([read_audio(path) for path in files])


def speech_of(seconds: float) -> Samples:
    """So much of it, over and over."""
    return np.resize(demo_speech(), round(seconds * 16_000))


def random_base_model(folder: Path, *, large: bool = False) -> Path:
    """wav2vec2-base (or large, with layer norm) with random weights and the demo's letters."""
    import torch  # noqa: PLC0415
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC  # noqa: PLC0415

    torch.manual_seed(0)
    size = (
        {
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
            "feat_extract_norm": "layer",
            "do_stable_layer_norm": True,
            "conv_bias": True,
        }
        if large
        else {}
    )
    vocabulary = json.loads((MODEL / "vocab.json").read_text("utf-8"))
    Wav2Vec2ForCTC(
        Wav2Vec2Config(vocab_size=len(vocabulary), pad_token_id=0, **size)
    ).save_pretrained(folder)
    for name in ("vocab.json", "tokenizer_config.json", "preprocessor_config.json"):
        shutil.copy(MODEL / name, folder / name)
    shutil.copy(MODEL / "processor_config.json", folder / "processor_config.json")
    return folder
