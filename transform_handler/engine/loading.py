"""A bundle's model folder into an engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifests.errors import InputError
from transform_handler.audio.layout import (
    SAMPLE_RATE,
    WindowLayout,
    is_speech_to_text,
    layout_for,
)
from transform_handler.decoding.decoder import decoder_for
from transform_handler.decoding.greedy import Alphabet
from transform_handler.engine.checkpoints import model_config, refuse_untrained
from transform_handler.engine.converted import converted_in
from transform_handler.engine.ctc_engine import CtcEngine
from transform_handler.engine.frames import Network
from transform_handler.engine.interface import Engine
from transform_handler.engine.openvino_network import OpenVinoNetwork
from transform_handler.engine.text_loading import load_text_engine
from transform_handler.identity import DecodeSettings


@dataclass(frozen=True, kw_only=True)
class LoadedNetwork:
    """A network ready to score, and what its symbols are."""

    network: Network
    alphabet: Alphabet
    layout: WindowLayout


def load_engine(folder: Path, *, device: str, decode: DecodeSettings | None = None) -> Engine[Any]:
    """Load a bundle, or a model folder with its processor; ``decode`` says how to use it.

    Raises:
        InputError: neither a CTC model nor one that writes text, or one whose weights are
            incomplete (a checkpoint that was only pretrained would transcribe with a random head);
            a decoder without its files; or a bundle that was made for other machines.
    """
    settings = decode or DecodeSettings()
    if is_speech_to_text(model_config(folder)):
        return load_text_engine(folder, device=device, settings=settings)
    return load_ctc_engine(folder, device=device, settings=settings)


def load_ctc_engine(folder: Path, *, device: str, settings: DecodeSettings) -> CtcEngine:
    """Load a CTC model.

    Raises:
        InputError: as ``load_engine``.
    """
    loaded = _loaded(folder, device=device, settings=settings)
    seconds_per_frame = loaded.layout.hop / SAMPLE_RATE
    return CtcEngine(
        loaded.network,
        decoder_for(settings, folder, loaded.alphabet, seconds_per_frame),
        blank=loaded.alphabet.blank,
        layout=loaded.layout,
    )


def _loaded(folder: Path, *, device: str, settings: DecodeSettings) -> LoadedNetwork:
    """The model's weights, or what they were converted to for this kind of machine."""
    distribution = settings.beam is not None
    converted = converted_in(folder, device=device)
    if converted is None:
        return load_network(
            folder, device=device, precision=settings.precision, distribution=distribution
        )
    config, processor = _read_settings(folder)
    network = OpenVinoNetwork(
        converted.path, processor.feature_extractor, distribution=distribution
    )
    return LoadedNetwork(
        network=network,
        alphabet=_alphabet(config, processor.tokenizer),
        layout=layout_for(config.to_dict()),
    )


def load_network(
    folder: Path, *, device: str, precision: str = "exact", distribution: bool = False
) -> LoadedNetwork:
    """Load a model folder as a network in torch.

    Raises:
        InputError: as ``load_engine``.
    """
    from transform_handler.engine.half_precision import (  # noqa: PLC0415
        dtypes_for,
        outgrows_float16,
    )
    from transform_handler.engine.torch_network import Options, TorchNetwork  # noqa: PLC0415

    *tried, last = dtypes_for(precision, device)
    for dtype in (*tried, last):
        # A network takes its model over: each precision begins with the folder.
        model, processor = read_model(folder)
        network = TorchNetwork(
            model,
            processor.feature_extractor,
            device=device,
            dtype=dtype,
            options=Options(distribution=distribution),
        )
        if dtype == last or not outgrows_float16(network):
            break
    return LoadedNetwork(
        network=network,
        alphabet=_alphabet(model.config, processor.tokenizer),
        layout=layout_for(model.config.to_dict()),
    )


def _alphabet(config: Any, tokenizer: Any) -> Alphabet:
    return Alphabet.from_vocabulary(
        tokenizer.get_vocab(),
        blank=config.pad_token_id,
        delimiter=getattr(tokenizer, "word_delimiter_token", None),
        specials=frozenset(tokenizer.all_special_tokens),
    )


def read_model(folder: Path) -> tuple[Any, Any]:
    """A folder's CTC model, as its checkpoint has it, and its processor.

    Raises:
        InputError: as ``load_engine``.
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
    refuse_untrained(folder, info, expected="CTC model")
    if getattr(processor, "tokenizer", None) is None:
        raise InputError(f"{folder}: the model has no tokenizer, so its output has no letters")
    return model, processor


def _read_settings(folder: Path) -> tuple[Any, Any]:
    """Configuration and processor of a converted model, whose weights were looked at before."""
    import transformers  # noqa: PLC0415

    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        processor = transformers.AutoProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: not a CTC model with its processor: {error}") from error
    return config, processor
