"""The configuration that a schedule writes is read back as it was, whatever stands in it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from batch.config import Config, load_config
from batch.schedule.scheduled_config import as_toml

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@st.composite
def configs(draw: st.DrawFn) -> Config:
    return Config.model_validate(
        {
            "archive": {"uri": f"s3://a/{draw(TEXT)}", "include": draw(st.lists(TEXT, max_size=3))},
            "model": {"uri": f"s3://m/{draw(TEXT)}"},
            "output": {"uri": "s3://o/"},
            "transform": {"shard_minutes": draw(st.floats(0.01, 600)), "workers": 3},
            "report": {"max_wer": draw(st.none() | st.floats(0, 10))},
            "sagemaker": {
                "network_isolation": draw(st.booleans()),
                "subnets": draw(st.lists(TEXT, max_size=2)),
                "tags": draw(st.dictionaries(TEXT, TEXT, max_size=3)),
            },
        }
    )


@given(configs())
def test_it_is_read_back_as_it_was(config: Config) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_bytes(as_toml(config))
        assert load_config(path) == config
