from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from batch.bundles import prepare_bundle
from batch.config import DecodeSection
from batch.precision.wanted import Precision
from manifests.errors import InputError
from manifests.storage import Store, open_store
from manifests.tarball import pack, unpack
from tests.transform_handler.small_writers import whisper
from transform_handler.identity import CARD_NAME, BundleCard


@pytest.fixture
def output(tmp_path: Path) -> Store:
    return open_store(tmp_path / "out")


def unpacked(uri: str, folder: Path) -> Path:
    unpack(Path(uri.removeprefix("file://")), folder)
    return folder


def test_a_bundle_holds_model_code_and_card(
    output: Store, tiny_model: Path, tmp_path: Path
) -> None:
    bundle = prepare_bundle(str(tiny_model), output)
    folder = unpacked(bundle.uri, tmp_path / "unpacked")
    for name in (
        "model.safetensors",
        "config.json",
        "code/inference.py",
        "code/requirements.txt",
        "code/transform_handler/handler.py",
        "code/manifests/pointers.py",
    ):
        assert (folder / name).is_file(), name
    card = BundleCard.read(folder)
    assert (card.name, card.model_digest) == (bundle.name, bundle.model_digest)
    assert card.decode_digest == bundle.decode_digest
    assert not list(folder.rglob("__pycache__"))


def test_the_same_model_gives_the_same_bundle(
    output: Store, tiny_model: Path, tmp_path: Path
) -> None:
    first = prepare_bundle(str(tiny_model), output)
    data = output.read(output.key_of(first.uri))
    output.delete(output.key_of(first.uri))
    copy = tmp_path / "elsewhere" / tiny_model.name
    shutil.copytree(tiny_model, copy)
    second = prepare_bundle(str(copy), output)
    assert second == first
    assert output.read(output.key_of(second.uri)) == data


def test_a_readme_is_not_part_of_the_models_identity_but_weights_are(
    output: Store, tiny_model: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    digest = prepare_bundle(str(copy), output).model_digest
    (copy / "README.md").write_text("a typo mended")
    assert prepare_bundle(str(copy), output).model_digest == digest
    (copy / "preprocessor_config.json").write_text("{}")
    assert prepare_bundle(str(copy), output).model_digest != digest


def test_a_bundle_from_elsewhere_is_copied_below_the_output(
    output: Store, tiny_model: Path, tmp_path: Path
) -> None:
    elsewhere = prepare_bundle(str(tiny_model), open_store(tmp_path / "other"))
    path = elsewhere.uri.removeprefix("file://")
    bundle = prepare_bundle(path, output)
    assert bundle.uri.startswith(output.uri)
    assert (bundle.model_digest, bundle.name) == (elsewhere.model_digest, elsewhere.name)
    assert prepare_bundle(bundle.uri, output) == bundle


def test_a_hub_name_is_fetched_without_pickles(
    output: Store, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def snapshot(name: str, *, allow_patterns: list[str]) -> str:
        asked.update(name=name, patterns=allow_patterns)
        return str(tiny_model)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    bundle = prepare_bundle("facebook/wav2vec2-base-960h", output)
    assert bundle.name == "facebook-wav2vec2-base-960h"
    assert asked["name"] == "facebook/wav2vec2-base-960h"
    assert not {"*.bin", "*.pt"} & set(asked["patterns"])


def test_pickled_weights_are_refused(output: Store, tiny_model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"no \*.safetensors weights"):
        prepare_bundle(str(copy), output)


@pytest.mark.parametrize("content", [b"not a tarball", None])
def test_a_tarball_that_is_no_bundle_says_so(
    output: Store, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "model.tar.gz"
    if content is None:
        pack(path, {"weights": b""})
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=CARD_NAME):
        prepare_bundle(str(path), output)


def test_a_folder_without_a_model_says_what_is_expected(output: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        prepare_bundle(str(tmp_path), output)


def test_a_model_that_writes_text_is_bundled_as_it_is(output: Store, tmp_path: Path) -> None:
    model = whisper(tmp_path / "whisper")
    # What a CTC model of any size would be converted with.
    exact = Precision(on_cpu=True, smallest_bytes=0)
    bundle = prepare_bundle(str(model), output, precision=exact)
    card = BundleCard.read(unpacked(bundle.uri, tmp_path / "unpacked"))
    assert card.conversion is None
    assert (card.decode.step_seconds, card.decode.context_seconds) == (24.0, 0.0)
    assert not (tmp_path / "unpacked/openvino").exists()


def test_a_language_that_the_model_does_not_know_is_refused(output: Store, tmp_path: Path) -> None:
    english = str(whisper(tmp_path / "whisper"))
    made = prepare_bundle(english, output, language="en-GB")
    for model in (english, made.uri):
        with pytest.raises(InputError, match=r"\[archive\] language, with .*knows English only"):
            prepare_bundle(model, output, language="de")
    several = str(whisper(tmp_path / "several", multilingual=True))
    prepare_bundle(several, output, language="german", dry=True)
    with pytest.raises(InputError, match=r"language 'fr'; it knows de, en, zh"):
        prepare_bundle(several, output, language="fr", dry=True)


def test_what_only_ctc_models_can_do_is_refused_when_a_bundle_is_made(
    output: Store, tmp_path: Path
) -> None:
    model = str(whisper(tmp_path / "whisper"))
    with pytest.raises(InputError, match=r'precision "fast" is for CTC models, and'):
        prepare_bundle(model, output, precision=Precision(name="fast"))
    with pytest.raises(InputError, match=r'"beam" is for CTC models; whisper is WhisperFor'):
        prepare_bundle(model, output, decode=DecodeSection(method="beam"))
