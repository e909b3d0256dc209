"""Networks converted for CPUs: as torch has them in float32, alone as among others in int8."""

from __future__ import annotations

import copy
import math
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.precision import converting
from batch.precision.converting import (
    TOLERANCE,
    NotConvertibleError,
    convert,
    heard,
)
from batch.precision.quantising import quantise
from manifests.errors import InputError
from manifests.local_store import uri_of_path
from manifests.pointers import Pointer
from tests.conftest import speechlike, write_sound
from tests.transform_handler.conftest import write_bundle
from tests.transform_handler.small_networks import extractor, model
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import DecoderProcess
from transform_handler.engine import converted
from transform_handler.engine.converted import converted_in, files_of
from transform_handler.engine.frames import Samples
from transform_handler.engine.loading import load_engine
from transform_handler.engine.openvino_network import OpenVinoNetwork
from transform_handler.identity import BundleCard, DecodeSettings
from transform_handler.transcriber import Transcriber

KINDS = ("wav2vec2 group", "wav2vec2 layer")
EVERYWHERE = AllowedPrefixes(prefixes=("file:///",))

Converted = dict[str, OpenVinoNetwork]


def saved(name: str, folder: Path, tiny_model: Path) -> Path:
    """A small network as a model folder; its letters are the tiny model's."""
    shutil.copytree(tiny_model, folder)
    copy.deepcopy(model(name)).float().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def networks(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    folder = tmp_path_factory.mktemp("converted")
    made = {}
    for number, name in enumerate(KINDS):
        source = saved(name, folder / f"model-{number}", tiny_model)
        with pytest.MonkeyPatch.context() as patch:
            # A frame of these is 20 samples: 20 s would be 16,000 of them.
            patch.setattr(converting, "CHECKED_SECONDS", (0.35, 3.0))
            path = convert(source, folder / str(number))
        made[name] = OpenVinoNetwork(path, extractor(name), threads=1, distribution=True)
    return made


SIGNAL_AFTER_A_NETWORK = """
import faulthandler, gc, os, signal, sys, threading
from pathlib import Path
from transform_handler.engine.openvino_network import OpenVinoNetwork

faulthandler.enable()
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
networks = [OpenVinoNetwork(Path(sys.argv[1]), None, threads=1)]
thread = threading.Thread(target=lambda: (networks.clear(), gc.collect()))
thread.start()
thread.join()
os.kill(os.getpid(), signal.SIGUSR1)
"""


def noise(size: int) -> Samples:
    return np.random.default_rng(size).standard_normal(size).astype(np.float32) * np.float32(0.1)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=12, deadline=None)
@given(size=st.integers(2_000, 120_000))
def test_logits_are_torchs_at_any_length(name: str, size: int, networks: Converted) -> None:
    samples = noise(size)
    inputs = extractor(name)(samples, sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        network = copy.deepcopy(model(name)).float()
        expected = network(inputs.input_values).logits[0].numpy()
    found = networks[name].logits(samples)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= TOLERANCE * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("name", KINDS)
def test_a_window_is_scored_the_same_in_any_company(name: str, networks: Converted) -> None:
    network = networks[name]
    windows = [noise(size) for size in (48_000, 3_210, 20_017)]
    together = network(windows, language=None)
    for window, among in zip(windows, together, strict=True):
        (alone,) = network([window], language=None)
        np.testing.assert_array_equal(alone.ids, among.ids)
        np.testing.assert_array_equal(alone.distribution, among.distribution)


def test_scores_are_the_best_of_the_distribution(networks: Converted) -> None:
    (scores,) = networks[KINDS[0]]([noise(30_000)], language=None)
    np.testing.assert_array_equal(scores.ids, scores.distribution.argmax(axis=1))
    np.testing.assert_array_equal(scores.log_probabilities, scores.distribution.max(axis=1))
    np.testing.assert_allclose(np.exp(scores.distribution).sum(axis=1), 1.0, atol=1e-5)


def test_signals_are_handled_when_a_network_went_in_another_thread(
    tiny_model: Path, tmp_path: Path
) -> None:
    # OpenVINO's plugin takes the thread's signal stack along when it goes; the process dies of the
    # next signal (SIGTERM to a worker, SIGCHLD of a child that it reads sound with).
    path = convert(saved(KINDS[0], tmp_path / "model", tiny_model), tmp_path / "converted")
    done = subprocess.run(
        [sys.executable, "-c", SIGNAL_AFTER_A_NETWORK, path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr


def test_adapters_that_change_with_the_language_are_not_converted(
    tiny_model: Path, tmp_path: Path
) -> None:
    folder = saved("MMS", tmp_path / "mms", tiny_model)
    with pytest.raises(NotConvertibleError, match="adapters are changed by language"):
        convert(folder, tmp_path / "converted")


@pytest.fixture(scope="module")
def quantised(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose network is int8."""
    folder = tmp_path_factory.mktemp("quantised")
    bundle = write_bundle(tiny_model, folder / "bundle")
    exact = convert(tiny_model, folder / "made")
    features = transformers.AutoFeatureExtractor.from_pretrained(tiny_model)
    quantise(exact, [heard(features, speechlike(2.0, seed=seed)) for seed in range(4)])
    for name in files_of("int8"):
        (bundle / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "made" / name, bundle / name)
    card = BundleCard.read(bundle)
    decode = replace(card.decode, precision="fast")
    card = BundleCard.of(name="tiny", model_digest="8b17", decode=decode)
    (bundle / "nightscribe.json").write_text(card.to_json())
    return bundle


def test_a_recording_has_the_same_record_alone_and_among_others(
    quantised: Path, tmp_path: Path
) -> None:
    pointers = []
    for number, seconds in enumerate((3.0, 41.0, 1.2, 9.5)):
        path = write_sound(tmp_path / f"{number}.flac", speechlike(seconds, seed=number))
        pointers.append(Pointer(id=str(number), uri=uri_of_path(path)))
    card = BundleCard.read(quantised)
    engine = load_engine(quantised, device="cpu", decode=card.decode)
    with DecoderProcess() as decoder:
        transcriber = Transcriber(engine, card, decoder, EVERYWHERE)
        together = transcriber.transcribe(pointers, deadline=math.inf)
        alone = [transcriber.transcribe([one], deadline=math.inf)[0] for one in pointers]
    assert together == alone
    assert any(record.segments for record in together)
    assert {record.decode["precision"] for record in together} == {"fast"}
    assert {record.model["digest"] for record in together} == {"8b17"}


def test_nothing_stands_in_for_int8_on_machines_that_it_was_not_made_for(
    quantised: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = DecodeSettings(precision="fast")
    with pytest.raises(InputError, match=r"checked on x86 CPUs; this is cuda:0: run it on such"):
        load_engine(quantised, device="cuda:0", decode=fast)
    with monkeypatch.context() as patch:
        patch.setattr(platform, "machine", lambda: "aarch64")
        with pytest.raises(InputError, match="this is a processor of kind aarch64"):
            load_engine(quantised, device="cpu", decode=fast)
    monkeypatch.setattr(converted.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install openvino==2026\.4\.1, or make the bundle"):
        load_engine(quantised, device="cpu", decode=fast)


def test_float32_gives_way_to_the_weights_where_it_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in files_of("fp32"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert converted_in(tmp_path, device="cpu") is not None
    assert converted_in(tmp_path, device="cuda:0") is None
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert converted_in(tmp_path, device="cpu") is None
