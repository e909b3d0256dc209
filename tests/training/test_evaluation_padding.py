"""What a padded batch writes is what each of its utterances writes alone."""

import json

import numpy as np
import pytest
import torch

from manifests.labels import read_labels
from training.labels.data import Collator, SpeechDataset
from training.models.model import new_model
from training.running.metrics import frames_to_text, score_rows, score_texts
from training.running.trainer import CtcTrainer
from training.settings import Settings


@pytest.fixture
def masked(lively_architecture, tmp_path, vocabulary):
    """A model of the kind that is trained with an attention mask, so that it may be padded."""
    path = tmp_path / "layer-norm.json"
    given = json.loads(lively_architecture.read_text())
    path.write_text(json.dumps({**given, "feat_extract_norm": "layer"}))
    torch.manual_seed(0)
    return new_model(path, vocabulary)


def test_a_deliberately_padded_batch_has_the_wer_of_its_utterances(masked, channel, tmp_path):
    utterances = read_labels(channel)
    vocabulary = masked.vocabulary
    data = SpeechDataset(utterances, vocabulary=vocabulary, normalise=masked.normalise)
    trainer = CtcTrainer(
        masked, Settings(), train=data, validation=data, checkpoints=tmp_path / "checkpoints"
    )
    network = masked.network.eval()
    batch = Collator(attention_mask=True)([data[0, n] for n in range(len(data))])
    padding = batch["input_lengths"].max() - batch["input_lengths"]
    assert padding.max() > 8_000, "half a second and more of padding"
    _, ids = trainer.recognise(batch)
    texts = []
    for position in range(len(data)):
        with torch.no_grad():
            logits = network(data[0, position].input_values[None]).logits[0]
        texts.append(frames_to_text(logits.argmax(-1).numpy(), vocabulary))
    assert len(set(texts)) > 1
    assert [frames_to_text(row, vocabulary) for row in ids.numpy()] == texts
    expected = score_texts([u.text for u in utterances], texts)
    assert score_rows(ids.numpy(), batch["labels"].numpy(), vocabulary) == expected
    assert trainer.score_validation() == expected


def test_all_hello_survives_padding_within_and_between_batches(vocabulary):
    ids = []
    for label in vocabulary.encode("all hello"):
        if ids and ids[-1] == label:
            ids.append(vocabulary.blank_id)
        ids += [label, label]
    row = np.array([[*ids, vocabulary.blank_id, vocabulary.blank_id, -100, -100]])
    labels = np.array([[*vocabulary.encode("all hello"), -100, -100]])
    score = score_rows(row, labels, vocabulary)
    assert (score.words.rate, score.characters.rate) == (0.0, 0.0)
