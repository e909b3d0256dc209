"""A new CTC head: for labels that the base model's symbols cannot write, or for a base without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.labels.vocabulary import tokenizer_for
from training.models.model import Acoustic, ModelError, loading_from
from transform_handler.audio.layout import SAMPLE_RATE

if TYPE_CHECKING:
    import torch

    from training.labels.vocabulary import Vocabulary

HEAD_SEED = 7
# What pretraining needs and recognition does not (Baevski et al. 2020, section 2; HuBERT's and
# WavLM's checkpoints have none of it).
_PRETRAINING_ONLY = ("quantizer.", "project_q.", "project_hid.", "project_out.", "dropout_features")
_HEAD = "lm_head."
_MASK = "masked_spec_embed"


def fit_head(acoustic: Acoustic, vocabulary: Vocabulary, *, seed: int = HEAD_SEED) -> Acoustic:
    """The model with a head and a tokenizer for `vocabulary`; its network is changed in place.

    Symbols that the base knows, in whichever case, keep their rows; the others begin as
    transformers begins a head: normal with `initializer_range`, and a bias of zero. The same
    seed gives the same head, and torch's own random state stays as it is.

    Raises:
        ModelError: the network has no linear CTC head.
    """
    own = acoustic.vocabulary
    if own == vocabulary:
        return acoustic
    network = acoustic.network
    old = _head_of(network)
    new = _new_head(network, old.in_features, len(vocabulary.ids), seed)
    for index, known in sorted(_known_rows(own, vocabulary, old.out_features).items()):
        new.weight.data[index] = old.weight.data[known]
        new.bias.data[index] = old.bias.data[known]
    network.lm_head = new.to(device=old.weight.device, dtype=old.weight.dtype)
    network.config.vocab_size = len(vocabulary.ids)
    network.config.pad_token_id = vocabulary.blank_id
    processor = type(acoustic.processor)(
        feature_extractor=acoustic.processor.feature_extractor, tokenizer=tokenizer_for(vocabulary)
    )
    return Acoustic(network=network, processor=processor)


def load_pretrained(folder: Path, vocabulary: Vocabulary, *, seed: int = HEAD_SEED) -> Acoustic:
    """A checkpoint that was only pretrained, with a random head on purpose.

    `load_base` refuses such checkpoints, because their head answers at random until it has been
    trained; `vocabulary` is that of the labels.

    Raises:
        ModelError: the folder is no such checkpoint: it has a head already, or weights of the
            encoder are missing, unexpected or misshapen.
    """
    from transformers import AutoModelForCTC, Wav2Vec2Processor  # noqa: PLC0415

    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder}: no config.json; expected a pretrained speech model")
    extractor = _extractor(folder)
    network, loading = AutoModelForCTC.from_pretrained(
        folder,
        output_loading_info=True,
        ctc_loss_reduction="mean",
        ctc_zero_infinity=True,
        vocab_size=len(vocabulary.ids),
        pad_token_id=vocabulary.blank_id,
        ignore_mismatched_sizes=True,
    )
    _refuse_what_is_not_pretrained(folder, loading)
    network.lm_head = _new_head(network, _head_of(network).in_features, len(vocabulary.ids), seed)
    if any(_MASK in str(key) for key in loading["missing_keys"]):
        _begin_mask(network, seed)
    tokenizer = tokenizer_for(vocabulary)
    processor = Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer)
    return Acoustic(network=network, processor=processor)


def is_pretrained_only(folder: Path) -> bool:
    """Whether a model's folder holds a checkpoint without a CTC head, by the names of its weights.

    False where the weights are not in safetensors: they would have to be loaded to tell.
    """
    from safetensors import safe_open  # noqa: PLC0415

    files = sorted(folder.glob("*.safetensors"))
    names: set[str] = set()
    for path in files:
        with loading_from(folder), safe_open(path, framework="pt") as weights:
            names |= set(weights.keys())
    return bool(files) and not any(name.startswith(_HEAD) for name in names)


def _head_of(network: Any) -> Any:
    import torch  # noqa: PLC0415

    head = getattr(network, "lm_head", None)
    if not isinstance(head, torch.nn.Linear):
        raise ModelError(
            f"{type(network).__name__} has no linear lm_head (found {type(head).__name__}); "
            "expected a CTC model of the wav2vec2 family, or use vocabulary = 'base'"
        )
    return head


def _new_head(network: Any, width: int, symbols: int, seed: int) -> Any:
    """A random head as ``PreTrainedModel._init_weights`` makes one, shape (symbols, width)."""
    import torch  # noqa: PLC0415

    spread = float(getattr(network.config, "initializer_range", 0.02))
    # Without weights first: making them would draw from the global random state.
    head = torch.nn.Linear(width, symbols, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        head.weight.normal_(0.0, spread, generator=_generator(seed))
        head.bias.zero_()
    return head


def _begin_mask(network: Any, seed: int) -> None:
    import torch  # noqa: PLC0415

    with torch.no_grad():
        for name, weight in network.named_parameters():
            if name.endswith(_MASK):
                weight.uniform_(generator=_generator(seed))


def _generator(seed: int) -> torch.Generator:
    import torch  # noqa: PLC0415

    return torch.Generator().manual_seed(seed)


def _known_rows(old: Vocabulary, new: Vocabulary, written: int) -> dict[int, int]:
    """Ids of the new vocabulary with those of the old head's rows that say the same."""
    roles = {
        new.blank: old.blank,
        new.unknown: old.unknown,
        new.delimiter: old.delimiter,
    }
    rows = {}
    for symbol, index in new.ids.items():
        names = (roles.get(symbol, symbol), symbol.swapcase())
        known = next((old.ids[name] for name in names if name in old.ids), written)
        # A tokenizer may know more symbols than the head writes.
        if known < written:
            rows[index] = known
    return rows


