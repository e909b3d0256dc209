"""Write models with what each of them hears in a recording, or read them and hear it again.

    exchange.py write FOLDER     a folder a model, with `logits.npy` beside its weights
    exchange.py read FOLDER      JSON: by model the largest difference, and whether the text is same

Reading goes both ways that there are: as a base model of training and as the handler does.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import HubertConfig, HubertForCTC
from transformers.utils import logging

from training.labels.vocabulary import build_vocabulary, tokenizer_for
from training.models.adapting import add_lora, merge_lora
from training.models.model import Acoustic, load_base, new_model
from transform_handler.audio.reading import read_audio
from transform_handler.decoding.greedy import decode_text
from transform_handler.engine.loading import load_engine

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "models/demo"
SOUND = ROOT / "demo/finetune/sound"
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": [16, 16, 16],
    "conv_kernel": [20, 16, 8],
    "conv_stride": [10, 8, 4],
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
}
LETTERS = build_vocabulary(["abcdefghijklmnopqrstuvwxyz' äß"])


def main() -> None:
    logging.disable_progress_bar()
    task, folder = sys.argv[1], Path(sys.argv[2])
    if task == "write":
        write(folder)
    else:
        print(json.dumps({p.name: read(p) for p in sorted(folder.iterdir())}))


def write(folder: Path) -> None:
    torch.manual_seed(0)
    shutil.rmtree(folder, ignore_errors=True)
    for name, acoustic in models().items():
        acoustic.save(folder / name)
        np.save(folder / name / "logits.npy", logits(acoustic))


def models() -> dict[str, Acoustic]:
    """One of each kind that training writes."""
    return {
        "group norm": new({"feat_extract_norm": "group", "do_stable_layer_norm": False}),
        "layer norm": new({}),
        "MMS adapter": new({"adapter_attn_dim": 4}),
        "HuBERT": hubert(),
        "demo, again": load_base(DEMO),
        "demo, LoRA merged": with_lora(),
    }


def new(changes: dict[str, Any]) -> Acoustic:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({**SMALL, **changes}, file)
        file.flush()
        return new_model(Path(file.name), LETTERS)


def hubert() -> Acoustic:
    processor = type(new({}).processor)(
        feature_extractor=new({}).processor.feature_extractor, tokenizer=tokenizer_for(LETTERS)
    )
    sizes = {"vocab_size": len(LETTERS.ids), "pad_token_id": LETTERS.blank_id}
    return Acoustic(network=HubertForCTC(HubertConfig(**SMALL, **sizes)), processor=processor)


def with_lora() -> Acoustic:
    acoustic = load_base(DEMO)
    add_lora(acoustic.network, rank=4, alpha=8.0)
    with torch.no_grad():
        for name, parameter in acoustic.network.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.02)
    merge_lora(acoustic.network)
    return acoustic


def read(folder: Path) -> dict[str, Any]:
    """Both ways of reading against what the writer heard."""
    written = np.load(folder / "logits.npy")
    acoustic = load_base(folder)
    heard = logits(acoustic)
    scores = load_engine(folder, device="cpu").run([sound()])[0]
    alphabet = acoustic.vocabulary.alphabet
    texts = {
        decode_text(ids, alphabet) for ids in (written.argmax(-1), heard.argmax(-1), scores.ids)
    }
    best = torch.log_softmax(torch.from_numpy(written), -1).max(-1).values.numpy()
    differences = (np.abs(heard - written).max(), np.abs(scores.log_probabilities - best).max())
    return {"difference": float(max(differences)), "same_text": len(texts) == 1}


def logits(acoustic: Acoustic) -> np.ndarray:
    """Shape (n_frames, n_vocab)."""
    acoustic.network.eval()
    features = acoustic.processor.feature_extractor(
        sound(), sampling_rate=16_000, return_tensors="pt"
    )
    with torch.inference_mode():
        return acoustic.network(**features).logits[0].numpy()


def sound() -> np.ndarray:
    return read_audio(min(SOUND.iterdir()))


if __name__ == "__main__":
    main()
