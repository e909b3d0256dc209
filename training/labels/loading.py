"""How batches reach a process of a job: which are its own, and who reads their sound."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch.utils.data import DataLoader

from training.labels.batching import EqualBatches, Heard, LengthBatches
from training.labels.data import Collator, SpeechDataset
from training.running.interruption import leave_group
from training.settings import Settings


class Loaders:
    """The batches of a training set, and of what is measured meanwhile, for this process."""

    def __init__(
        self,
        settings: Settings,
        train: SpeechDataset,
        *,
        heard: Heard | None,
        attention_mask: bool,
    ) -> None:
        # torchrun's contract.
        self.process = int(os.environ.get("RANK", "0"))
        self.processes = int(os.environ.get("WORLD_SIZE", "1"))
        self._settings = settings
        self._train = train
        self._collate = Collator(attention_mask=attention_mask)
        self.batches = LengthBatches(
            train.seconds,
            batch_seconds=settings.batch_seconds,
            seed=settings.seed,
            shortest_first=settings.shortest_first,
            heard=heard,
            process=self.process,
            processes=self.processes,
        )

    def training(self) -> DataLoader[Any]:
        """Batches of near-equal lengths; the epoch is told to `batches`."""
        return self._loader(self._train, self.batches)

    def measuring(self, dataset: SpeechDataset) -> DataLoader[Any]:
        """Batches of exactly equal lengths."""
        batches = EqualBatches(
            dataset.seconds,
            batch_seconds=self._settings.batch_seconds,
            process=self.process,
            processes=self.processes,
        )
        return self._loader(dataset, batches)

    def _loader(self, dataset: SpeechDataset, batches: Any) -> DataLoader[Any]:
        workers = self._settings.workers
        return DataLoader(
            dataset,
            batch_sampler=batches,
            collate_fn=self._collate,
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=leave_group,
            pin_memory=torch.cuda.is_available(),
        )
