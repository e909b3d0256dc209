"""An evaluation hears and decodes as production does, and counts all that it was given."""

import json
from dataclasses import replace

import numpy as np
import pytest

from manifests.labels import LabelledUtterance
from manifests.local_store import uri_of_path
from manifests.pointers import Pointer
from tests.conftest import speechlike, write_sound
from training.evaluating.evaluation import evaluate
from training.evaluating.hypotheses import ANYWHERE
from training.evaluating.scores import Evaluation, UtteranceScore
from training.labels.text import TextRules
from training.scoring import corpus_score, normalizer_for, score_pair
from training.scoring.bootstrap import ENOUGH_BLOCKS
from transform_handler.audio.decoder_process import DecoderProcess
from transform_handler.bundle import bundle_card
from transform_handler.engine.loading import load_engine
from transform_handler.identity import DecodeSettings
from transform_handler.transcriber import Transcriber


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    for number, seconds in enumerate((3.0, 1.5, 21.0)):
        write_sound(folder / f"{number}.wav", speechlike(seconds, seed=number))
    left, right = speechlike(4, seed=8), speechlike(4, seed=9)
    write_sound(folder / "stereo.flac", np.column_stack((left, right)))
    (folder / "broken.flac").write_bytes(b"fLaC and then nothing")
    return folder


def labelled(path, text="hello there", **fields):
    return LabelledUtterance(audio=uri_of_path(path), text=text, source=path.name, **fields)


def transcribed(model, path, **fields):
    """The handler's own text of a recording."""
    card = bundle_card(model, name="model", decode=DecodeSettings())
    with DecoderProcess() as decoder:
        transcriber = Transcriber(load_engine(model, device="cpu"), card, decoder, ANYWHERE)
        pointer = Pointer(id="x", uri=uri_of_path(path), **fields)
        records = transcriber.transcribe([pointer], deadline=float("inf"))
    return [" ".join(segment.text for segment in record.segments) for record in records]


def test_the_hypotheses_are_the_handlers_transcripts(tiny_model, sounds):
    paths = [sounds / f"{number}.wav" for number in range(3)]
    found = evaluate(tiny_model, [labelled(path) for path in paths], device="cpu")
    texts = [one.hypothesis for one in found.utterances]
    assert texts == [text for path in paths for text in transcribed(tiny_model, path)]
    assert len(set(texts)) == 3


def test_a_channel_is_what_the_handler_hears_when_it_splits(tiny_model, sounds):
    path = sounds / "stereo.flac"
    found = evaluate(tiny_model, [labelled(path, channel=n) for n in (0, 1)], device="cpu")
    assert [u.hypothesis for u in found.utterances] == transcribed(
        tiny_model, path, channels="split"
    )


def test_stretches_of_a_recording_share_out_its_transcript(tiny_model, sounds):
    path = sounds / "2.wav"
    parts = [labelled(path, offset=o, duration=d) for o, d in ((0, 6.3), (6.3, 9), (15.3, 5.7))]
    found = evaluate(tiny_model, parts, device="cpu")
    joined = " ".join(one.hypothesis for one in found.utterances if one.hypothesis)
    assert [joined] == transcribed(tiny_model, path)
    assert found.seconds == pytest.approx(21.0)


def test_what_cannot_be_read_is_counted_and_named_and_in_no_rate(tiny_model, sounds):
    good = labelled(sounds / "0.wav")
    found = evaluate(
        tiny_model,
        [labelled(sounds / "gone.wav"), good, labelled(sounds / "broken.flac")],
        device="cpu",
    )
    assert [(f.utterance.source, f.kind) for f in found.failures] == [
        ("gone.wav", "not_found"),
        ("broken.flac", found.failures[1].kind),
    ]
    figures = found.as_json()
    assert (figures["utterances"], figures["scored"], figures["unreadable"]) == (3, 1, 2)
    assert found.total == evaluate(tiny_model, [good], device="cpu").total


def test_nothing_readable_gives_no_rate_and_no_interval(tiny_model, sounds):
    figures = evaluate(tiny_model, [labelled(sounds / "gone.wav")], device="cpu").as_json()
    assert figures["wer"] is None
    assert figures["interval"]["low"] is None


def test_the_order_of_the_labels_changes_no_figure(tiny_model, sounds):
    utterances = [labelled(sounds / f"{n}.wav", speaker=f"s{n}") for n in range(3)]
    one = evaluate(tiny_model, utterances, device="cpu")
    other = evaluate(tiny_model, utterances[::-1], device="cpu")
    assert one.as_json() == other.as_json()


