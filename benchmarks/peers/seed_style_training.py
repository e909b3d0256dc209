"""CTC fine-tuning the way that notebooks do it, to compare with: prints one line of JSON.

All sound is turned into lists of Python floats before the first step, utterances are drawn at
random in batches of a fixed number, each batch is padded to its longest, in fp32, with the Trainer
of transformers. (Those notebooks keep the lists in Arrow files, from which each step reads them
again; here they stay in memory, which is quicker.) `--batches length` changes the batches alone.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import AutoModelForCTC, AutoProcessor, Trainer, TrainingArguments
from transformers.utils import logging

from manifests.labels import LabelledUtterance, read_labels
from training.labels.batching import LengthBatches
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.reading import read_audio


def main() -> None:
    given = arguments()
    logging.disable_progress_bar()
    begin = time.perf_counter()
    processor = AutoProcessor.from_pretrained(given.base)
    network = AutoModelForCTC.from_pretrained(
        given.base, ctc_loss_reduction="mean", ctc_zero_infinity=True
    )
    network.freeze_feature_encoder()
    utterances = read_labels(given.train)
    features = [features_of(one, processor) for one in utterances]
    prepared = time.perf_counter()
    collate = Padded(processor)
    with tempfile.TemporaryDirectory() as folder:
        trainer = ListTrainer(
            model=network,
            args=TrainingArguments(
                output_dir=folder,
                per_device_train_batch_size=given.batch_size,
                num_train_epochs=given.epochs,
                learning_rate=1e-4,
                warmup_steps=1,
                save_strategy="no",
                logging_steps=10,
                disable_tqdm=True,
                report_to=[],
                remove_unused_columns=False,
                dataloader_pin_memory=False,
                seed=given.seed,
            ),
            train_dataset=features,
            data_collator=collate,
        )
        if given.batches == "length":
            trainer.lengths = [len(f["input_values"]) / SAMPLE_RATE for f in features]
            trainer.batch_seconds = given.batch_seconds
        trainer.model_accepts_loss_kwargs = False
        trainer.train()
    done = time.perf_counter()
    print(
        json.dumps(
            {
                "preparing": prepared - begin,
                "training": done - prepared,
                "steps": trainer.state.global_step,
                "audio": collate.heard / SAMPLE_RATE,
                "padded": collate.padded / SAMPLE_RATE,
            }
        )
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--batch-seconds", type=float, default=50.0)
    parser.add_argument("--batches", choices=("random", "length"), default="random")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def features_of(utterance: LabelledUtterance, processor: Any) -> dict[str, list[Any]]:
    with utterance.open() as file:
        sound = read_audio(file, offset=utterance.offset, duration=utterance.duration)
    values = processor.feature_extractor(sound, sampling_rate=SAMPLE_RATE).input_values[0]
    labels = processor.tokenizer(utterance.text).input_ids
    return {"input_values": values.tolist(), "labels": labels}


class Padded:
    """Pads lists to the longest of a batch, and counts what that costs in samples."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self.heard = self.padded = 0

    def __call__(self, features: list[dict[str, list[Any]]]) -> dict[str, Any]:
        sound = [{"input_values": f["input_values"]} for f in features]
        batch = self._processor.feature_extractor.pad(sound, padding=True, return_tensors="pt")
        labels = [torch.tensor(f["labels"]) for f in features]
        batch["labels"] = torch.nn.utils.rnn.pad_sequence(
            labels, batch_first=True, padding_value=-100
        )
        self.heard += sum(len(f["input_values"]) for f in features)
        self.padded += batch["input_values"].numel()
        return batch


class ListTrainer(Trainer):
    """The Trainer with its own random batches, or with batches of near-equal lengths."""

    lengths: list[float] | None = None
    batch_seconds = 0.0

    def get_train_dataloader(self) -> DataLoader[Any]:
        if self.lengths is None:
            return super().get_train_dataloader()
        batches = LengthBatches(self.lengths, batch_seconds=self.batch_seconds, seed=self.args.seed)
        positions = [[position for _, position in batch] for batch in batches]
        return DataLoader(
            self.train_dataset, batch_sampler=positions, collate_fn=self.data_collator
        )


if __name__ == "__main__":
    main()
