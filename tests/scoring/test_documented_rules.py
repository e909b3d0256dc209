"""Every example of docs/scoring.md is what happens."""

import re
import tomllib
from pathlib import Path

import pytest

from batch.config import ScoringSection
from training.scoring import (
    ErrorCounts,
    align_traced,
    normalizer_for,
    raw_tokens,
    score_pair,
    written_errors,
)

PAGE = (Path(__file__).parents[2] / "docs/scoring.md").read_text("utf-8")
CUSTOM = ScoringSection(
    **tomllib.loads(re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1])["scoring"]
).custom


def rows(header: str, text: str) -> list[list[str]]:
    """The cells of each table with this header; what stands in backticks is taken as it is."""
    found = []
    for table in text.split(header)[1:]:
        for line in table.splitlines()[2:]:
            if not line.startswith("|"):
                break
            found.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return found


def spellings() -> list[tuple[str, bool, list[str]]]:
    found = []
    for part in PAGE.split("<!-- language: ")[1:]:
        language, _, custom = part.partition(" -->")[0].partition(", ")
        part_rows = rows("| written | also written | scored as | rule |", part)
        found += [(language, bool(custom), cells) for cells in part_rows]
    return found


@pytest.mark.parametrize(("language", "custom", "cells"), spellings())
def test_both_spellings_score_as_documented(language, custom, cells):
    rule = normalizer_for(language, CUSTOM if custom else None)
    one, other, scored, _ = cells
    assert (rule(one), rule(other)) == (scored, scored)


@pytest.mark.parametrize("cells", rows("| reference | transcript | H | S | D | I | rule |", PAGE))
def test_a_pair_counts_as_documented(cells):
    reference, transcript, hits, substitutions, deletions, insertions, _ = cells
    assert score_pair(reference, transcript, normalizer_for("en")).normalized == ErrorCounts(
        hits=int(hits),
        substitutions=int(substitutions),
        deletions=int(deletions),
        insertions=int(insertions),
    )


@pytest.mark.parametrize(
    "cells", rows("| reference | transcript | formatting | recognition | rule |", PAGE)
)
def test_errors_have_the_documented_labels(cells):
    said, heard, formatting, recognition, _ = cells
    rule, words = normalizer_for("en"), (raw_tokens(said), raw_tokens(heard))
    errors = written_errors(*words, align_traced(*words, rule), rule)
    labels = [error.label for error in errors]
    assert labels.count("formatting") == int(formatting)
    assert labels.count("recognition") == int(recognition)


def test_the_page_has_examples_and_names_the_rules_of_today():
    assert len(spellings()) > 30
    assert len(rows("| reference | transcript | H | S | D | I | rule |", PAGE)) > 10
    for name in ("en", "de"):
        assert f"`{normalizer_for(name).name.split(', Unicode')[0]}`" in PAGE