def test_as_written_follows_the_models_text_rules_and_the_headline_does_not(tiny_model, sounds):
    label = "HELLO, there: 25!"
    utterance = labelled(sounds / "0.wav", label)
    plain = evaluate(tiny_model, [utterance], device="cpu")
    spoken = evaluate(
        tiny_model,
        [utterance],
        device="cpu",
        rules=TextRules(numbers="verbalise", case="lower"),
    )
    assert plain.total.normalized == spoken.total.normalized
    assert (
        plain.total.normalized
        == score_pair(label, plain.utterances[0].hypothesis, normalizer_for("en")).normalized
    )
    assert plain.total.raw.reference_words == 3
    assert spoken.total.raw.reference_words == 4
    assert spoken.as_json()["as_written"]["text_rules"]["numbers"] == "verbalise"


def test_the_rules_of_a_model_without_any_have_the_case_of_its_letters(tiny_model, sounds):
    found = evaluate(tiny_model, [labelled(sounds / "1.wav")], device="cpu")
    assert found.text_rules.case == "lower"


def test_labels_in_several_languages_are_normalised_for_any_script(tiny_model, sounds):
    utterances = [labelled(sounds / f"{n}.wav", language=tag) for n, tag in enumerate(("en", "de"))]
    found = evaluate(tiny_model, utterances, device="cpu")
    assert found.normalizer == normalizer_for(None).name


def scored(number, reference, hypothesis, **fields):
    utterance = LabelledUtterance(audio=f"file:///{number}.wav", text=reference, **fields)
    return UtteranceScore(
        utterance=utterance,
        hypothesis=hypothesis,
        seconds=2.0,
        score=score_pair(reference, hypothesis, normalizer_for("en")),
    )


def evaluation(scores, **fields):
    return Evaluation(
        model="m",
        model_digest="0" * 12,
        decode_digest="1" * 12,
        device="cpu",
        normalizer=normalizer_for("en").name,
        text_rules=TextRules(),
        utterances=tuple(scores),
        failures=(),
        **fields,
    )


def by(field, groups, members=2):
    return [
        scored(f"{group}-{n}", "all hello there", "all hello" if group % 2 else "all hello there",
               **{field: f"{field} {group}"})
        for group in range(groups)
        for n in range(members)
    ]  # fmt: skip


def test_the_blocks_are_speakers_where_there_are_enough():
    found = evaluation(by("speaker", ENOUGH_BLOCKS))
    words, _ = found.intervals
    assert (found.unit, words.blocks, words.note) == ("speaker", ENOUGH_BLOCKS, None)


def test_else_recordings_and_the_interval_says_what_it_leaves_out():
    found = evaluation(by("recording", ENOUGH_BLOCKS))
    words, _ = found.intervals
    assert (found.unit, words.blocks) == ("recording", ENOUGH_BLOCKS)
    assert words.note == "not every speaker is named: other speakers may lie outside it"


def test_else_utterances():
    found = evaluation(by("speaker", 3, members=10))
    words, _ = found.intervals
    assert (found.unit, words.blocks) == ("utterance", 30)
    assert words.note == "3 speakers are too few to draw from: other speakers may lie outside it"


def test_few_utterances_are_said_to_be_few():
    words, _ = evaluation(by("speaker", 1)).intervals
    assert "too few blocks (2 of at least 20)" in words.note


def test_the_rate_is_a_ratio_of_sums_by_speaker_and_in_all():
    found = evaluation(by("speaker", 4))
    total = corpus_score(one.score for one in found.utterances)
    assert found.as_json()["wer"] == total.normalized.rate == pytest.approx(4 / 24)
    assert list(found.by_speaker) == [f"speaker {n}" for n in range(4)]


def test_the_figures_quote_no_text_and_name_no_speaker():
    scores = [
        replace(one, utterance=replace(one.utterance, speaker="Ada Lovelace"))
        for one in by("recording", 2)
    ]
    text = json.dumps(evaluation(scores).as_json())
    assert "hello" not in text
    assert "Lovelace" not in text


def test_two_evaluations_differ_over_the_utterances_that_both_transcribed():
    before = evaluation([scored(n, "all hello", "all") for n in range(30)])
    after = evaluation([scored(n, "all hello", "all hello") for n in range(5, 35)])
    found = after.difference_to(before)
    assert found.delta == pytest.approx(-0.5)
    assert (found.blocks, found.p_worse) == (25, 0.0)


def test_evaluations_that_cannot_be_compared_say_why():
    one = evaluation([scored(1, "all", "all")])
    with pytest.raises(ValueError, match="no transcribed utterance in common"):
        one.difference_to(evaluation([scored(2, "all", "all")]))
    with pytest.raises(ValueError, match="expected the same rules for both"):
        one.difference_to(replace(one, normalizer="other"))


def test_an_utterance_in_which_the_model_writes_nothing_is_counted_as_empty():
    found = evaluation([scored(1, "all", ""), scored(2, "", ""), scored(3, "all", "all")])
    assert found.as_json()["empty"] == 1
