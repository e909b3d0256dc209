"""A model's card and metrics say what was measured, and quote nobody."""

import json
from dataclasses import replace

import pytest
from huggingface_hub import ModelCard

from manifests.labels import LabelledUtterance
from training.evaluating.evaluation import Evaluation
from training.evaluating.report import (
    Compared,
    DataFacts,
    Outcome,
    Throughput,
    as_json,
    speaker_table,
    write_details,
    write_outcome,
)
from training.evaluating.scores import Failure, UtteranceScore
from training.labels.text import TextRules
from training.scoring import normalizer_for, score_pair
from training.settings import Settings

FACTS = DataFacts(manifest="ab" * 32, utterances=30, seconds=90.0, speakers=2, languages=("en-GB",))


def evaluation(hypothesis, **fields):
    scores = tuple(
        UtteranceScore(
            utterance=LabelledUtterance(
                audio=f"file:///{n}.wav", text="all hello there", speaker=f"Speaker {n % 2}"
            ),
            hypothesis=hypothesis if n % 3 else "all hello there",
            seconds=3.0,
            score=score_pair(
                "all hello there",
                hypothesis if n % 3 else "all hello there",
                normalizer_for("en"),
            ),
        )
        for n in range(30)
    )
    given = {
        "model": "m",
        "model_digest": "0" * 12,
        "decode_digest": "1" * 12,
        "device": "cpu",
        "normalizer": normalizer_for("en").name,
        "text_rules": TextRules(),
        "utterances": scores,
        "failures": (),
    }
    return Evaluation(**{**given, **fields})


@pytest.fixture
def outcome():
    return Outcome(
        settings=Settings(),
        name="calls: north",
        base="acme/base-960h",
        base_digest="2" * 12,
        data={"train": FACTS, "validation": replace(FACTS, seconds=None, speakers=0)},
        steps=150,
        best_step=100,
        base_mixed_in=0.5,
        evaluations={
            "validation": Compared(before=evaluation("or yellow"), after=evaluation("all hello")),
            "test": Compared(before=None, after=evaluation("all yellow there")),
        },
        throughput=Throughput(audio_seconds_per_second=31.25, device="CPU, 2 threads"),
        licence="cc-by-4.0",
        date="2026-11-24",
    )


@pytest.fixture
def folder(outcome, tmp_path):
    write_outcome(outcome, tmp_path)
    return tmp_path


def test_the_hub_reads_the_cards_metadata(folder):
    card = ModelCard.load(folder / "README.md")
    assert card.data.license == "cc-by-4.0"
    assert card.data.language == ["en"]
    assert card.data.base_model == "acme/base-960h"
    assert card.data.pipeline_tag == "automatic-speech-recognition"
    results = {(r.dataset_name, r.metric_type): r.metric_value for r in card.data.eval_results}
    assert results["validation", "wer"] == pytest.approx(22.22)
    assert {key[1] for key in results} == {"wer", "cer"}


