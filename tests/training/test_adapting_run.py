import json

import pytest
import torch
from safetensors.torch import load_file

from training.labels.vocabulary import build_vocabulary
from training.models.model import load_base, new_model
from training.train import main

SETTINGS = {
    "steps": 4,
    "warmup_steps": 1,
    "batch_seconds": 1.5,
    "evaluation_steps": 2,
    "logging_steps": 1,
    "learning_rate": 0.01,
    "base_share": 0.0,
}


@pytest.fixture
def base(tmp_path, architecture):
    """A tiny model with adapter layers."""
    changes = {"feat_extract_norm": "layer", "adapter_attn_dim": 4}
    architecture.write_text(json.dumps({**json.loads(architecture.read_text()), **changes}))
    torch.manual_seed(0)
    folder = tmp_path / "base"
    new_model(architecture, build_vocabulary(["all hello there"])).save(folder)
    return folder


def train(tmp_path, base, channel, **settings):
    hyperparameters = json.dumps({**SETTINGS, **settings})
    output = tmp_path / "model"
    arguments = ["--hyperparameters", hyperparameters, "--base", str(base), "--output", str(output)]
    channels = ["--train", str(channel), "--validation", str(channel)]
    checkpoints = ["--checkpoints", str(tmp_path / "checkpoints")]
    assert main([*arguments, *channels, *checkpoints]) == 0
    load_base(output)
    return load_file(output / "model.safetensors")


def changed(base, weights, tmp_path):
    load_base(base).save(tmp_path / "again")
    before = load_file(tmp_path / "again/model.safetensors")
    assert before.keys() == weights.keys()
    return {
        name
        for name, weight in weights.items()
        if weight.shape != before[name].shape or not weight.equal(before[name])
    }


def test_a_run_with_lora_writes_a_plain_model(tmp_path, base, channel):
    pytest.importorskip("peft")
    weights = train(tmp_path, base, channel, lora_rank=2, lora_dropout=0.1)
    names = changed(base, weights, tmp_path)
    assert any(name.endswith("q_proj.weight") for name in names)
    allowed = ("_proj.weight", "_dense.weight", "lm_head.weight", "lm_head.bias")
    assert all(name.endswith(allowed) for name in names)


def test_a_run_for_a_new_language_changes_adapters_and_head_only(tmp_path, base, channel):
    weights = train(tmp_path, base, channel, adapter_language="fao", vocabulary="labels")
    names = changed(base, weights, tmp_path)
    assert any("adapter_layer" in name for name in names)
    assert all(".adapter_layer." in n or n.startswith("lm_head.") for n in names)