def _extractor(folder: Path) -> Any:
    from transformers import AutoFeatureExtractor, Wav2Vec2FeatureExtractor  # noqa: PLC0415

    try:
        extractor = AutoFeatureExtractor.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder}: no usable preprocessor_config.json ({error}); expected that of the "
            "checkpoint, which says whether sound is normalised"
        ) from error
    if not isinstance(extractor, Wav2Vec2FeatureExtractor):
        raise ModelError(
            f"{folder}: its input is made by {type(extractor).__name__}; expected a model that "
            "hears the waveform (wav2vec2, HuBERT, WavLM, …)"
        )
    if extractor.sampling_rate != SAMPLE_RATE:
        raise ModelError(
            f"{folder}: pretrained at {extractor.sampling_rate} Hz; expected {SAMPLE_RATE}"
        )
    return extractor


def _refuse_what_is_not_pretrained(folder: Path, loading: Any) -> None:
    missing = sorted(map(str, loading["missing_keys"]))
    # Keys stand alone or with their shapes, as the version of transformers has it.
    misshapen = sorted(str(k[0] if isinstance(k, tuple) else k) for k in loading["mismatched_keys"])
    unexpected = sorted(map(str, loading["unexpected_keys"]))
    if not any(key.startswith(_HEAD) for key in missing):
        raise ModelError(
            f"{folder}: the checkpoint has a CTC head already; expected one that was only "
            "pretrained. Use it as a base model"
        )
    wrong = {
        "missing": [k for k in missing if not k.startswith(_HEAD) and _MASK not in k],
        "unexpected": [k for k in unexpected if not k.startswith(_PRETRAINING_ONLY)],
        "misshapen": misshapen,
    }
    for kind, keys in wrong.items():
        if keys:
            raise ModelError(
                f"{folder}: weights {kind}: {keys[:4]} ({len(keys)} in all); expected a whole "
                "checkpoint of the architecture that config.json names"
            )
