import json
from dataclasses import replace

import pytest

from manifests.errors import InputError
from manifests.labels import read_labels
from manifests.local_store import uri_of_path
from training.labels.data import DataError, SpeechDataset, trainable
from training.labels.vocabulary import VocabularyError, build_vocabulary


def test_paths_are_relative_to_the_manifest_and_keys_to_nothing(channel):
    utterances = read_labels(channel)
    assert utterances == read_labels(channel / "manifest.jsonl")
    assert utterances[0].audio == uri_of_path(channel / "0.wav")
    assert utterances[0].key == "0.wav@0.000"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "manifest.jsonl, line 2: found '{'"),
        (json.dumps({"text": "a", "duration": 1}), "KeyError('audio_filename')"),
        (json.dumps({"audio_filepath": "0.wav", "text": "a", "duration": 0}), "duration is 0.0"),
        (json.dumps([1]), "AttributeError"),
    ],
)
def test_a_bad_line_is_named(channel, line, message):
    path = channel / "manifest.jsonl"
    path.write_text(path.read_text().splitlines()[0] + "\n" + line + "\n")
    with pytest.raises(InputError) as raised:
        read_labels(path)
    assert message in str(raised.value)


def test_labels_that_cannot_be_written_are_found_before_the_first_step(channel):
    with pytest.raises(VocabularyError, match="no symbol for 'a'"):
        SpeechDataset(read_labels(channel), vocabulary=build_vocabulary(["hello"]), normalise=True)


def test_an_utterance_shorter_than_its_label_is_left_out(channel, acoustic):
    utterances = read_labels(channel)
    kept = trainable(
        utterances, output_length=lambda samples: samples // 1_600, vocabulary=acoustic.vocabulary
    )
    assert [u.audio.rpartition("/")[2] for u in kept] == ["0.wav", "2.wav", "7.wav"]


def test_a_repeated_symbol_needs_a_frame_more(channel, acoustic):
    first = read_labels(channel)[:1]
    for frames, kept in ((3, []), (4, first)):
        found = trainable(
            first, output_length=lambda _, n=frames: n, vocabulary=acoustic.vocabulary
        )
        assert found == kept


def test_a_file_shorter_than_its_manifest_says_is_named(channel, acoustic):
    utterance = replace(read_labels(channel)[0], duration=0.7)
    data = SpeechDataset([utterance], vocabulary=acoustic.vocabulary, normalise=True)
    with pytest.raises(DataError, match=r"0\.wav .*line 1\): 0\.50 s of sound .* says 0\.70 s"):
        data[0, 0]


def test_an_item_is_as_long_as_its_manifest_says(channel, acoustic):
    utterances = [replace(u, duration=u.duration + 0.01) for u in read_labels(channel)]
    data = SpeechDataset(utterances, vocabulary=acoustic.vocabulary, normalise=True)
    for position, utterance in enumerate(utterances):
        assert len(data[0, position].input_values) == round(utterance.duration * 16_000)


def test_an_item_is_normalised_by_itself(channel, acoustic):
    data = SpeechDataset(read_labels(channel), vocabulary=acoustic.vocabulary, normalise=True)
    for position in range(len(data)):
        values = data[0, position].input_values
        assert abs(float(values.mean())) < 1e-3
        assert float(values.var()) == pytest.approx(1, abs=1e-2)
