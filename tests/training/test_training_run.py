import json

import pytest
from safetensors.torch import load_file

from training.labels.vocabulary import BLANK
from training.train import main

SETTINGS = {
    "steps": 4,
    "warmup_steps": 1,
    "batch_seconds": 1.5,
    "evaluation_steps": 2,
    "logging_steps": 1,
    "freeze_feature_encoder": False,
}


@pytest.fixture
def container(monkeypatch, tmp_path, channel, architecture):
    """The environment of a training container without a base model."""
    variables = {
        "SM_HPS": json.dumps({**SETTINGS, "architecture": str(architecture)}),
        "SM_CHANNEL_TRAIN": channel,
        "SM_MODEL_DIR": tmp_path / "model",
        "NIGHTSCRIBE_CHECKPOINT_DIR": tmp_path / "checkpoints",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    for name in ("SM_CHANNEL_VALIDATION", "SM_CHANNEL_MODEL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_run_from_scratch_and_a_fine_tuning_from_it(container, monkeypatch, channel, capfd):
    monkeypatch.setenv("SM_CHANNEL_VALIDATION", str(channel))
    assert main([]) == 0
    model = container / "model"
    assert json.loads((model / "vocab.json").read_text())[BLANK] == 0
    assert not list(model.glob("**/optimizer*"))
    assert "step=4 loss=" in capfd.readouterr().out

    monkeypatch.setenv("SM_CHANNEL_MODEL", str(model))
    monkeypatch.setenv("SM_HPS", json.dumps({**SETTINGS, "freeze_feature_encoder": True}))
    monkeypatch.setenv("SM_MODEL_DIR", str(container / "tuned"))
    monkeypatch.setenv("NIGHTSCRIBE_CHECKPOINT_DIR", str(container / "others"))
    assert main([]) == 0
    metrics = json.loads((container / "tuned" / "metrics.json").read_text())
    assert metrics["base"] == "model"
    for when in ("before", "after"):
        assert metrics[when]["reference_words"] > 0
        assert {"wer", "substitutions", "deletions", "insertions"} <= set(metrics[when])
    before, after = (
        load_file(model / "model.safetensors"),
        load_file(container / "tuned" / "model.safetensors"),
    )
    frozen = [name for name in before if ".feature_extractor." in name]
    assert frozen
    assert all(before[name].equal(after[name]) for name in frozen)
    assert "after" in (container / "tuned" / "README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--base", "somewhere"], "give either a base model"),
        (["--train", "nowhere"], "no such file"),
        (["--hyperparameters", '{"sead": 1}'], "did you mean seed?"),
    ],
)
def test_what_the_user_must_mend_is_exit_two(container, capsys, arguments, message):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_checkpoints_in_the_model_folder_are_refused(container, capsys):
    assert main(["--checkpoints", str(container / "model" / "checkpoints")]) == 2
    assert "optimiser's state" in capsys.readouterr().err
