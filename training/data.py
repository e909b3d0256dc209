"""Labelled speech: manifests in, padded batches out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from transform_handler.audio import SAMPLE_RATE, read_audio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from training.vocabulary import Vocabulary

    Sound = npt.NDArray[np.float32]
    Augment = Callable[[Sound, int, str], Sound]
    """(sound, epoch, utterance key) to a sound of the same length."""

MANIFEST = "manifest.jsonl"
NO_LABEL = -100
_TOLERANCE_SECONDS = 0.05


class ManifestError(ValueError):
    """A labelled manifest that cannot be trained on."""


@dataclass(frozen=True, kw_only=True)
class LabelledUtterance:
    """One stretch of sound and what is said in it; times in seconds."""

    audio: Path
    text: str
    duration: float
    offset: float = 0.0
    speaker: str | None = None

    @property
    def key(self) -> str:
        """Names the utterance wherever the channel is mounted."""
        return f"{self.audio.name}@{self.offset:.3f}"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A model input, shape (n_samples,), and its label ids."""

    input_values: torch.Tensor
    labels: list[int]


def read_manifest(path: Path) -> list[LabelledUtterance]:
    """Read a NeMo manifest; a folder means its `manifest.jsonl`.

    Raises:
        ManifestError: with file, line, what was found and what is expected.
    """
    file = path / MANIFEST if path.is_dir() else path
    if not file.is_file():
        raise ManifestError(f"{file}: no such file; expected a JSONL manifest of labelled speech")
    lines = file.read_text("utf-8").splitlines()
    found = [
        _utterance(line, f"{file}:{n}", file.parent) for n, line in enumerate(lines, 1) if line
    ]
    if not found:
        raise ManifestError(f"{file}: the manifest is empty")
    return found


def _utterance(line: str, where: str, folder: Path) -> LabelledUtterance:
    try:
        row = json.loads(line)
        audio = row.get("audio_filepath") or row["audio_filename"]
        utterance = LabelledUtterance(
            audio=folder / audio,
            text=str(row["text"]),
            duration=float(row["duration"]),
            offset=float(row.get("offset") or 0),
            speaker=row.get("speaker"),
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ManifestError(
            f"{where}: found {line[:80]!r} ({error!r}); expected a JSON object with "
            "audio_filepath, duration and text"
        ) from error
    if utterance.duration <= 0:
        raise ManifestError(f"{where}: duration is {utterance.duration}; expected seconds above 0")
    if not utterance.audio.is_file():
        raise ManifestError(f"{where}: {utterance.audio} does not exist; paths are relative to it")
    return utterance


def _read(utterance: LabelledUtterance) -> Sound:
    """Exactly the samples that the manifest promises; a few missing ones are silence.

    Batches of equal durations then hold no padding of their own.

    Raises:
        ManifestError: the file is shorter than the manifest says.
    """
    promised = round(utterance.duration * SAMPLE_RATE)
    sound = read_audio(utterance.audio, offset=utterance.offset, duration=utterance.duration)
    if (missing := promised - len(sound)) > _TOLERANCE_SECONDS * SAMPLE_RATE:
        raise ManifestError(
            f"{utterance.audio}: {len(sound) / SAMPLE_RATE:.2f} s of sound from "
            f"{utterance.offset:.2f} s on; the manifest says {utterance.duration:.2f} s"
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


def trainable(
    utterances: Sequence[LabelledUtterance],
    *,
    output_length: Callable[[int], int],
    vocabulary: Vocabulary,
) -> list[LabelledUtterance]:
    """The utterances long enough for CTC: a frame a symbol, and one more where a symbol repeats."""
    return [
        u
        for u in utterances
        if output_length(round(u.duration * SAMPLE_RATE))
        >= _frames_needed(vocabulary.encode(u.text))
    ]


def _frames_needed(labels: Sequence[int]) -> int:
    return max(1, len(labels) + sum(a == b for a, b in pairwise(labels)))


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
