"""Small CTC models with random weights, one of each architecture, and what they say unbatched."""

from __future__ import annotations

import copy
import os
from functools import cache
from typing import Any

import numpy as np
import torch
import transformers

DEVICE = os.environ.get("NIGHTSCRIBE_TEST_DEVICE", "cpu")
"""Where the tests' networks compute; ``cuda`` where there is one to be tested."""

CONVOLUTIONS = {
    "conv_dim": (16, 24, 16),
    "conv_kernel": (10, 3, 2),
    "conv_stride": (5, 2, 2),
    "num_feat_extract_layers": 3,
}
SIZES = {
    "vocab_size": 12,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "pad_token_id": 0,
}
POSITIONS = {"num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
GROUP = {"feat_extract_norm": "group", "do_stable_layer_norm": False}
LAYER = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
FIVE_TAPS = {"conv_kernel": (8, 5, 3), "conv_stride": (4, 2, 1)}
ADAPTER = {"add_adapter": True, "num_adapter_layers": 2, "adapter_stride": 2, "layerdrop": 0.0}
BERT = {"feature_projection_input_dim": 160, "conv_depthwise_kernel_size": 7}

FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "wav2vec2 group": ("Wav2Vec2", GROUP),
    "wav2vec2 group, other kernels": ("Wav2Vec2", {**GROUP, **FIVE_TAPS}),
    "wav2vec2 layer": ("Wav2Vec2", LAYER),
    "wav2vec2 layer, post-norm": ("Wav2Vec2", {**LAYER, "do_stable_layer_norm": False}),
    "MMS": ("Wav2Vec2", {**LAYER, "adapter_attn_dim": 4}),
    "wav2vec2 with an adapter": ("Wav2Vec2", {**LAYER, **ADAPTER}),
    "wav2vec2 with a narrower adapter": (
        "Wav2Vec2",
        {**GROUP, **ADAPTER, "output_hidden_size": 16},
    ),
    "HuBERT group": ("Hubert", GROUP),
    "HuBERT layer": ("Hubert", LAYER),
    "HuBERT with batch norm": ("Hubert", {**GROUP, "conv_pos_batch_norm": True}),
    "WavLM group": ("WavLM", {**GROUP, "num_buckets": 32, "max_bucket_distance": 80}),
    "WavLM layer": ("WavLM", {**LAYER, "num_buckets": 32, "max_bucket_distance": 80}),
    "UniSpeech": ("UniSpeech", LAYER),
    "UniSpeech-SAT": ("UniSpeechSat", GROUP),
    "data2vec": ("Data2VecAudio", {"num_conv_pos_embeddings": 3, "conv_pos_kernel_size": 5}),
    "conformer": ("Wav2Vec2Conformer", {**LAYER, "conv_depthwise_kernel_size": 7}),
    "conformer, rotary": (
        "Wav2Vec2Conformer",
        {**LAYER, "conv_depthwise_kernel_size": 7, "position_embeddings_type": "rotary"},
    ),
    "w2v-BERT": ("Wav2Vec2Bert", BERT),
    "w2v-BERT with an adapter": (
        "Wav2Vec2Bert",
        {**BERT, "add_adapter": True, "num_adapter_layers": 2},
    ),
}
EQUAL_ONLY: dict[str, tuple[str, dict[str, Any]]] = {
    "SEW": ("SEW", {**GROUP, "squeeze_factor": 2}),
}


@cache
def model(name: str) -> Any:
    """A model in float64; take a copy before changing it."""
    kind, changes = {**FAMILIES, **EQUAL_ONLY}[name]
    shapes = {} if kind == "Wav2Vec2Bert" else {**CONVOLUTIONS, **POSITIONS}
    config = getattr(transformers, f"{kind}Config")(**{**SIZES, **shapes, **changes})
    torch.manual_seed(3)
    made = getattr(transformers, f"{kind}ForCTC")(config).double().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            # As they begin many are zero or one, and a mistake about them would not show.
            parameter.add_(0.05 * torch.randn_like(parameter))
        torch.nn.init.normal_(made.lm_head.weight, std=1.0)
    return made


@cache
def extractor(name: str) -> Any:
    if FAMILIES.get(name, ("",))[0] == "Wav2Vec2Bert":
        return transformers.SeamlessM4TFeatureExtractor(feature_size=80, num_mel_bins=80, stride=2)
    return transformers.Wav2Vec2FeatureExtractor(do_normalize=True)


def alone(name: str, samples: np.ndarray, *, dtype: torch.dtype) -> torch.Tensor:
    """Log-probabilities of an unbatched, unpadded pass as the library does it, in float64."""
    network = copy.deepcopy(model(name)).to(dtype)
    if FAMILIES.get(name, ("",))[0] == "Wav2Vec2Bert":
        inputs = dict(extractor(name)(samples, sampling_rate=16_000, return_tensors="pt"))
        inputs["input_features"] = inputs["input_features"].to(dtype)
    else:
        sound = torch.from_numpy(samples).double()
        sound = (sound - sound.mean()) / torch.sqrt(sound.var(correction=0) + 1e-7)
        inputs = {"input_values": sound[None].to(dtype)}
    with torch.inference_mode():
        return network(**inputs).logits[0].double()
