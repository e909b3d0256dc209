"""What the tests share: a tiny model, sound that is made on the spot, stores of both kinds."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).parents[2] / "shared"
DEMO_MODEL = Path(__file__).parents[1] / "models" / "demo"
DEMO_SOUND = Path(__file__).parents[1] / "demo/finetune/sound"
LETTERS = "abcdefghijklmnopqrstuvwxyz'"

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# The suite runs in a process for each core: torch with threads of its own in each would crawl.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Wav2Vec2ForCTC with its processor: real code, quick, and talks nonsense."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny", seed=0)


@pytest.fixture(scope="session")
def stub_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle without torch: for whatever is not about text (``tests/stub_model``)."""
    from tests.stub_model import stub_bundle

    return stub_bundle(tmp_path_factory.mktemp("stub"))


@pytest.fixture(scope="session")
def warm_launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    from tests.warm_python import warm_launcher

    with warm_launcher(tmp_path_factory.mktemp("warm")) as launcher:
        yield launcher


@pytest.fixture(scope="module")
def warm_python(warm_launcher: Path) -> Iterator[None]:
    """Processes of models start at once (``tests/warm_python``)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(warm_launcher))
        yield


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    """An S3 of our own on this machine, for this process and its children; its URL."""
    from moto.server import ThreadedMotoServer

    from manifests import s3_store

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ENDPOINT_URL", url)
        # moto has no price list, and says so on standard output.
        patch.setenv("AWS_ENDPOINT_URL_PRICING", "http://127.0.0.1:9")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("NO_PROXY", "127.0.0.1")
        s3_store._client.cache_clear()
        yield url
        s3_store._client.cache_clear()
    server.stop()


_BUCKETS = count()


@pytest.fixture
def s3_bucket(aws: str) -> str:
    """A fresh, empty bucket's name; this process and its children reach it as ``s3://name/``."""
    import boto3

    name = f"nightscribe-test-{os.getpid()}-{next(_BUCKETS)}"
    boto3.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return name


def make_tiny_model(folder: Path, *, seed: int) -> Path:
    import torch
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        Wav2Vec2Processor,
    )

    folder.mkdir(parents=True)
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "|": 2}
    vocabulary |= {letter: index for index, letter in enumerate(LETTERS, start=3)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = Wav2Vec2CTCTokenizer(
        folder / "vocab.json", unk_token="[UNK]", pad_token="[PAD]", word_delimiter_token="|"
    )
    torch.manual_seed(seed)
    config = Wav2Vec2Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(16, 16, 16),
        conv_kernel=(20, 16, 8),
        conv_stride=(10, 8, 4),
        num_feat_extract_layers=3,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
        mask_time_prob=0.0,
    )
    model = Wav2Vec2ForCTC(config)
    # Random heads say one letter only; a wide one says many, so that texts can differ.
    torch.nn.init.normal_(model.lm_head.weight, std=3.0)
    model.save_pretrained(folder)
    Wav2Vec2Processor(
        feature_extractor=Wav2Vec2FeatureExtractor(do_normalize=True), tokenizer=tokenizer
    ).save_pretrained(folder)
    return folder


def speechlike(seconds: float, *, seed: int = 0, rate: int = 16_000) -> np.ndarray:
    """The demo's speech from some place on: the gate lets it through, and models differ on it."""
    speech = _demo_speech()
    start = int(np.random.default_rng(seed).integers(len(speech)))
    samples = np.resize(np.roll(speech, -start), round(seconds * 16_000))
    if rate == 16_000:
        return samples
    import soxr

    return soxr.resample(samples, 16_000, rate)[: round(seconds * rate)].astype(np.float32)


@functools.cache
def _demo_speech() -> np.ndarray:
    from transform_handler.audio.reading import read_audio

    return np.concatenate([read_audio(path) for path in sorted(DEMO_SOUND.iterdir())])


def write_sound(path: Path, samples: np.ndarray, *, rate: int = 16_000, **options: str) -> Path:
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)
    return path


def shared(name: str) -> Path:
    """A folder of the labelled speech; the test is skipped where it is not."""
    folder = SHARED / name
    if not folder.exists():
        pytest.skip(f"needs the labelled speech in {name}, which is not part of the project")
    return folder
