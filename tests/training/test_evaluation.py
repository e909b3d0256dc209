import numpy as np
import pytest
import torch

from manifests.labels import read_labels
from training.labels.data import NO_LABEL, SpeechDataset
from training.running.metrics import frames_to_text, greedy_ids, score_rows, score_texts
from training.running.trainer import CtcTrainer
from training.settings import Settings


def _frames(vocabulary, text):
    """Each letter on two frames, with a blank between equal ones."""
    ids = []
    for label in vocabulary.encode(text):
        if ids and ids[-1] == label:
            ids.append(vocabulary.blank_id)
        ids += [label, label]
    return ids


def test_double_letters_survive_because_repeats_collapse_before_blanks_go(vocabulary):
    assert frames_to_text(np.array(_frames(vocabulary, "all hello")), vocabulary) == "all hello"


def test_padding_between_batches_writes_nothing(vocabulary):
    ids = _frames(vocabulary, "hello")
    assert frames_to_text(np.array([*ids, NO_LABEL, NO_LABEL]), vocabulary) == "hello"


def test_frames_past_an_items_own_length_write_nothing():
    logits = torch.zeros(2, 3, 4)
    logits[..., 2] = 1.0
    assert greedy_ids(logits, torch.tensor([3, 1]), 0).tolist() == [[2, 2, 2], [2, 0, 0]]


def test_rates_come_from_summed_counts_not_from_a_mean_of_rates():
    score = score_texts(["a", "b c d"], ["x", "b c d"])
    assert score.words.rate == pytest.approx(1 / 4)
    assert score.words.substitutions == 1


def test_words_for_a_silent_utterance_are_insertions(vocabulary):
    predictions = np.array([_frames(vocabulary, "all")])
    score = score_rows(predictions, np.array([[NO_LABEL]]), vocabulary)
    assert (score.words.insertions, score.words.rate) == (1, None)


def test_a_batched_evaluation_equals_one_utterance_at_a_time(acoustic, channel, tmp_path):
    """A random group-norm model writes nonsense that the slightest padding would change."""
    utterances = read_labels(channel)
    vocabulary = acoustic.vocabulary
    data = SpeechDataset(utterances, vocabulary=vocabulary, normalise=acoustic.normalise)
    trainer = CtcTrainer(
        acoustic, Settings(), train=data, validation=data, checkpoints=tmp_path / "checkpoints"
    )
    batches = [len(batch["labels"]) for batch in trainer.get_eval_dataloader()]
    assert max(batches) > 1
    acoustic.network.eval()
    texts = []
    for position in range(len(data)):
        with torch.no_grad():
            logits = acoustic.network(data[0, position].input_values[None]).logits[0]
        texts.append(frames_to_text(logits.argmax(-1).numpy(), vocabulary))
    assert len(set(texts)) > 1
    assert trainer.score_validation() == score_texts([u.text for u in utterances], texts)
