"""Labelled speech as a model meets it: utterances in, padded batches out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from manifests.errors import StoreError
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.reading import read_audio
from transform_handler.records import RecordingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from manifests.labels import LabelledUtterance
    from training.labels.vocabulary import Vocabulary

    Sound = npt.NDArray[np.float32]
    Augment = Callable[[Sound, int, str], Sound]
    """(sound, epoch, utterance key) to what is heard in that epoch."""

NO_LABEL = -100
_TOLERANCE_SECONDS = 0.05


class DataError(ValueError):
    """Labelled speech that cannot be trained on."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """A model input, shape (n_samples,), and its label ids."""

    input_values: torch.Tensor
    labels: list[int]


def samples_of(utterance: LabelledUtterance) -> int:
    """How many samples the utterance has at 16 kHz.

    Raises:
        DataError: its duration is not known.
    """
    if utterance.duration is None:
        raise DataError(
            f"{utterance.source}: no duration; 'nightscribe train' measures it, or write it "
            "into the manifest"
        )
    return round(utterance.duration * SAMPLE_RATE)


def _read(utterance: LabelledUtterance) -> Sound:
    """Exactly the samples that the manifest promises; a few missing ones are silence.

    Batches of equal durations then hold no padding of their own.

    Raises:
        DataError: the sound cannot be read, or is shorter than the manifest says.
    """
    promised = samples_of(utterance)
    try:
        with utterance.open() as file:
            sound = read_audio(
                file,
                offset=utterance.offset,
                duration=utterance.duration,
                channel=utterance.channel,
            )
    except (RecordingError, StoreError) as error:
        raise DataError(f"{utterance.audio} ({utterance.source}): {error}") from error
    if (missing := promised - len(sound)) > _TOLERANCE_SECONDS * SAMPLE_RATE:
        raise DataError(
            f"{utterance.audio} ({utterance.source}): {len(sound) / SAMPLE_RATE:.2f} s of sound "
            f"from {utterance.offset:.2f} s on; the manifest says {promised / SAMPLE_RATE:.2f} s"
        )
    return np.concatenate([sound, np.zeros(max(0, missing), np.float32)]) if missing else sound


class SpeechDataset(Dataset[Example]):
    """Reads sound lazily, as the handler hears it; an index is (epoch, position)."""

    def __init__(
        self,
        utterances: Sequence[LabelledUtterance],
        *,
        vocabulary: Vocabulary,
        normalise: bool,
        augment: Augment | None = None,
    ) -> None:
        self.utterances = list(utterances)
        # Encoded at once: a label that cannot be written is found before the first step.
        self._labels = [vocabulary.encode(u.text) for u in self.utterances]
        self._normalise = normalise
        self._augment = augment

    @property
    def seconds(self) -> list[float]:
        """The length of each utterance."""
        return [samples_of(utterance) / SAMPLE_RATE for utterance in self.utterances]

    def __len__(self) -> int:
        return len(self.utterances)

    def __getitem__(self, index: tuple[int, int]) -> Example:
        epoch, position = index
        utterance = self.utterances[position]
        sound = _read(utterance)
        if self._augment is not None:
            sound = self._augment(sound, epoch, utterance.key)
        if self._normalise:
            # Each item by itself, before any padding (as `Wav2Vec2FeatureExtractor` does).
            sound = (sound - sound.mean()) / (sound.var() + 1e-7) ** 0.5
        return Example(input_values=torch.from_numpy(sound), labels=self._labels[position])


@dataclass(frozen=True)
class OtherVoices:
    """Sound of the training set itself, for babble behind an utterance."""

    utterances: Sequence[LabelledUtterance]

    def __call__(self, n: int, rng: np.random.Generator) -> list[Sound]:
        """The sound of `n` utterances that the generator chooses."""
        chosen = rng.integers(len(self.utterances), size=n)
        return [_read(self.utterances[int(position)]) for position in chosen]


def trainable(
    utterances: Sequence[LabelledUtterance],
    *,
    output_length: Callable[[int], int],
    vocabulary: Vocabulary,
    shortest_share: float = 1.0,
) -> list[LabelledUtterance]:
    """The utterances long enough for CTC: a frame a symbol, and one more where a symbol repeats.

    `shortest_share` is the least that augmentation leaves of an utterance's length (0–1).
    """
    return [
        u
        for u in utterances
        if output_length(int(samples_of(u) * shortest_share)) >= vocabulary.frames_needed(u.text)
    ]


@dataclass(frozen=True, kw_only=True)
class Collator:
    """Pads examples to one batch; `attention_mask` for the models that were trained with one.

    Group-norm models take none: they normalise the first convolution over the whole time axis and
    never saw a mask, so their batches are kept to near-equal lengths instead.
    """

    attention_mask: bool

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        lengths = torch.tensor([len(e.input_values) for e in examples])
        longest = max(1, *(len(e.labels) for e in examples), 1)
        labels = torch.full((len(examples), longest), NO_LABEL)
        for row, example in zip(labels, examples, strict=True):
            row[: len(example.labels)] = torch.tensor(example.labels, dtype=torch.long)
        batch: dict[str, Any] = {
            "input_values": torch.nn.utils.rnn.pad_sequence(
                [e.input_values for e in examples], batch_first=True
            ),
            "labels": labels,
            "input_lengths": lengths,
        }
        if self.attention_mask:
            steps = torch.arange(int(lengths.max()))
            batch["attention_mask"] = (steps < lengths[:, None]).long()
        return batch
