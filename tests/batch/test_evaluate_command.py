"""``nightscribe evaluate``: any model, any labelled set, and every utterance accounted for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from batch.bundles import prepare_bundle
from batch.cli.evaluate_command import evaluate
from batch.cli.listeners import LogListener
from batch.config import load_config
from batch.platforms.local import LocalPlatform
from batch.run import Runner
from manifests.errors import InputError
from manifests.storage import open_store
from tests.conftest import make_tiny_model, shared, speechlike, write_sound
from training.evaluating.evaluation import evaluate as evaluate_folder
from training.scoring import SCLITE

TEXTS = ("all hello there", "hello", "all there is to say")


def invoked(*words: str | Path) -> Result:
    return CliRunner().invoke(evaluate, list(map(str, words)), standalone_mode=False)


def figures(*words: str | Path) -> dict[str, Any]:
    answer = invoked(*words, "--json")
    assert answer.exception is None, answer.exception
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    rows = []
    for number, text in enumerate(TEXTS):
        write_sound(folder / f"{number}.wav", speechlike(2 + number, seed=number))
        rows.append({"audio_filepath": f"{number}.wav", "text": text, "speaker": f"s{number % 2}"})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("other") / "other", seed=5)


@pytest.fixture
def config(labels: Path, tmp_path: Path) -> Path:
    path = tmp_path / "nightscribe.toml"
    path.write_text(
        f'[archive]\nuri = "{labels}"\n[model]\nuri = "{labels}"\n[output]\nuri = "out"\n'
        f'[training]\ntrain = "{labels}"\nvalidation = "{labels}/manifest.jsonl"\n'
    )
    return path


def test_the_figures_are_those_of_the_evaluation(tiny_model: Path, labels: Path) -> None:
    from manifests.labels import read_labels

    found = figures(tiny_model, "--on", labels)
    direct = evaluate_folder(tiny_model, read_labels(labels), name=str(tiny_model)).as_json()
    assert {key: found["model"][key] for key in direct} == direct
    assert [row["speaker"] for row in found["model"]["by_speaker"]] == ["s0", "s1"]
    assert found["difference"] is None


def test_a_person_reads_coverage_before_rates_and_no_text(tiny_model: Path, labels: Path) -> None:
    answer = invoked(tiny_model, "--on", labels)
    lines = answer.stdout.splitlines()
    heads = [line[:16].strip() for line in lines]
    assert heads.index("coverage") < heads.index("WER") < heads.index("CER")
    assert "3 of 3 utterances scored" in answer.stdout
    assert "N 9 words" in answer.stdout
    assert "whisper-english" in answer.stdout
    assert "hello" not in answer.stdout
    assert answer.return_value == 0


def test_a_bundle_gives_the_figures_of_its_folder(
    tiny_model: Path, labels: Path, tmp_path: Path
) -> None:
    bundle = prepare_bundle(str(tiny_model), open_store(tmp_path))
    folder, packed = (
        figures(model, "--on", labels)["model"]
        for model in (tiny_model, bundle.uri[len("file://") :])
    )
    assert packed["model"] == bundle.name
    assert {**packed, "model": None} == {**folder, "model": None}


def test_two_models_are_compared_on_the_same_utterances(
    tiny_model: Path, other_model: Path, labels: Path
) -> None:
    found = figures(tiny_model, "--on", labels, "--against", other_model)
    delta = found["model"]["wer"] - found["against"]["wer"]
    assert found["difference"]["delta"] == pytest.approx(delta)
    assert found["difference"]["low"] <= delta <= found["difference"]["high"]
    answer = invoked(tiny_model, "--on", labels, "--against", other_model)
    assert f"{tiny_model} minus {other_model}: {100 * delta:+.2f} points of WER" in answer.stdout


def test_a_model_against_itself_is_no_better(tiny_model: Path, labels: Path) -> None:
    found = figures(tiny_model, "--on", labels, "--against", tiny_model)["difference"]
    assert (found["delta"], found["p_worse"]) == (0.0, 0.5)


def test_a_set_of_the_configuration_goes_by_its_name(
    tiny_model: Path, labels: Path, config: Path
) -> None:
    found = figures(tiny_model, "--on", "validation", "--config", config)
    assert found["labels"] == f"validation of {config}"
    assert found["model"]["wer"] == figures(tiny_model, "--on", labels)["model"]["wer"]


def test_a_set_of_the_configuration_is_scored_by_its_rules(
    tiny_model: Path, other_model: Path, config: Path
) -> None:
    config.write_text(config.read_text() + '[scoring]\nfillers = ["you know"]\n')
    arguments = ("--on", "validation", "--config", config, "--against", other_model)
    found = figures(tiny_model, *arguments)
    assert found["model"]["normalizer"].endswith("(1 filler)")
    assert found["against"]["normalizer"] == found["model"]["normalizer"]


SCORING = """[scoring]
aligner = "sclite"
fillers = ["hello"]
"""


def test_any_labels_are_scored_by_the_rules_of_the_configuration_that_is_there(
    tiny_model: Path, labels: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(config.read_text() + SCORING)
    monkeypatch.chdir(config.parent)
    found = figures(tiny_model, "--on", labels)["model"]
    assert found["normalizer"].endswith("(1 filler)")
    assert found["aligner"] == SCLITE.name
    assert found["custom"] == {"equivalences": [], "fillers": ["hello"]}
    assert found["reference_words"] == 7
    assert found["as_written"]["reference_words"] == 9
    assert SCLITE.name in invoked(tiny_model, "--on", labels).stdout


def test_the_language_is_the_labels_own_before_that_of_the_configuration(
    tiny_model: Path, labels: Path, config: Path, tmp_path: Path
) -> None:
    config.write_text(config.read_text().replace("[archive]", '[archive]\nlanguage = "de"'))
    found = figures(tiny_model, "--on", labels, "--config", config)["model"]
    assert found["normalizer"].startswith("nightscribe-unicode")
    rows = [{**json.loads(row), "lang": "en"} for row in (labels / "manifest.jsonl").open()]
    rows[0]["lang"] = "en-GB"
    named = labels / "named.jsonl"
    named.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = figures(tiny_model, "--on", named, "--config", config)["model"]
    assert found["normalizer"].startswith("whisper-english")
    config.write_text(config.read_text().replace("manifest.jsonl", "named.jsonl"))
    found = figures(tiny_model, "--on", "validation", "--config", config)["model"]
    assert found["normalizer"].startswith("whisper-english")


def test_the_rates_of_a_report_and_of_an_evaluation_of_the_same_texts_are_equal(
    tiny_model: Path, tmp_path: Path
) -> None:
    texts = {"a": "Hello, all of it... 25 percent", "b": "hello there", "c": "(really) all"}
    for number, name in enumerate(texts):
        write_sound(tmp_path / f"archive/{name}.wav", speechlike(3 + number, seed=number))
    lines = [f"{name}.wav\t{text}\n" for name, text in texts.items()]
    (tmp_path / "archive/references.tsv").write_text("".join(lines), "utf-8")
    config = tmp_path / "nightscribe.toml"
    config.write_text(
        f'[archive]\nuri = "archive"\n[model]\nuri = "{tiny_model}"\n[output]\nuri = "out"\n'
        f'[references]\nuri = "archive/references.tsv"\n[transform]\nworkers = 1\n{SCORING}'
    )
    listener = LogListener()
    runner = Runner(config=load_config(config), platform=LocalPlatform(), listener=listener)
    with runner.claimed():
        (finished,) = runner.run()
    report = json.loads(runner.output.read(f"{finished.plan.keys.reports}summary.json"))
    found = figures(tiny_model, "--on", tmp_path / "archive/references.tsv", "--config", config)
    model = found["model"]
    assert (model["wer"], model["cer"]) == (report["wer"]["rate"], report["cer"]["rate"])
    for count in ("substitutions", "deletions", "insertions"):
        assert model[count] == report["wer"][count]
    assert model["reference_words"] == report["wer"]["reference"] > 0
    rules = report["rules"]
    assert {key: model[key] for key in ("normalizer", "aligner", "custom")} == {
        key: rules[key] for key in ("normalizer", "aligner", "custom")
    }
    assert rules["aligner"] == SCLITE.name


def test_a_set_that_the_configuration_has_not_is_named_with_those_it_has(
    tiny_model: Path, config: Path
) -> None:
    answer = invoked(tiny_model, "--on", "domain", "--config", config)
    assert isinstance(answer.exception, InputError)
    assert "has no such set; it has train, validation" in str(answer.exception)


def test_a_set_without_a_configuration_is_an_error_that_says_what_to_give(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = invoked(tiny_model, "--on", "test")
    assert isinstance(answer.exception, InputError)
    assert "give one with --config, or the labels themselves" in str(answer.exception)


def test_what_cannot_be_read_is_named_and_the_rest_is_scored(
    tiny_model: Path, labels: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "labels"
    shutil.copytree(labels, folder)
    (folder / "1.wav").write_bytes(b"RIFF and then nothing")
    answer = invoked(tiny_model, "--on", folder)
    assert answer.return_value == 0
    assert "2 of 3 utterances scored" in answer.stdout
    assert "1 unreadable" in answer.stdout
    assert "manifest.jsonl, line 2" in answer.stdout
    assert len(figures(tiny_model, "--on", folder)["model"]["failures"]) == 1


def test_nothing_readable_is_a_failure(tiny_model: Path, labels: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_bytes((labels / "manifest.jsonl").read_bytes())
    answer = invoked(tiny_model, "--on", tmp_path, "--against", tiny_model)
    assert answer.return_value == 1
    assert "0 of 3 utterances scored" in answer.stdout
    assert "WER             none" in answer.stdout


def test_details_go_to_files(
    tiny_model: Path, other_model: Path, labels: Path, tmp_path: Path
) -> None:
    out = tmp_path / "details"
    answer = invoked(tiny_model, "--on", labels, "--against", other_model, "--out", out)
    assert f"details         {out}" in answer.stdout
    for side in ("model", "against"):
        lines = (out / side / "utterances.jsonl").read_text().splitlines()
        assert {json.loads(line)["text"] for line in lines} == set(TEXTS)
        assert json.loads((out / side / "evaluation.json").read_text())["scored"] == 3


def test_the_language_chooses_the_rule_that_normalises(tiny_model: Path, labels: Path) -> None:
    found = figures(tiny_model, "--on", labels, "--language", "de")
    assert found["model"]["normalizer"].startswith("nightscribe-unicode")


def test_a_folder_without_a_model_is_an_error_that_says_so(labels: Path) -> None:
    answer = invoked(labels, "--on", labels)
    assert isinstance(answer.exception, InputError)
    assert "config.json" in str(answer.exception)


def test_a_model_that_writes_text_is_evaluated_like_any_other(labels: Path) -> None:
    found = figures(shared("models/whisper-tiny.en"), "--on", labels)
    assert found["model"]["normalizer"].startswith("whisper-english")


def test_a_folder_for_details_that_cannot_be_made_is_told_before_anything_is_heard(
    labels: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    answer = invoked("no model", "--on", labels, "--out", tmp_path / "file/out")
    assert isinstance(answer.exception, InputError)
    assert "file/out: Not a directory" in str(answer.exception)
