"""A head for a new vocabulary: what the base knows stays, the rest begins at random, repeatably."""

from pathlib import Path

import pytest
import torch

from training.labels.vocabulary import Vocabulary, build_vocabulary
from training.models.head import fit_head, is_pretrained_only, load_pretrained
from training.models.model import Acoustic, ModelError, load_base, new_model

WIDER = build_vocabulary(["zebras all hello there"])


def logits(acoustic: Acoustic) -> torch.Tensor:
    sound = torch.linspace(-1, 1, 8_000).sin()[None]
    return acoustic.network.eval()(sound).logits.detach()[0]


def test_the_same_vocabulary_leaves_the_model_as_it_is(acoustic: Acoustic, vocabulary: Vocabulary):
    assert fit_head(acoustic, vocabulary) is acoustic


def test_symbols_that_the_base_knows_are_said_as_before(acoustic: Acoustic, vocabulary: Vocabulary):
    before = logits(acoustic)
    after = logits(fit_head(acoustic, WIDER))
    assert after.shape[1] == len(WIDER.ids)
    for symbol, index in vocabulary.ids.items():
        torch.testing.assert_close(after[:, WIDER.ids[symbol]], before[:, index])


def test_a_symbol_of_the_other_case_keeps_its_row(architecture: Path):
    upper = new_model(architecture, build_vocabulary(["HELO"]))
    before = logits(upper)[:, upper.vocabulary.ids["H"]]
    lower = fit_head(upper, build_vocabulary(["help"]))
    torch.testing.assert_close(logits(lower)[:, lower.vocabulary.ids["h"]], before)


def test_blank_unknown_and_delimiter_are_known_by_their_role(architecture: Path):
    names = {"<pad>": 0, "<s>": 1, "<unk>": 3, "|": 4, "a": 5}
    base = new_model(
        architecture, Vocabulary(ids={**names, "</s>": 2}, blank="<pad>", unknown="<unk>")
    )
    before = logits(base)
    after = logits(fit_head(base, build_vocabulary(["ab"])))
    torch.testing.assert_close(after[:, :3], before[:, [0, 3, 4]])


def test_new_rows_depend_on_the_seed_alone(architecture: Path, vocabulary: Vocabulary):
    def fitted(seed: int) -> torch.Tensor:
        torch.manual_seed(0)
        base = new_model(architecture, vocabulary)
        torch.manual_seed(seed + 100)  # the global state must not matter
        head = fit_head(base, WIDER, seed=seed).network.lm_head
        return head.weight[WIDER.ids["z"]]

    assert torch.equal(fitted(1), fitted(1))
    assert not torch.equal(fitted(1), fitted(2))


def test_fitting_leaves_the_random_state_alone(acoustic: Acoustic):
    state = torch.get_rng_state()
    fit_head(acoustic, WIDER)
    assert torch.equal(torch.get_rng_state(), state)


def test_new_rows_are_small_and_their_bias_is_zero(acoustic: Acoustic):
    head = fit_head(acoustic, WIDER).network.lm_head
    row = WIDER.ids["z"]
    assert head.bias[row] == 0
    assert 0 < head.weight[row].abs().max() < 10 * acoustic.network.config.initializer_range


def test_a_fitted_model_is_saved_and_loaded_as_any_base(acoustic: Acoustic, tmp_path: Path):
    fitted = fit_head(acoustic, WIDER)
    fitted.save(tmp_path)
    loaded = load_base(tmp_path)
    assert loaded.vocabulary.ids == WIDER.ids
    assert loaded.network.config.vocab_size == len(WIDER.ids)
    assert torch.equal(logits(loaded), logits(fitted))


def test_a_network_without_a_linear_head_is_refused(acoustic: Acoustic):
    acoustic.network.lm_head = torch.nn.Identity()
    with pytest.raises(ModelError, match="no linear lm_head"):
        fit_head(acoustic, WIDER)


