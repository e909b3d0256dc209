import json

import pytest

from training.presets import PRESETS
from training.running.machine import steps_of
from training.settings import Settings, SettingsError


def test_values_that_sagemaker_hands_over_as_strings_are_read():
    found = Settings.of({"steps": "12", "learning_rate": "1e-4", "warmup_steps": 3})
    assert (found.steps, found.learning_rate, found.warmup_steps) == (12, 1e-4, 3)
    assert not Settings.of({"freeze_feature_encoder": "False"}).freeze_feature_encoder


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"learning_rate": -1}, "learning_rate is -1.0; expected a number above 0"),
        ({"learning_rate": "nan"}, "learning_rate is nan; expected a finite number"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'; expected a value of type float"),
        ({"steps": 0.5}, "steps is 0.5; expected a value of type int"),
        ({"mixed_precision": "half"}, "mixed_precision is 'half'; expected no, bf16, fp16"),
        ({"noise_share": 2}, "noise_share is 2.0; expected at most 1"),
        ({"steps": 5, "warmup_steps": 6}, "warmup_steps is 6; expected at most steps, 5"),
        ({"freeze_feature_encoder": "perhaps"}, "freeze_feature_encoder is 'perhaps'"),
        ({"thaw_encoder_at": 5, "freeze_feature_encoder": False}, "cannot thaw"),
        ({"thaw_encoder_at": 5, "head_only_steps": 9}, "expected at least head_only_steps, 9"),
        ({"head_only_steps": 200}, "head_only_steps is 200; expected at most steps, 150"),
        ({"thaw_encoder_at": 150}, "thaw_encoder_at is 150; expected less than steps, 150"),
        ({"adam_beta2": 1}, "adam_beta2 is 1.0; expected a number below 1"),
        ({"lora_rank": 4, "adapter_language": "fao"}, "lora_rank is 4 and adapter_language is"),
        ({"lora_rank": 4, "thaw_encoder_at": 5}, "thaw_encoder_at is 5, but lora_rank is 4"),
        (
            {"adapter_language": "fao", "thaw_encoder_at": 5},
            "thaw_encoder_at is 5, but adapter_language is 'fao'",
        ),
        (
            {"lora_rank": 4, "architecture": "a.json"},
            "architecture is 'a.json', but lora_rank is 4",
        ),
        ({"steps": 5, "epochs": 2}, "steps is 5 and epochs is 2; expected one of them"),
        ({"preset": "one-our"}, "preset is 'one-our'; expected ten-minutes, one-hour, ten-hours"),
        ({"vocabulary": "mine"}, "vocabulary is 'mine'; expected auto, base, labels"),
        ({"layer_decay": 0}, "layer_decay is 0.0; expected a number above 0"),
        ({"learning_rat": 1}, "unknown hyperparameter learning_rat; did you mean learning_rate?"),
    ],
)
def test_a_bad_value_is_shown(given, message):
    with pytest.raises(SettingsError) as raised:
        Settings.of(given)
    assert message in str(raised.value)


@pytest.mark.parametrize("name", ["warmup_steps", "head_only_steps", "thaw_encoder_at"])
def test_what_begins_or_ends_at_a_step_fits_into_the_epochs(name):
    few = Settings.of({"epochs": 2, "warmup_steps": 1, name: 9})
    assert steps_of(few, updates_per_epoch=10) == 20
    with pytest.raises(SettingsError, match=f"{name} is 9, and 2 epochs of this data are 8 steps"):
        steps_of(few, updates_per_epoch=4)


def test_a_preset_fills_in_what_is_not_given():
    assert Settings.of({"preset": "one-hour"}).steps == PRESETS["one-hour"]["steps"]
    chosen = Settings.of({"preset": "one-hour", "steps": "700"})
    assert chosen.steps == 700
    assert chosen.batch_seconds == PRESETS["one-hour"]["batch_seconds"]
    assert Settings.of({}) == Settings()


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_valid_and_longer_data_gets_more_steps(name):
    assert Settings.of({"preset": name}).preset == name
    steps = [Settings.of({"preset": one}).steps for one in PRESETS]
    assert steps == sorted(steps)


def test_optional_values_may_be_left_out_in_each_way():
    for nothing in (None, ""):
        assert Settings.of({"thaw_encoder_at": nothing}).thaw_encoder_at is None
    assert Settings.of({"thaw_encoder_at": "12"}).thaw_encoder_at == 12


def test_rules_for_texts_may_come_as_an_object():
    assert json.loads(Settings.of({"text_rules": {"case": "é"}}).text_rules) == {"case": "é"}


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_precision_that_the_machine_lacks_is_refused(precision, monkeypatch):
    import torch

    from training.running.machine import check_precision

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match=f"{precision}.*no GPU.*expected 'no'"):
        check_precision(precision)
    check_precision("no")


def test_hyperparameters_come_from_json_or_from_a_file_of_it(tmp_path):
    path = tmp_path / "hyperparameters.json"
    path.write_text(json.dumps({"seed": 3}))
    assert Settings.parse(str(path)) == Settings.parse('{"seed": 3}') == Settings(seed=3)


@pytest.mark.parametrize("text", ["[1]", '"a"', "{"])
def test_what_is_not_an_object_is_refused(text, tmp_path):
    path = tmp_path / "hyperparameters.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match="JSON"):
        Settings.parse(str(path))


def test_what_nobody_chose_gives_way_to_the_steps():
    assert Settings.of({"steps": 6}).warmup_steps == 0
    assert Settings.of({"steps": 50}).warmup_steps == 5
    assert Settings.of({"steps": 6, "preset": "one-hour"}).head_only_steps == 0
    with pytest.raises(SettingsError, match="warmup_steps is 9; expected at most steps, 6"):
        Settings.of({"steps": 6, "warmup_steps": 9})
