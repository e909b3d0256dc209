"""Small models that write text, with random weights, as folders that a checkpoint comes in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

WORDS = ("▁a", "▁be", "▁see", "▁dee", "ing", "ed", "▁effort", "▁gee", "▁aitch", "▁eye")
MOST_TOKENS = 24
LANGUAGES = ("<|en|>", "<|de|>", "<|zh|>")


def whisper(folder: Path, *, multilingual: bool = False, heads: bool = True, seed: int = 2) -> Path:
    """A Whisper of two layers; it hears 30 s at a time, as all do."""
    specials = ["<|endoftext|>", "<|startoftranscript|>", *(LANGUAGES if multilingual else ())]
    specials += ["<|translate|>", "<|transcribe|>", "<|notimestamps|>"]
    vocabulary = {token: number for number, token in enumerate([*WORDS, *specials])}
    end, start = (vocabulary[token] for token in specials[:2])
    ends = {"pad_token_id": end, "bos_token_id": end, "eos_token_id": end}
    config = transformers.WhisperConfig(
        vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        max_target_positions=48,
        decoder_start_token_id=start,
        **ends,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )
    model = _random(transformers.WhisperForConditionalGeneration(config), seed)
    # What the library derived from the configuration it derives anew when it loads.
    settings = model.generation_config = transformers.GenerationConfig(
        decoder_start_token_id=start, **ends
    )
    settings.max_length = MOST_TOKENS
    settings.is_multilingual = multilingual
    settings.no_timestamps_token_id = vocabulary["<|notimestamps|>"]
    settings.suppress_tokens = [vocabulary["▁eye"], *range(start, len(vocabulary))]
    settings.begin_suppress_tokens = [end]
    settings.return_timestamps = False
    if multilingual:
        settings.lang_to_id = {one: vocabulary[one] for one in LANGUAGES}
        settings.task_to_id = {
            "translate": vocabulary["<|translate|>"],
            "transcribe": vocabulary["<|transcribe|>"],
        }
    if heads:
        settings.alignment_heads = [[1, 0], [1, 1]]
    model.save_pretrained(folder)
    transformers.WhisperFeatureExtractor().save_pretrained(folder)
    _tokenizer(vocabulary, specials).save_pretrained(folder)
    return folder


def speech2text(folder: Path, *, seed: int = 2) -> Path:
    """A Speech2Text of two layers, whose tokens are SentencePiece's, as all are."""
    vocabulary = {token: at for at, token in enumerate(("<s>", "<pad>", "</s>", "<unk>", *WORDS))}
    config = transformers.Speech2TextConfig(
        vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        conv_channels=16,
        max_target_positions=48,
    )
    model = _random(transformers.Speech2TextForConditionalGeneration(config), seed)
    model.generation_config.max_length = MOST_TOKENS
    model.generation_config.num_beams = 5
    model.save_pretrained(folder)
    transformers.Speech2TextFeatureExtractor().save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    (folder / "sentencepiece.bpe.model").write_bytes(b"")
    return folder


def speech_like(seconds: float, *, seed: int = 0) -> np.ndarray:
    """Noise in bursts, a twentieth of full level; shape (n_samples,)."""
    random = np.random.default_rng(seed)
    count = round(seconds * 16_000)
    level = np.repeat(random.uniform(0, 1, count // 4_000 + 1), 4_000)[:count]
    return (0.05 * level * random.standard_normal(count)).astype(np.float32)


def _random(model: Any, seed: int) -> Any:
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # As they begin, what is heard hardly changes what is written.
            much = "encoder_attn" in name or "positions" in name
            parameter.add_((2.0 if much else 0.5) * torch.randn_like(parameter))
    return model.eval()


def _tokenizer(vocabulary: dict[str, int], specials: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models

    made = Tokenizer(models.WordLevel(vocabulary, unk_token="▁a"))
    made.decoder = decoders.Metaspace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token=specials[0],
        pad_token=specials[0],
        additional_special_tokens=specials[1:],
    )
