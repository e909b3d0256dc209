"""A model folder that writes text into an engine: Whisper and Speech2Text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from manifests.errors import InputError
from transform_handler.audio.layout import layout_for
from transform_handler.decoding.vocabulary_text import VocabularyText
from transform_handler.engine.checkpoints import model_config, refuse_fast, refuse_untrained
from transform_handler.engine.text_engine import TextEngine
from transform_handler.engine.written import TextNetwork
from transform_handler.identity import DecodeSettings

TextOf = Callable[[Sequence[int]], str]


def load_text_engine(folder: Path, *, device: str, settings: DecodeSettings) -> TextEngine:
    """Load a bundle or a folder of a model that writes text.

    Raises:
        InputError: another architecture, a checkpoint with missing weights, no tokenizer, or
            settings that are for CTC models.
    """
    refuse_fast(folder.name, settings.precision)
    if settings.beam is not None:
        raise InputError(f'[decode] method = "beam" is for CTC models, and {folder.name} is none')
    network = load_text_network(folder, device=device)
    return TextEngine(network, layout=layout_for(model_config(folder)))


def load_text_network(folder: Path, *, device: str) -> TextNetwork:
    """The model of a folder in torch.

    Raises:
        InputError: as ``load_text_engine``.
    """
    import transformers  # noqa: PLC0415
    from safetensors import SafetensorError  # noqa: PLC0415

    from transform_handler.engine.speech2text_network import Speech2TextNetwork  # noqa: PLC0415
    from transform_handler.engine.whisper_network import WhisperNetwork  # noqa: PLC0415

    families = {"whisper": WhisperNetwork, "speech_to_text": Speech2TextNetwork}
    kind = model_config(folder).get("model_type")
    if kind not in families:
        raise InputError(
            f"{folder}: models of type {kind!r} cannot be transcribed with; a CTC model, or one of "
            f"{', '.join(sorted(families))} is expected"
        )
    transformers.utils.logging.disable_progress_bar()
    try:
        model, info = transformers.AutoModelForSpeechSeq2Seq.from_pretrained(
            folder, output_loading_info=True, use_safetensors=True, local_files_only=True
        )
        features = transformers.AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{folder}: not a speech-to-text model: {error}") from error
    refuse_untrained(folder, info, expected="speech-to-text model")
    return families[kind](model, features, decode=_text_of(folder), device=device)


def _text_of(folder: Path) -> TextOf:
    """What makes text of token ids.

    Raises:
        InputError: the folder has nothing that does.
    """
    vocabulary = VocabularyText.read(folder)
    if vocabulary is not None:
        return vocabulary
    import transformers  # noqa: PLC0415

    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, ImportError, KeyError, AttributeError) as error:
        raise InputError(f"{folder}: its tokenizer cannot be read: {error}") from error

    def text(tokens: Sequence[int]) -> str:
        return str(tokenizer.decode(list(tokens), skip_special_tokens=True))

    return text
