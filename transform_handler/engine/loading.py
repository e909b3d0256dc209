"""A bundle's model folder into an engine."""

from __future__ import annotations

from pathlib import Path

from manifests.errors import InputError
from transform_handler.audio.layout import layout_for
from transform_handler.decoding.greedy import Alphabet
from transform_handler.engine.ctc_engine import CtcEngine
from transform_handler.engine.interface import BatchLimits
from transform_handler.engine.torch_network import TorchNetwork


def load_engine(folder: Path, *, device: str) -> CtcEngine:
    """Load a model folder with its processor.

    Raises:
        InputError: no CTC model, or one whose weights are incomplete (a checkpoint that was
            only pretrained would transcribe with a random head).
    """
    import transformers  # noqa: PLC0415
    from safetensors import SafetensorError  # noqa: PLC0415

    transformers.utils.logging.disable_progress_bar()
    try:
        model, info = transformers.AutoModelForCTC.from_pretrained(
            folder, output_loading_info=True, use_safetensors=True, local_files_only=True
        )
        processor = transformers.AutoProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{folder}: not a CTC model with its processor: {error}") from error
    if info["missing_keys"] or info["mismatched_keys"]:
        missing = ", ".join(sorted(map(str, [*info["missing_keys"], *info["mismatched_keys"]]))[:4])
        raise InputError(
            f"{folder}: the checkpoint lacks trained weights ({missing}); "
            "a fine-tuned CTC model is expected, not a pretrained one"
        )
    tokenizer = getattr(processor, "tokenizer", None)
    if tokenizer is None:
        raise InputError(f"{folder}: the model has no tokenizer, so its output has no letters")
    return CtcEngine(
        TorchNetwork(model, processor.feature_extractor, device=device),
        Alphabet.from_vocabulary(
            tokenizer.get_vocab(),
            blank=model.config.pad_token_id,
            delimiter=getattr(tokenizer, "word_delimiter_token", None),
            specials=frozenset(tokenizer.all_special_tokens),
        ),
        layout=layout_for(model.config.to_dict()),
        limits=BatchLimits(windows=1 if device == "cpu" else 16),
    )