def test_the_validation_figures_stand_at_the_top_of_the_metrics(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    for side, deletions in (("before", 20), ("after", 20)):
        figures = metrics[side]
        assert figures == metrics["evaluations"]["validation"][side]
        assert figures["reference_words"] == 90
        assert figures["deletions"] == deletions
        assert figures["interval"]["low"] < figures["wer"] < figures["interval"]["high"]
    assert metrics["evaluations"]["validation"]["difference"]["p_worse"] == 0.0
    assert metrics["evaluations"]["test"]["difference"] is None


def test_the_card_says_where_the_model_comes_from_and_how_it_was_scored(folder):
    text = (folder / "README.md").read_text()
    for part in (
        "fine-tuned from `acme/base-960h` (digest `222222222222`) in 150 steps on 2026-11-24",
        "Licence: cc-by-4.0",
        "| before | 66.7 % |",
        "| after | 22.2 % |",
        "points of WER",
        "2 speakers are too few to draw from",
        normalizer_for("en").name,
        "| train | 30 | 1.5 | 2 | `abababababababab` |",
        "| validation | 30 | – | not named |",
        "31.2 seconds of sound a second on CPU, 2 threads (1 process)",
        "transformers",
    ):
        assert part in text


def test_neither_card_nor_metrics_quote_labels_or_name_speakers(folder):
    for name in ("README.md", "metrics.json"):
        text = (folder / name).read_text()
        assert "hello" not in text
        assert "Speaker 1" not in text


def test_a_run_without_sets_to_score_says_that_nothing_was_measured(outcome, tmp_path):
    bare = replace(
        outcome, evaluations={}, base=None, base_digest=None, licence=None, throughput=None
    )
    metrics = as_json(bare)
    assert (metrics["before"], metrics["after"], metrics["evaluations"]) == (None, None, {})
    write_outcome(bare, tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "Nothing was measured" in text
    assert "trained from scratch" in text
    assert "Licence: not stated" in text
    assert ModelCard.load(tmp_path / "README.md").data.license == "unknown"


def test_a_set_that_nobody_could_read_has_a_card_without_rates(outcome, tmp_path):
    lost = evaluation("")
    failures = tuple(
        Failure(utterance=one.utterance, kind="not_found", message="gone")
        for one in lost.utterances
    )
    nothing = replace(lost, utterances=(), failures=failures)
    compared = Compared(before=nothing, after=nothing)
    write_outcome(replace(outcome, evaluations={"validation": compared}), tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "0 of 30 utterances transcribed" in text
    assert "| after | – | – |" in text


def test_an_interrupted_run_says_where_it_went_on(outcome, tmp_path):
    write_outcome(replace(outcome, resumed_at=70), tmp_path)
    assert "resumed at step 70" in (tmp_path / "README.md").read_text()


def test_the_details_quote_the_worst_first_and_have_a_table_of_speakers(outcome, tmp_path):
    write_details(outcome.evaluations, tmp_path)
    lines = (tmp_path / "validation/before/utterances.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    errors = [row["substitutions"] + row["deletions"] + row["insertions"] for row in rows]
    assert errors == sorted(errors, reverse=True)
    assert (rows[0]["text"], rows[0]["pred_text"]) == ("all hello there", "or yellow")
    speakers = json.loads((tmp_path / "validation/after/speakers.json").read_text())
    assert [row["speaker"] for row in speakers] == ["Speaker 0", "Speaker 1"]
    assert sum(row["reference_words"] for row in speakers) == 90
    assert not (tmp_path / "test/before").exists()


def test_what_could_not_be_read_is_in_the_details_with_its_reason(tmp_path):
    one = evaluation("all")
    lost = Failure(utterance=one.utterances[0].utterance, kind="corrupt", message="cut short")
    found = replace(one, utterances=one.utterances[1:], failures=(lost,))
    write_details({"test": Compared(before=None, after=found)}, tmp_path)
    last = (tmp_path / "test/after/utterances.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["error_kind"] == "corrupt"


def test_speakers_without_a_name_are_in_no_row():
    one = evaluation("all")
    nameless = [
        replace(score, utterance=replace(score.utterance, speaker=None)) for score in one.utterances
    ]
    assert speaker_table(replace(one, utterances=tuple(nameless))) == []


def test_facts_of_a_channel_are_its_manifests(tmp_path):
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("{}\n")
    utterances = [
        LabelledUtterance(audio="file:///a.wav", text="", duration=1.5, speaker="a", language="en"),
        LabelledUtterance(audio="file:///b.wav", text="", duration=2.0, speaker="b", language="en"),
    ]
    facts = DataFacts.of(tmp_path, utterances)
    assert facts == DataFacts.of(manifest, utterances)
    assert (facts.seconds, facts.speakers, facts.languages) == (3.5, 2, ("en",))
    unknown = [*utterances, LabelledUtterance(audio="file:///c.wav", text="")]
    assert DataFacts.of(tmp_path, unknown).seconds is None


def test_the_card_says_which_weights_these_are(folder):
    text = (folder / "README.md").read_text("utf-8")
    assert "of step 100 of 150, the best on validation; 50% of the base is mixed in" in text
