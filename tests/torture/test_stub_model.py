from __future__ import annotations

from pathlib import Path

import pytest

from batch.cli.listeners import LogListener
from batch.config import load_config
from batch.datasets import read_rows
from batch.platforms.local import LocalPlatform
from batch.run import Runner
from tests.stub_model import write_wav


def test_the_stub_is_served_by_the_real_platform_and_keeps_the_contract(
    tmp_path: Path, stub_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        write_wav(tmp_path / f"archive/{number}.wav", seed=number, channels=1 + number % 2)
    (tmp_path / "archive/broken.wav").write_bytes(b"RIFF")
    path = tmp_path / "nightscribe.toml"
    path.write_text(
        f'[archive]\nuri = "archive"\nchannels = "split"\n[model]\nuri = "{stub_model}"\n'
        '[output]\nuri = "out"\n[transform]\nworkers = 1\n'
    )
    monkeypatch.setenv("STUB_FAILS_ON", "0.wav")
    runner = Runner(config=load_config(path), platform=LocalPlatform(), listener=LogListener())
    runner.run()
    rows = read_rows(runner.output, "transcripts").to_pylist()
    found = sorted((row["path"], row["channel"], row["error_kind"]) for row in rows)
    assert found == [
        ("0.wav", None, "not_transcribed"),
        ("1.wav", 0, None),
        ("1.wav", 1, None),
        ("2.wav", 0, None),
        ("broken.wav", None, "corrupt"),
    ]
    texts = [row["text"] for row in rows if row["text"]]
    assert len(set(texts)) == len(texts) == 3
