import json
import sys

import pytest
import torch
from safetensors.torch import load_file

from training.labels.data import NO_LABEL
from training.models.adapting import add_lora, merge_lora
from training.models.model import ModelError, load_base, new_model

pytest.importorskip("peft")


@pytest.fixture
def base(acoustic, tmp_path):
    acoustic.save(tmp_path / "base")
    return tmp_path / "base"


def adapted(folder, **changes):
    acoustic = load_base(folder)
    add_lora(acoustic.network, **{"rank": 4, "alpha": 8.0, "dropout": 0.0, **changes})
    return acoustic


def train(network, optimizer, steps, begin=0):
    network.train()
    for step in range(begin, begin + steps):
        torch.manual_seed(step)
        sound = torch.randn(2, 8_000)
        labels = torch.tensor([[3, 4, 5], [4, 6, NO_LABEL]])
        network(sound, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def optimizer_of(network):
    return torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-2)


def logits(network):
    torch.manual_seed(0)
    sound = torch.randn(1, 16_000)
    network.eval()
    with torch.no_grad():
        return network(sound).logits


def test_before_the_first_step_the_network_answers_as_its_base(base):
    assert torch.equal(logits(adapted(base).network), logits(load_base(base).network))


def test_only_the_low_rank_maps_and_the_head_learn(base):
    network = adapted(base).network
    before = {name: p.clone() for name, p in network.named_parameters()}
    train(network, optimizer_of(network), 2)
    changed = {n for n, p in network.named_parameters() if not p.equal(before[n])}
    assert changed
    assert all("lora_" in name or name.startswith("lm_head.") for name in changed)
    maps = {name.partition(".lora_")[0].rpartition(".")[2] for name in changed if "lora_" in name}
    assert maps == {"q_proj", "k_proj", "v_proj", "out_proj", "intermediate_dense", "output_dense"}


def test_a_merged_model_is_plain_and_answers_as_the_adapted_one(base, tmp_path):
    acoustic = adapted(base)
    train(acoustic.network, optimizer_of(acoustic.network), 3)
    expected = logits(acoustic.network)
    merge_lora(acoustic.network)
    acoustic.save(tmp_path / "merged")
    merged = load_base(tmp_path / "merged")
    assert not torch.allclose(logits(load_base(base).network), expected, atol=1e-3)
    assert torch.allclose(logits(merged.network), expected, atol=1e-5)
    # Loading and saving may rename weights, as it does in transformers 5.3 and 5.5.
    load_base(base).save(tmp_path / "saved")
    names = [load_file(tmp_path / f / "model.safetensors").keys() for f in ("merged", "saved")]
    assert names[0] == names[1]
    assert "lora" not in json.dumps(json.loads((tmp_path / "merged/config.json").read_text()))


def test_a_network_without_lora_is_left_as_it_is(acoustic):
    before = acoustic.weights()
    merge_lora(acoustic.network)
    assert all(weight.equal(before[name]) for name, weight in acoustic.weights().items())


def test_a_resumed_adaptation_ends_with_the_same_weights(base):
    whole = adapted(base, dropout=0.2).network
    train(whole, optimizer_of(whole), 4)

    first = adapted(base, dropout=0.2).network
    optimizer = optimizer_of(first)
    train(first, optimizer, 2)
    state, moments = first.state_dict(), optimizer.state_dict()

    resumed = adapted(base, dropout=0.2).network
    resumed.load_state_dict(state)
    optimizer = optimizer_of(resumed)
    optimizer.load_state_dict(moments)
    train(resumed, optimizer, 2, begin=2)
    for network in (whole, resumed):
        merge_lora(network)
    ours = resumed.state_dict()
    assert all(weight.equal(ours[name]) for name, weight in whole.state_dict().items())


def test_the_maps_begin_by_the_seed_alone(base):
    first = adapted(base).network.state_dict()
    torch.manual_seed(99)
    second = adapted(base).network.state_dict()
    assert all(weight.equal(second[name]) for name, weight in first.items())
    third = adapted(base, seed=8).network.state_dict()
    assert not all(weight.equal(third[name]) for name, weight in first.items())


def test_torch_keeps_its_random_state(acoustic):
    torch.manual_seed(3)
    state = torch.get_rng_state()
    add_lora(acoustic.network, rank=2, alpha=4.0)
    assert torch.equal(torch.get_rng_state(), state)


def test_every_map_is_reached_where_attention_does_not_call_its_projections(architecture):
    from transformers import WavLMConfig, WavLMForCTC

    settings = {**json.loads(architecture.read_text()), "vocab_size": 8}
    network = WavLMForCTC(WavLMConfig(**settings))
    add_lora(network, rank=2, alpha=4.0)
    train(network, optimizer_of(network), 1)
    lora = [p for name, p in network.named_parameters() if "lora_B" in name]
    assert lora
    assert all(p.abs().sum() > 0 for p in lora)


def test_what_lora_needs_is_named_where_it_is_not_installed(acoustic, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(ModelError, match=r"pip install 'nightscribe\[lora\]'"):
        add_lora(acoustic.network, rank=2, alpha=4.0)


def test_a_network_without_a_transformer_is_refused(architecture, vocabulary):
    settings = {**json.loads(architecture.read_text()), "num_hidden_layers": 0}
    architecture.write_text(json.dumps(settings))
    with pytest.raises(ModelError, match=r"no linear maps in encoder\.layers"):
        add_lora(new_model(architecture, vocabulary).network, rank=2, alpha=4.0)