@pytest.fixture
def pretrained(acoustic: Acoustic, tmp_path: Path) -> Path:
    """What wav2vec2-base is: encoder, quantiser and projections, no head, no tokenizer."""
    from transformers import Wav2Vec2ForPreTraining

    folder = tmp_path / "pretrained"
    network = Wav2Vec2ForPreTraining(acoustic.network.config)
    network.wav2vec2.load_state_dict(acoustic.network.wav2vec2.state_dict())
    network.save_pretrained(folder)
    acoustic.processor.feature_extractor.save_pretrained(folder)
    return folder


def test_a_pretrained_checkpoint_gets_a_random_head_for_the_labels(
    pretrained: Path, acoustic: Acoustic
):
    torch.manual_seed(5)
    first = load_pretrained(pretrained, WIDER)
    torch.manual_seed(6)
    second = load_pretrained(pretrained, WIDER)
    assert first.vocabulary.ids == WIDER.ids
    assert torch.equal(logits(first), logits(second))
    for name, weight in acoustic.network.wav2vec2.state_dict().items():
        assert torch.equal(first.network.wav2vec2.state_dict()[name], weight), name


def test_an_encoder_alone_gets_a_head_too(acoustic: Acoustic, tmp_path: Path):
    acoustic.network.wav2vec2.save_pretrained(tmp_path)
    acoustic.processor.feature_extractor.save_pretrained(tmp_path)
    assert is_pretrained_only(tmp_path)
    assert load_pretrained(tmp_path, WIDER).network.lm_head.out_features == len(WIDER.ids)


@pytest.mark.parametrize("family", ["Hubert", "WavLM", "UniSpeechSat", "Data2VecAudio", "SEW"])
def test_other_encoders_of_the_family_get_heads(family: str, acoustic: Acoustic, tmp_path: Path):
    import transformers

    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    convolutions = ("conv_dim", "conv_kernel", "conv_stride", "num_conv_pos_embeddings")
    shape = {n: getattr(acoustic.network.config, n) for n in (*names, *convolutions)}
    shape |= {"num_conv_pos_embedding_groups": 4, "num_feat_extract_layers": 3}
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**shape, feat_extract_norm="layer")
    encoder = getattr(transformers, f"{family}Model")(config)
    encoder.save_pretrained(tmp_path)
    acoustic.processor.feature_extractor.save_pretrained(tmp_path)
    first, second = load_pretrained(tmp_path, WIDER), load_pretrained(tmp_path, WIDER)
    assert torch.equal(logits(first), logits(second))
    loaded = first.network.base_model.state_dict()
    for name, weight in encoder.state_dict().items():
        assert torch.equal(loaded[name], weight), name
    assert logits(fit_head(first, build_vocabulary(["other"]))).shape[1] == 8


def test_what_load_base_refuses_is_what_load_pretrained_takes(
    pretrained: Path, acoustic: Acoustic, tmp_path: Path
):
    acoustic.save(tmp_path / "base")
    assert is_pretrained_only(pretrained)
    assert not is_pretrained_only(tmp_path / "base")
    with pytest.raises(ModelError, match="has a CTC head already"):
        load_pretrained(tmp_path / "base", WIDER)


def test_a_head_of_another_size_is_a_head_too(acoustic: Acoustic, tmp_path: Path):
    acoustic.save(tmp_path)
    with pytest.raises(ModelError, match="has a CTC head already"):
        load_pretrained(tmp_path, build_vocabulary(["a"]))


def test_a_half_checkpoint_is_refused(pretrained: Path):
    from safetensors.torch import load_file, save_file

    path = pretrained / "model.safetensors"
    weights = load_file(path)
    del weights["wav2vec2.feature_projection.projection.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"weights missing: \['wav2vec2.feature_projection"):
        load_pretrained(pretrained, WIDER)


def test_a_checkpoint_without_its_feature_extractor_is_refused(pretrained: Path):
    (pretrained / "preprocessor_config.json").unlink()
    with pytest.raises(ModelError, match=r"preprocessor_config\.json"):
        load_pretrained(pretrained, WIDER)


def test_an_empty_folder_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        load_pretrained(tmp_path, WIDER)
