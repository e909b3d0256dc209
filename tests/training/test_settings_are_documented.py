"""docs/training.md has every setting and every key, with its default; docs/aws.md the account's."""

import dataclasses
from pathlib import Path

import pytest

from batch.config import SageMakerSection, TrainingSection
from training.settings import Settings

PAGES = Path(__file__).parents[2] / "docs"
DOCS = (PAGES / "training.md").read_text("utf-8")
AWS = (PAGES / "aws.md").read_text("utf-8")
# The driver fills these in.
OWN = {"name", "base_name", "text_rules", "licence"}
SETTINGS = [field for field in dataclasses.fields(Settings) if field.name not in OWN]


def shown(default):
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default in (None, "") else str(default)


@pytest.mark.parametrize("field", SETTINGS, ids=lambda field: field.name)
def test_a_setting_stands_in_the_docs_with_its_default(field):
    assert f"| `{field.name}` | {shown(field.default)} | " in DOCS


@pytest.mark.parametrize("key", TrainingSection.model_fields)
def test_a_key_stands_in_the_docs(key):
    assert f"`{key}`" in DOCS


@pytest.mark.parametrize("key", SageMakerSection.model_fields)
def test_a_key_of_the_account_stands_in_the_docs(key):
    assert f"`{key}`" in AWS
