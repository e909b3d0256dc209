import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from training.labels.vocabulary import build_vocabulary
from training.models.adapting import load_with_adapter
from training.models.model import ModelError, load_base, new_model

SPECIALS = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4}
ENGLISH = {**SPECIALS, "a": 5, "b": 6, "c": 7}
FRENCH = {**SPECIALS, "é": 5, "a": 6, "ç": 7, "œ": 8}


@pytest.fixture
def checkpoint(tmp_path, architecture):
    """A tiny checkpoint in the form of MMS: English by default, French as an adapter beside it."""
    from transformers import Wav2Vec2CTCTokenizer

    changes = {"feat_extract_norm": "layer", "adapter_attn_dim": 4}
    architecture.write_text(json.dumps({**json.loads(architecture.read_text()), **changes}))
    folder = tmp_path / "mms"
    torch.manual_seed(0)
    for language, ids in (("fra", FRENCH), ("eng", ENGLISH)):
        acoustic = new_model(architecture, build_vocabulary(["a"]))
        acoustic.network.lm_head = torch.nn.Linear(16, len(ids))
        acoustic.network.config.vocab_size = len(ids)
        folder.mkdir(exist_ok=True)
        adapter = {n: p.detach().clone() for n, p in acoustic.network._get_adapters().items()}
        save_file(adapter, folder / f"adapter.{language}.safetensors", metadata={"format": "pt"})
    acoustic.save(folder)
    (folder / "vocab.json").write_text(json.dumps({"eng": ENGLISH, "fra": FRENCH}))
    names = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), target_lang="eng", **names)
    tokenizer.save_pretrained(folder)
    return folder


def logits(network):
    torch.manual_seed(0)
    sound = torch.randn(1, 16_000)
    network.eval()
    with torch.no_grad():
        return network(sound).logits


def test_a_language_of_the_checkpoint_brings_its_adapter_head_and_vocabulary(checkpoint):
    french = load_with_adapter(checkpoint, "fra")
    adapter = load_file(checkpoint / "adapter.fra.safetensors")
    weights = french.weights()
    assert all(weights[name].equal(weight) for name, weight in adapter.items())
    assert dict(french.vocabulary.ids) == FRENCH
    assert logits(french.network).shape[-1] == len(FRENCH)
    assert french.vocabulary.encode("ça") == [7, 6]


def test_only_adapter_layers_and_head_learn(checkpoint):
    network = load_with_adapter(checkpoint, "fra").network
    learning = {name for name, p in network.named_parameters() if p.requires_grad}
    assert learning == set(load_file(checkpoint / "adapter.fra.safetensors"))


def test_a_saved_model_is_whole_and_needs_no_language(checkpoint, tmp_path):
    french = load_with_adapter(checkpoint, "fra")
    with torch.no_grad():
        for parameter in french.network.parameters():
            parameter.add_(0.01 if parameter.requires_grad else 0.0)
    french.save(tmp_path / "saved")
    again = load_base(tmp_path / "saved")
    assert torch.equal(logits(again.network), logits(french.network))
    assert again.vocabulary == french.vocabulary
    assert json.loads((tmp_path / "saved/vocab.json").read_text()) == FRENCH


def test_a_new_language_begins_with_a_random_adapter_by_the_seed(checkpoint):
    vocabulary = build_vocabulary(["bára"])
    first = load_with_adapter(checkpoint, "fao", vocabulary)
    torch.manual_seed(5)
    second = load_with_adapter(checkpoint, "fao", vocabulary)
    english = load_base(checkpoint).weights()
    weights = first.weights()
    assert all(weight.equal(weights[name]) for name, weight in second.weights().items())
    assert first.vocabulary == vocabulary
    fresh = [n for n in weights if "adapter_layer.linear" in n and n.endswith("weight")]
    assert fresh
    assert not any(weights[name].equal(english[name]) for name in fresh)
    kept = [n for n in weights if "adapter_layer" not in n and "lm_head" not in n]
    assert all(weights[name].equal(english[name]) for name in kept)


def test_labels_may_replace_the_vocabulary_of_a_known_language(checkpoint):
    vocabulary = build_vocabulary(["aé!"])
    french = load_with_adapter(checkpoint, "fra", vocabulary)
    head = load_file(checkpoint / "adapter.fra.safetensors")["lm_head.weight"]
    assert french.vocabulary == vocabulary
    assert french.network.lm_head.weight[vocabulary.ids["é"]].equal(head[FRENCH["é"]])


def test_a_new_language_without_a_vocabulary_names_the_languages_that_are_there(checkpoint):
    with pytest.raises(ModelError, match=r"no adapter of 'fao'; known here: eng, fra"):
        load_with_adapter(checkpoint, "fao")


def test_a_base_without_adapter_layers_is_refused(acoustic, tmp_path):
    acoustic.save(tmp_path / "base")
    with pytest.raises(ModelError, match="no adapter layers"):
        load_with_adapter(tmp_path / "base", "fra")


def test_an_adapter_of_another_shape_is_refused(checkpoint):
    path = checkpoint / "adapter.fra.safetensors"
    adapter = load_file(path)
    adapter.pop("lm_head.bias")
    save_file(adapter, path, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"the adapter of 'fra' cannot be used"):
        load_with_adapter(checkpoint, "fra")


@pytest.mark.parametrize("language", ["", "../fra", "fra.eng"])
def test_a_language_that_is_no_code_is_refused(checkpoint, language):
    with pytest.raises(ModelError, match="expected a code"):
        load_with_adapter(checkpoint, language)
