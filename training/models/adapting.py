"""Small parts that learn inside a large base that stays: LoRA (peft) and the adapters of MMS.

Both leave a network whose parameters learn or not by `requires_grad` alone, and that is trained,
checkpointed and resumed like any other: its state dict holds every weight, and loads into a network
that was adapted in the same way. What is saved in the end is a plain model.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.labels.vocabulary import tokenizer_for
from training.models.head import HEAD_SEED, fit_head
from training.models.model import Acoustic, ModelError, load_base

if TYPE_CHECKING:
    from training.labels.vocabulary import Vocabulary

_LAYERS = re.compile(r"(^|\.)encoder\.layers\.\d+\.(?!adapter_layer\.)")
# WavLM's attention takes the weights of its projections and never calls them.
_NOT_CALLED = {"wavlm": re.compile(r"\.attention\.")}
_HEAD = "lm_head"
_LANGUAGE = re.compile(r"[A-Za-z0-9_-]+")
_ADAPTER_FILES = ("adapter.{}.safetensors", "adapter.{}.bin")


def add_lora(
    network: Any, *, rank: int, alpha: float, dropout: float = 0.0, seed: int = HEAD_SEED
) -> None:
    """Give each linear map of the encoder's layers a low-rank one beside it, in place.

    The low-rank maps and the CTC head learn, all else is frozen. The network answers as before
    until its first step, because one factor of each begins at zero. The same seed gives the same
    other factor, and torch's own random state stays as it is (Hu et al. 2021, "LoRA").

    Weights of the base have `.base_layer` in their names from here on: copy what is to be mixed
    in later before, and call `merge_lora` before saving.

    Raises:
        ModelError: peft is not installed, or the network has no such maps.
    """
    import torch  # noqa: PLC0415

    peft = _peft()
    names = _linear_maps(network)
    if not names:
        raise ModelError(
            f"{type(network).__name__} has no linear maps in encoder.layers; LoRA needs a "
            "transformer of the wav2vec2 family"
        )
    config = peft.LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=names, bias="none"
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        peft.inject_adapter_in_model(config, network)
    getattr(network, _HEAD).requires_grad_(requires_grad=True)
    _rest(network)


def merge_lora(network: Any) -> None:
    """Add the low-rank maps to the weights beside them, in place.

    The state dict has the base's names again. A network without LoRA stays as it is.
    """
    layers = {name: module for name, module in network.named_modules() if hasattr(module, "lora_A")}
    for name, layer in layers.items():
        layer.merge(safe_merge=True)
        network.set_submodule(name, layer.get_base_layer())
    if layers:
        del network.peft_config


def load_with_adapter(
    folder: Path, language: str, vocabulary: Vocabulary | None = None, *, seed: int = HEAD_SEED
) -> Acoustic:
    """An MMS checkpoint of which one language's adapter layers and the head learn.

    `language` is a code of the checkpoint (ISO 639-3, with a script where it has several), which
    brings its own head and vocabulary; or a new one, whose adapter begins at random. `vocabulary`
    may then replace the checkpoint's, and must be given for a new language. The tokenizer writes
    this one vocabulary only, and a model saved from here is whole: it needs no adapter file beside
    it (Pratap et al. 2023, "Scaling speech technology to 1,000+ languages").

    Raises:
        ModelError: the folder is no checkpoint with adapters, or its adapter or vocabulary of the
            language cannot be used.
    """
    if not _LANGUAGE.fullmatch(language):
        raise ModelError(
            f"language is {language!r}; expected a code such as fra or urd-script_latin"
        )
    acoustic = load_base(folder)
    network = acoustic.network
    if getattr(network.config, "adapter_attn_dim", None) is None:
        raise ModelError(
            f"{folder}: no adapter layers (adapter_attn_dim); expected a checkpoint of MMS. For "
            "another base use LoRA (lora_rank), or train it whole"
        )
    if any((folder / name.format(language)).is_file() for name in _ADAPTER_FILES):
        acoustic = _with_language(acoustic, folder, language)
    else:
        if vocabulary is None:
            raise ModelError(
                f"{folder}: no adapter of {language!r}; known here: {_languages(folder)}. A new "
                "language needs a vocabulary of its own (vocabulary = 'labels')"
            )
        _begin_adapters(network, seed)
    acoustic = _plain(fit_head(acoustic, vocabulary or acoustic.vocabulary, seed=seed))
    _train_adapters_only(network)
    return acoustic


def _peft() -> Any:
    try:
        import peft  # noqa: PLC0415
    except ImportError as error:
        raise ModelError(
            "LoRA needs peft, which is not installed: pip install 'nightscribe[lora]'"
        ) from error
    return peft


def _linear_maps(network: Any) -> list[str]:
    import torch  # noqa: PLC0415

    left_out = _NOT_CALLED.get(network.config.model_type)
    return [
        name
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Linear)
        and _LAYERS.search(name)
        and not (left_out and left_out.search(name))
    ]


def _with_language(acoustic: Acoustic, folder: Path, language: str) -> Acoustic:
    """The checkpoint with the adapter, the head and the vocabulary of one of its languages."""
    tokenizer = acoustic.processor.tokenizer
    try:
        tokenizer.set_target_lang(language)
        acoustic.network.load_adapter(language, local_files_only=True)
    except (ValueError, OSError, RuntimeError) as error:
        raise ModelError(
            f"{folder}: the adapter of {language!r} cannot be used ({error}); expected "
            f"{_ADAPTER_FILES[0].format(language)} and its symbols in vocab.json"
        ) from error
    # Not the same object: a vocabulary that was asked for before stays in its cache.
    return Acoustic(network=acoustic.network, processor=acoustic.processor)


def _languages(folder: Path) -> str:
    names = sorted({path.name.split(".")[1] for path in folder.glob("adapter.*.*")})
    return ", ".join(names[:12]) + (f", … ({len(names)})" if len(names) > 12 else "") or "none"


def _adapter_layers(network: Any) -> list[Any]:
    return [m for name, m in network.named_modules() if name.endswith(".adapter_layer")]


def _begin_adapters(network: Any, seed: int) -> None:
    """As transformers begins them; its own function skips weights that came from a file."""
    import torch  # noqa: PLC0415

    generator = torch.Generator().manual_seed(seed)
    spread = network.config.initializer_range
    with torch.no_grad():
        for layer in _adapter_layers(network):
            for module in layer.modules():
                if isinstance(module, torch.nn.LayerNorm):
                    module.reset_parameters()
                elif isinstance(module, torch.nn.Linear):
                    module.weight.normal_(0.0, spread, generator=generator)
                    module.bias.zero_()


def _plain(acoustic: Acoustic) -> Acoustic:
    """With a tokenizer of the one vocabulary: a reader need not choose a language again."""
    processor = type(acoustic.processor)(
        feature_extractor=acoustic.processor.feature_extractor,
        tokenizer=tokenizer_for(acoustic.vocabulary),
    )
    return Acoustic(network=acoustic.network, processor=processor)


def _train_adapters_only(network: Any) -> None:
    network.requires_grad_(requires_grad=False)
    for module in (*_adapter_layers(network), getattr(network, _HEAD)):
        module.requires_grad_(requires_grad=True)
    _rest(network)


def _rest(network: Any) -> None:
    """Spare the way back through the convolutions, which frozen weights alone do not."""
    if hasattr(network, "freeze_feature_encoder"):
        network.freeze_feature_encoder()
