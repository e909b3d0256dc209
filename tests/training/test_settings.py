import json

import pytest

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
        ({"learning_rat": 1}, "unknown hyperparameter learning_rat; did you mean learning_rate?"),
    ],
)
def test_a_bad_value_is_shown(given, message):
    with pytest.raises(SettingsError) as raised:
        Settings.of(given)
    assert message in str(raised.value)


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
