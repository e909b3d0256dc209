from __future__ import annotations

from pathlib import Path

import pytest

from batch.config import load_config
from manifests.errors import InputError

GOOD = """
[archive]
uri = "recordings"
[model]
uri = "models/demo"
[output]
uri = "s3://bucket/out/"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "nightscribe.toml"
    path.write_text(text, "utf-8")
    return path


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, GOOD))
    assert config.archive.uri == str(tmp_path / "recordings")
    assert config.output.uri == "s3://bucket/out/"


def test_a_hub_name_stays_a_hub_name_unless_such_a_folder_exists(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    assert load_config(path).model.uri == "models/demo"
    (tmp_path / "models/demo").mkdir(parents=True)
    assert load_config(path).model.uri == str(tmp_path / "models/demo")


def test_flags_override_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    config = load_config(path, ["transform.workers=3", "archive.channels=split"])
    assert (config.transform.workers, config.archive.channels) == (3, "split")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "[archiv]\nuri = 'x'\n", "unknown key 'archiv'; did you mean 'archive'?"),
        (GOOD + "[transform]\nworker = 2\n", "unknown key 'transform.worker'; did you mean"),
        (GOOD + "[transform]\nworkers = 'two'\n", "key 'transform.workers': found 'two'"),
        (GOOD + "[transform]\nrounds = 99\n", "key 'transform.rounds': found 99"),
        (GOOD + "[platform]\nname = 'moon'\n", "key 'platform.name': found 'moon'"),
        ("[archive]\nuri = 'x'\n", "key 'model' is missing"),
        ("[archive\n", "not TOML"),
        ("\udcff", "not TOML"),
    ],
)
def test_an_error_names_the_file_the_key_and_what_was_found(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "nightscribe.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError) as error:
        load_config(path)
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        load_config(written(tmp_path, "[archive]\nurl = 'x'\n"))
    for said in ("'archive.url'; did you mean 'uri'?", "'archive.uri' is missing", "'output'"):
        assert said in str(error.value)


@pytest.mark.parametrize("override", ["workers=3", "transform.workers", "a..b=1", "model.uri.x=1"])
def test_a_bad_override_is_an_error(tmp_path: Path, override: str) -> None:
    with pytest.raises(InputError, match="--set"):
        load_config(written(tmp_path, GOOD), [override])


def test_a_missing_file_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nightscribe init"):
        load_config(tmp_path / "none.toml")


def test_a_projects_own_rules_of_scoring(tmp_path: Path) -> None:
    rules = (
        '[scoring]\naligner = "sclite"\nequivalences = ["wi fi = wifi"]\nfillers = ["you know"]\n'
    )
    scoring = load_config(written(tmp_path, GOOD + rules)).scoring
    assert scoring.aligner == "sclite"
    assert scoring.custom.label.endswith("(1 equivalence, 1 filler)")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('equivalences = ["wifi"]', "no '='; two spellings are expected, ok = okay"),
        ('fillers = ["..."]', "nothing is left of '...' once it is normalised"),
        ('aligner = "nist"', "key 'scoring.aligner': found 'nist'"),
    ],
)
def test_a_rule_of_scoring_that_cannot_hold_is_found_before_the_night(
    tmp_path: Path, line: str, said: str
) -> None:
    with pytest.raises(InputError) as error:
        load_config(written(tmp_path, f"{GOOD}[scoring]\n{line}\n"))
    assert said in str(error.value)
    assert "scoring" in str(error.value)
