import pytest
import torch
from safetensors.torch import load_file, save_file

from training.models.head import is_pretrained_only
from training.models.model import ModelError, load_base


def test_a_saved_model_is_a_base_again_with_its_own_vocabulary(acoustic, tmp_path):
    acoustic.save(tmp_path / "base")
    base = load_base(tmp_path / "base")
    assert base.vocabulary == acoustic.vocabulary
    assert base.network.config.ctc_loss_reduction == "mean"
    assert base.network.config.ctc_zero_infinity


def test_a_checkpoint_without_a_head_is_refused(acoustic, tmp_path):
    acoustic.save(tmp_path / "base")
    weights = tmp_path / "base" / "model.safetensors"
    kept = {k: v for k, v in load_file(weights).items() if not k.startswith("lm_head")}
    save_file(kept, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"missing keys .*lm_head.*only pretrained"):
        load_base(tmp_path / "base")


def test_unexpected_weights_are_refused(acoustic, tmp_path):
    acoustic.save(tmp_path / "base")
    weights = tmp_path / "base" / "model.safetensors"
    tensors = load_file(weights)
    save_file(
        {**tensors, "quantizer.codevectors": tensors["lm_head.bias"].clone()},
        weights,
        metadata={"format": "pt"},
    )
    with pytest.raises(ModelError, match="unexpected keys"):
        load_base(tmp_path / "base")


def test_mixing_takes_a_share_of_each_weight(acoustic):
    base = acoustic.weights()
    with torch.no_grad():
        acoustic.network.lm_head.bias += 1
    acoustic.mix(base, 0.25)
    assert torch.allclose(acoustic.network.lm_head.bias, base["lm_head.bias"] + 0.75)
    assert torch.equal(acoustic.network.lm_head.weight, base["lm_head.weight"])


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        load_base(tmp_path)


def test_the_files_that_old_and_new_readers_look_for_are_written(acoustic, tmp_path):
    acoustic.save(tmp_path / "base")
    names = {path.name for path in (tmp_path / "base").iterdir()}
    assert names >= {
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "processor_config.json",
        "tokenizer_config.json",
        "vocab.json",
    }


@pytest.mark.parametrize(
    "spoilt",
    ["config.json", "model.safetensors", "*vocab*|*token*", "pre*|proc*", "model.safetensors|"],
)
def test_a_folder_that_is_not_whole_is_named(acoustic, tmp_path, spoilt):
    acoustic.save(tmp_path)
    paths = [path for pattern in spoilt.split("|") if pattern for path in tmp_path.glob(pattern)]
    for path in paths:
        path.unlink() if "|" in spoilt else path.write_bytes(path.read_bytes()[:1000][:-9])
    with pytest.raises(ModelError) as raised:
        load_base(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path}: cannot be loaded (")
    assert "expected a whole folder of a CTC model" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_weights_that_are_cut_off_are_no_pretrained_checkpoint(acoustic, tmp_path):
    acoustic.save(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        is_pretrained_only(tmp_path)
