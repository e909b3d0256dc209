"""Labels, sound and model may lie in S3; the figures are those of the same files here."""

from __future__ import annotations

import json
from pathlib import Path

from batch.fine_tuning.evaluating import compare, labelled_set
from manifests.storage import open_store
from tests.conftest import speechlike, write_sound


def test_the_figures_do_not_depend_on_where_the_files_lie(
    s3_bucket: str, tiny_model: Path, tmp_path: Path
) -> None:
    rows = []
    for number in range(2):
        write_sound(tmp_path / f"labels/{number}.flac", speechlike(2, seed=number))
        rows.append({"audio_filepath": f"{number}.flac", "text": "all hello there"})
    manifest = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "labels/manifest.jsonl").write_text(manifest)
    store = open_store(f"s3://{s3_bucket}/")
    for folder, prefix in ((tmp_path / "labels", "labels"), (tiny_model, "model")):
        for path in folder.iterdir():
            store.put(f"{prefix}/{path.name}", path)
    here = compare(str(tiny_model), labelled_set(str(tmp_path / "labels"), config=None))
    there = compare(
        f"s3://{s3_bucket}/model", labelled_set(f"s3://{s3_bucket}/labels", config=None)
    )
    assert len(there.model.utterances) == 2
    assert {**there.model.as_json(), "model": None} == {**here.model.as_json(), "model": None}
