"""What learns at a step, and how fast."""

import pytest

from training.running.schedule import Thaw, parameter_groups
from training.settings import Settings


def learning(network):
    return {name for name, p in network.named_parameters() if p.requires_grad}


def head(names):
    return {name for name in names if name.startswith("lm_head")}


def features(names):
    return {name for name in names if ".feature_extractor." in name}


def test_the_feature_encoder_is_frozen_unless_it_is_asked_for(acoustic):
    Thaw(acoustic.network, Settings()).at(100)
    names = learning(acoustic.network)
    assert head(names)
    assert names - head(names)
    assert not features(names)
    Thaw(acoustic.network, Settings(freeze_feature_encoder=False)).at(0)
    assert not features(learning(acoustic.network)), "frozen for good by the schedule before"


def test_first_the_head_then_the_body_then_the_feature_encoder(acoustic):
    network = acoustic.network
    everything = learning(network)
    thaw = Thaw(network, Settings(head_only_steps=2, thaw_encoder_at=5))
    assert learning(network) == everything, "all that ever learns is there when it is prepared"
    met = {}
    for step in (0, 1, 2, 4, 5, 9):
        thaw.at(step)
        met[step] = learning(network)
    assert met[0] == met[1] == head(everything)
    assert met[2] == met[4] == everything - features(everything)
    assert met[5] == met[9] == everything


def test_what_was_frozen_before_stays_frozen(acoustic):
    """LoRA and adapters freeze their base; no schedule may wake it."""
    network = acoustic.network
    network.requires_grad_(requires_grad=False)
    network.lm_head.requires_grad_(requires_grad=True)
    Thaw(network, Settings(freeze_feature_encoder=False, head_only_steps=1)).at(5)
    assert learning(network) == head(learning(network))


def test_each_layer_learns_a_share_as_fast_as_the_one_above(acoustic):
    network = acoustic.network
    settings = Settings(
        learning_rate=1.0,
        layer_decay=0.5,
        head_learning_rate_factor=3,
        freeze_feature_encoder=False,
    )
    rates = {}
    for group in parameter_groups(network, settings):
        for parameter in group["params"]:
            rates[id(parameter)] = group["lr"]
    of = {name: rates[id(p)] for name, p in network.named_parameters()}
    assert of["lm_head.weight"] == 3
    assert of["wav2vec2.encoder.layer_norm.weight"] == 1
    assert of["wav2vec2.encoder.layers.0.attention.k_proj.weight"] == 0.5
    assert of["wav2vec2.feature_projection.projection.weight"] == 0.25
    assert of["wav2vec2.feature_extractor.conv_layers.0.conv.weight"] == 0.25
    assert len(of) == len(rates)


def test_neither_biases_nor_norms_decay(acoustic):
    names = {id(p): name for name, p in acoustic.network.named_parameters()}
    for group in parameter_groups(acoustic.network, Settings(weight_decay=0.1)):
        for parameter in group["params"]:
            name = names[id(parameter)]
            free = name.endswith("bias") or "layer_norm" in name
            assert group["weight_decay"] == (0 if free else 0.1), name


@pytest.mark.parametrize("mask", [0.0, 0.5])
def test_a_mask_hides_frames_in_training_only_and_leaves_the_config_alone(acoustic, mask):
    import torch

    from training.models.masking import Masking

    network = acoustic.network.train()
    before = network.config.to_dict()
    masking = Masking(network, Settings(mask_time_prob=mask, mask_time_length=3))
    sound = torch.randn(2, 16_000)
    plain = network(sound).logits
    with masking.over(acoustic.output_length(16_000)):
        hidden = network(sound).logits
        heard = network.eval()(sound).logits
    assert torch.equal(hidden, plain) == (mask == 0)
    assert torch.equal(heard, plain)
    assert network.config.to_dict() == before
    assert "masked_spec_embed" not in str(sorted(network.state_dict()))


def test_an_utterance_shorter_than_a_mask_can_be_masked(acoustic):
    import torch

    from training.models.masking import Masking

    network = acoustic.network.train()
    settings = Settings(mask_time_prob=1.0, mask_time_length=10_000, mask_feature_prob=0.5)
    with Masking(network, settings).over(acoustic.output_length(4_000)):
        assert network(torch.randn(1, 4_000)).logits.isfinite().all()
