import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.labels.vocabulary import Vocabulary, build_vocabulary
from training.models.model import Acoustic, new_model

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8, 8, 8],
    "conv_kernel": [20, 16, 8],
    "conv_stride": [10, 8, 4],
    "feat_extract_norm": "group",
    "do_stable_layer_norm": True,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "hidden_dropout": 0.0,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "feat_proj_dropout": 0.0,
    "final_dropout": 0.0,
    "layerdrop": 0.0,
    "mask_time_prob": 0.0,
}


@pytest.fixture
def architecture(tmp_path: Path) -> Path:
    path = tmp_path / "architecture.json"
    path.write_text(json.dumps(TINY))
    return path


LIVELY = {
    **TINY,
    "num_hidden_layers": 3,
    "hidden_dropout": 0.1,
    "attention_dropout": 0.1,
    "activation_dropout": 0.1,
    "feat_proj_dropout": 0.1,
    "final_dropout": 0.1,
    "layerdrop": 0.3,
    "mask_time_prob": 0.1,
}
"""All that draws random numbers in a step."""


@pytest.fixture
def lively_architecture(tmp_path: Path) -> Path:
    path = tmp_path / "lively.json"
    path.write_text(json.dumps(LIVELY))
    return path


@pytest.fixture
def vocabulary() -> Vocabulary:
    return build_vocabulary(["all hello there"])


@pytest.fixture
def acoustic(architecture: Path, vocabulary: Vocabulary) -> Acoustic:
    import torch

    torch.manual_seed(0)
    return new_model(architecture, vocabulary)


@pytest.fixture(scope="module")
def no_picture() -> Iterator[None]:
    """Curves are a table only: drawing them takes longer than a tiny model's training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.evaluating.curves._write_picture", lambda *_: None)
        yield


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    """Eight utterances of noise, some of equal length, one with nothing said."""
    return noise_channel(tmp_path / "channel")


@pytest.fixture
def long_channel(tmp_path: Path) -> Path:
    """Thirty-two such utterances, in which an epoch has a middle."""
    return noise_channel(tmp_path / "long-channel", rounds=4)


def noise_channel(folder: Path, *, rounds: int = 1) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = []
    spoken = ("all", "hello", "there", "all there", "hello all", "all hello", "hello there", "")
    lengths = (0.5, 0.5, 0.6, 0.75, 0.75, 0.9, 1.1, 0.4)
    pairs = list(zip(lengths, spoken, strict=True)) * rounds
    for number, (seconds, text) in enumerate(pairs):
        sound = rng.standard_normal(round(seconds * 16_000)) * 0.1
        soundfile.write(folder / f"{number}.wav", sound, 16_000, "FLOAT")
        rows.append({"audio_filepath": f"{number}.wav", "duration": seconds, "text": text})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder
