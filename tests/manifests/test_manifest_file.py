"""SageMaker's ManifestFile, written and read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import InputError
from manifests.manifest_file import read_manifest, write_manifest

GOLDEN = Path(__file__).parents[1] / "golden" / "manifest.json"


@given(st.text(), st.lists(st.text(min_size=1)))
def test_a_manifest_reads_back_as_it_was_written(prefix: str, names: list[str]) -> None:
    assert read_manifest(write_manifest(prefix, names), name="m") == (prefix, names)


def test_the_wire_format_is_the_golden_one() -> None:
    prefix, names = "s3://acme/runs/2026-11-23/shards/", ["00000.jsonl", "00001 ü.jsonl"]
    assert write_manifest(prefix, names) == GOLDEN.read_bytes()
    assert read_manifest(GOLDEN.read_bytes(), name="m") == (prefix, names)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"\xff\xff", "not JSON"),
        (b"[]", "a JSON list is expected"),
        (b'{"prefix": "s3://b/"}', "a JSON list is expected"),
        (b'["a.jsonl"]', "first entry 'a.jsonl'"),
        (b'[{"prefix": 1}, "a"]', "first entry {'prefix': 1}"),
        (b'[{"prefix": "s3://b/"}, "a", 5]', "entry 3: found 5; an object name is expected"),
        (b'[{"prefix": "s3://b/"}, ""]', "entry 2: found ''"),
    ],
)
def test_a_bad_manifest_says_what_was_found_and_what_is_expected(data: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_manifest(data, name="runs/r/manifest.json")
    assert str(caught.value).startswith("runs/r/manifest.json")
    assert said in str(caught.value)
