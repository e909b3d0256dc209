"""The acoustic model: loaded whole from a base, or made new from an architecture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from training.labels.vocabulary import Vocabulary, vocabulary_of, write_vocabulary
from transform_handler.audio.layout import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Mapping


class ModelError(ValueError):
    """A model folder that cannot be fine-tuned."""


@dataclass(frozen=True, kw_only=True)
class Acoustic:
    """A CTC model with what turns sound into its input and its output into text."""

    network: Any
    processor: Any
    """A feature extractor and a tokenizer."""

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return vocabulary_of(self.processor.tokenizer)

    @property
    def normalise(self) -> bool:
        """Whether the model wants each utterance at zero mean and unit variance."""
        return bool(self.processor.feature_extractor.do_normalize)

    @property
    def group_norm(self) -> bool:
        """Trained without an attention mask: padding reaches the statistics of every frame."""
        return bool(getattr(self.network.config, "feat_extract_norm", "layer") == "group")

    def output_length(self, n_samples: int) -> int:
        """Frames that the model gives for `n_samples`."""
        return int(self.network._get_feat_extract_output_lengths(n_samples))  # noqa: SLF001

    def mix(self, base: Mapping[str, Any], share: float) -> None:
        """Replace each weight that the base has too by `share` of its and the rest of its own."""
        for name, weight in self.network.state_dict().items():
            if weight.is_floating_point() and name in base:
                weight.lerp_(base[name].to(weight.device), share)

    def weights(self) -> dict[str, Any]:
        """A copy of every weight, by name."""
        return {name: w.detach().clone() for name, w in self.network.state_dict().items()}

    def save(self, folder: Path) -> None:
        """Write weights (safetensors), config, feature extractor and tokenizer."""
        self.network.save_pretrained(folder)
        self.processor.save_pretrained(folder)
        # Not written with the processor by transformers 5; what reads older folders looks for it.
        self.processor.feature_extractor.save_pretrained(folder)


def load_base(folder: Path) -> Acoustic:
    """Load a CTC model whose weights are all there, head included.

    Raises:
        ModelError: the folder is no model, or weights are missing, unexpected or misshapen: a
            checkpoint that was only pretrained has no head and would answer at random.
    """
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder}: no config.json; expected the folder of a CTC model")
    with loading_from(folder):
        network, processor, loading = _loaded(folder)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if wrong := sorted(map(str, loading[kind])):
            raise ModelError(
                f"{folder}: {kind.replace('_', ' ')} {wrong[:4]} ({len(wrong)} in all); expected a "
                "checkpoint fine-tuned with CTC, not one that was only pretrained"
            )
    # Tokenizers may know more special symbols than the head writes, but no more letters.
    acoustic = Acoustic(network=network, processor=processor)
    vocabulary, written = acoustic.vocabulary, network.config.vocab_size
    if too_many := [s for s in vocabulary.letters - {" "} if vocabulary.ids[s] >= written]:
        raise ModelError(
            f"{folder}: the head writes {written} symbols, and the tokenizer numbers "
            f"{sorted(too_many)} above them"
        )
    return acoustic


def _loaded(folder: Path) -> tuple[Any, Any, Mapping[str, Any]]:
    """Network, processor, and what transformers says about the weights."""
    from transformers import AutoModelForCTC, AutoProcessor  # noqa: PLC0415

    processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    network, loading = AutoModelForCTC.from_pretrained(
        folder,
        local_files_only=True,
        output_loading_info=True,
        ctc_loss_reduction="mean",
        ctc_zero_infinity=True,
        pad_token_id=processor.tokenizer.pad_token_id,
    )
    return network, processor, loading


@contextmanager
def loading_from(folder: Path) -> Iterator[None]:
    """Whatever goes wrong within the block is the folder's fault.

    Raises:
        ModelError: with the first line of what transformers, tokenizers or safetensors said.
    """
    from safetensors import SafetensorError  # noqa: PLC0415

    try:
        yield
    # A vocabulary that is not there is a TypeError, or an ImportError of what might read another
    # kind; a processor without one an AttributeError.
    except (
        *(OSError, ValueError, TypeError, AttributeError, KeyError, ImportError),
        SafetensorError,
    ) as error:
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(
            f"{folder}: cannot be loaded ({said}); expected a whole folder of a CTC model: "
            "config.json, weights, preprocessor_config.json and vocab.json"
        ) from error


def new_model(architecture: Path, vocabulary: Vocabulary) -> Acoustic:
    """A model with random weights from the settings of a `Wav2Vec2Config` in a JSON file."""
    from transformers import (  # noqa: PLC0415
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        Wav2Vec2Processor,
    )

    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "vocab.json"
        write_vocabulary(vocabulary, path)
        tokenizer = Wav2Vec2CTCTokenizer(
            str(path),
            pad_token=vocabulary.blank,
            unk_token=vocabulary.unknown,
            word_delimiter_token=vocabulary.delimiter,
            bos_token=None,
            eos_token=None,
        )
    config = Wav2Vec2Config(
        **json.loads(architecture.read_text("utf-8")),
        vocab_size=len(vocabulary.ids),
        pad_token_id=vocabulary.blank_id,
        bos_token_id=None,
        eos_token_id=None,
        ctc_loss_reduction="mean",
        ctc_zero_infinity=True,
    )
    extractor = Wav2Vec2FeatureExtractor(
        sampling_rate=SAMPLE_RATE,
        do_normalize=True,
        return_attention_mask=config.feat_extract_norm == "layer",
    )
    processor = Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer)
    return Acoustic(network=Wav2Vec2ForCTC(config), processor=processor)
