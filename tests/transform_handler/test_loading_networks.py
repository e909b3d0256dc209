"""A model folder becomes a network that says what the library says of a window."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from manifests.errors import InputError
from tests.conftest import DEMO_MODEL, speechlike
from transform_handler.engine.loading import load_engine, load_network


@pytest.mark.parametrize(("precision", "share"), [("exact", None), ("fast", 2e-3)])
def test_a_folder_gives_what_an_unbatched_pass_gives(
    tiny_model: Path, precision: str, share: float | None
) -> None:
    """In half precision (``share``) within so much of the largest score."""
    loaded = load_network(tiny_model, device="cpu", precision=precision, distribution=True)
    sound = speechlike(2.0)
    (answer,) = loaded.network([sound], language=None)
    model = transformers.AutoModelForCTC.from_pretrained(tiny_model).eval()
    features = transformers.AutoFeatureExtractor.from_pretrained(tiny_model)
    inputs = features(sound, sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        expected = torch.log_softmax(model(**inputs).logits[0], dim=-1).numpy()
    bound = 1e-4 if share is None else share * np.abs(expected).max()
    np.testing.assert_allclose(answer.distribution, expected, atol=bound)


def test_an_engine_reads_its_networks_scores_with_the_models_own_letters() -> None:
    engine, loaded = load_engine(DEMO_MODEL, device="cpu"), load_network(DEMO_MODEL, device="cpu")
    assert engine._decoder.alphabet == loaded.alphabet
    assert engine._decoder.seconds_per_frame == 0.02
    assert engine.layout == loaded.layout


def test_the_demo_model_has_its_hop_and_takes_one_window_at_once_on_a_cpu() -> None:
    network = load_network(DEMO_MODEL, device="cpu").network
    assert network.hop == 320
    assert network.limits.windows == 1
    assert not network.equal_lengths_only


def test_a_checkpoint_without_a_head_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    model = transformers.Wav2Vec2Model.from_pretrained(tiny_model)
    model.save_pretrained(tmp_path)
    transformers.AutoProcessor.from_pretrained(tiny_model).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="lacks trained weights"):
        load_network(tmp_path, device="cpu")
