"""What a bundle holds, what names it, and what is refused as one."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from manifests.errors import InputError
from manifests.tarball import pack
from tests.transform_handler.conftest import write_bundle
from transform_handler.bundle import bundle_card, bundle_files
from transform_handler.handler import model_fn
from transform_handler.identity import (
    CARD_NAME,
    CONFIDENCE_NAME,
    ENGINE_VERSION,
    BeamSettings,
    BundleCard,
    DecodeSettings,
    digest_of,
    model_digest,
    model_files,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "bundle_card.json"


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def test_the_card_is_the_golden_one() -> None:
    card = BundleCard.of(name="demo", model_digest="0123456789ab", decode=DecodeSettings())
    assert card.to_json() == GOLDEN.read_text("utf-8")


def test_a_card_reads_back_as_it_was_written(tmp_path: Path) -> None:
    decode = DecodeSettings(silence_dbfs=-50.5, precision="fast")
    card = BundleCard.of(name="ü", model_digest="x", decode=decode)
    (tmp_path / CARD_NAME).write_text(card.to_json(), "utf-8")
    assert BundleCard.read(tmp_path) == card


def test_every_decode_setting_counts_in_the_digest() -> None:
    usual = DecodeSettings()
    digests = {usual.digest}
    for field in dataclasses.fields(usual):
        value = getattr(usual, field.name)
        digests.add(dataclasses.replace(usual, **{field.name: another(value)}).digest)
    assert len(digests) == 1 + len(dataclasses.fields(usual))


def another(value: object) -> object:
    if value is None:
        return BeamSettings(beam_width=16)
    return not value if isinstance(value, bool) else value + type(value)(1)  # type: ignore[operator, call-arg]


def test_every_setting_of_a_beam_counts_in_the_digest() -> None:
    usual = BeamSettings(beam_width=16, language_model="a", hot_words="b")
    digests = {DecodeSettings(method="beam", beam=usual).digest}
    for field in dataclasses.fields(usual):
        value = getattr(usual, field.name)
        changed = dataclasses.replace(usual, **{field.name: value + type(value)(1)})
        digests.add(DecodeSettings(method="beam", beam=changed).digest)
    assert len(digests) == 1 + len(dataclasses.fields(usual))


def test_plain_settings_have_the_digest_of_versions_without_beam_and_fit() -> None:
    data = dataclasses.asdict(DecodeSettings())
    del data["beam"], data["confidence"]
    assert DecodeSettings().digest == digest_of({**data, "engine_version": ENGINE_VERSION})


def test_a_card_with_a_beam_reads_back_as_it_was_written(tmp_path: Path) -> None:
    beam = BeamSettings(beam_width=8, language_model="a" * 64, lm_weight=0.5, word_bonus=2.0)
    decode = DecodeSettings(method="beam", beam=beam)
    card = BundleCard.of(name="x", model_digest="y", decode=decode)
    (tmp_path / CARD_NAME).write_text(card.to_json(), "utf-8")
    assert BundleCard.read(tmp_path) == card
    (tmp_path / CARD_NAME).write_text(card.to_json().replace("beam_width", "beam_length"))
    with pytest.raises(InputError, match="beam_length, which are not known here"):
        BundleCard.read(tmp_path)


def test_a_card_that_knows_no_beam_is_read_as_greedy(tmp_path: Path) -> None:
    card = json.loads(GOLDEN.read_text("utf-8"))
    del card["decode"]["beam"]
    (tmp_path / CARD_NAME).write_text(json.dumps(card))
    assert BundleCard.read(tmp_path).decode == DecodeSettings()


def test_the_model_digest_depends_on_content_and_not_on_place_or_time(
    model: Path, tiny_model: Path
) -> None:
    assert model_digest(model) == model_digest(tiny_model)


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "metrics.json",
        "LICENSE",
        "pytorch_model.bin",
        "optimizer.pt",
        "training_args.bin",
        ".gitattributes",
        ".git/objects/ab",
        ".cache/huggingface/download/config.json.metadata",
        "checkpoint-500/model.safetensors",
        "checkpoints/1/model.safetensors",
        "code/inference.py",
        CARD_NAME,
        CONFIDENCE_NAME,
    ],
)
def test_what_cannot_change_a_transcript_changes_no_digest(model: Path, name: str) -> None:
    before = model_digest(model)
    (model / name).parent.mkdir(parents=True, exist_ok=True)
    (model / name).write_text("something")
    assert model_digest(model) == before


@pytest.mark.parametrize(
    "name", ["model.safetensors", "vocab.json", "config.json", "vocab.txt", "merges.txt"]
)
def test_what_can_change_a_transcript_changes_the_digest(model: Path, name: str) -> None:
    before = model_digest(model)
    with (model / name).open("ab") as file:
        file.write(b" ")
    assert model_digest(model) != before


@pytest.mark.parametrize(
    "name",
    [".git/config", ".cache/x", "checkpoint-500/model.safetensors", "optimizer.pt", "a.bin"],
)
def test_what_belongs_to_training_or_downloading_stays_out_of_the_bundle(
    model: Path, name: str
) -> None:
    (model / name).parent.mkdir(parents=True, exist_ok=True)
    (model / name).write_text("something")
    assert name not in {path.relative_to(model).as_posix() for path in model_files(model)}


def test_the_same_model_makes_the_same_tarball(
    model: Path, tiny_model: Path, tmp_path: Path
) -> None:
    digests = set()
    for number, folder in enumerate((model, tiny_model)):
        card = bundle_card(folder, name="x", decode=DecodeSettings())
        digests.add(pack(tmp_path / f"{number}.tar.gz", bundle_files(folder, card)))
    assert len(digests) == 1


def test_a_bundle_holds_model_code_and_card(model: Path) -> None:
    files = bundle_files(model, bundle_card(model, name="x", decode=DecodeSettings()))
    assert {
        "model.safetensors", "config.json", "vocab.json", CARD_NAME, "code/inference.py",
        "code/requirements.txt", "code/transform_handler/handler.py", "code/manifests/storage.py",
    } <= set(files)  # fmt: skip
    assert not [name for name in files if "__pycache__" in name or name.startswith("code/batch")]


def refusal(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        model_fn(str(folder))
    assert str(folder) in str(caught.value)
    return str(caught.value)


def test_a_folder_without_a_card_is_no_bundle(model: Path) -> None:
    assert "this is not a nightscribe bundle" in refusal(model)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"name": "x"}', "\xff"])
def test_a_card_of_another_kind_is_refused(model: Path, text: str) -> None:
    (model / CARD_NAME).write_bytes(text.encode("latin-1"))
    assert "not a bundle card of this version" in refusal(model)


def test_a_card_with_a_setting_of_another_version_is_refused(model: Path) -> None:
    write_bundle(model, model)
    card = json.loads((model / CARD_NAME).read_text())
    card["decode"]["lattice"] = 5
    (model / CARD_NAME).write_text(json.dumps(card))
    said = refusal(model)
    assert "not a bundle card of this version" in said
    assert "lattice" in said
    assert "a newer nightscribe made the bundle" in said


def test_a_card_of_an_older_engine_keeps_the_digest_of_the_code_in_its_bundle(
    tmp_path: Path,
) -> None:
    card = json.loads(GOLDEN.read_text("utf-8"))
    card["engine_version"] = 0
    card["decode_digest"] = "aaaaaaaaaaaa"
    del card["decode"]["calibrated"]
    (tmp_path / CARD_NAME).write_text(json.dumps(card))
    read = BundleCard.read(tmp_path)
    assert read.decode_digest == "aaaaaaaaaaaa"
    assert read.decode == DecodeSettings()


def test_a_pretrained_checkpoint_without_a_head_is_refused(model: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(model / "model.safetensors")
    head = {name for name in weights if name.startswith("lm_head")}
    assert head
    kept = {name: value for name, value in weights.items() if name not in head}
    save_file(kept, model / "model.safetensors", metadata={"format": "pt"})
    write_bundle(model, model)
    said = refusal(model)
    assert "lacks trained weights (lm_head.bias, lm_head.weight)" in said
    assert "a fine-tuned CTC model is expected" in said


def test_a_head_of_another_size_is_refused(model: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(model / "model.safetensors")
    weights = {n: v[:-1].clone() if n.startswith("lm_head") else v for n, v in weights.items()}
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    write_bundle(model, model)
    assert str(model) in refusal(model)


def test_weights_that_are_no_safetensors_are_refused(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"no \*\.safetensors weights; found .*pytorch_model"):
        model_files(model)
    write_bundle_card_only(model)
    assert "not a CTC model" in refusal(model)


def write_bundle_card_only(folder: Path) -> None:
    card = BundleCard.of(name="x", model_digest="0", decode=DecodeSettings())
    (folder / CARD_NAME).write_text(card.to_json())


@pytest.mark.parametrize("content", [b"", b"not weights at all", None])
def test_damaged_weights_are_refused(model: Path, content: bytes | None) -> None:
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000] if content is None else content)
    write_bundle_card_only(model)
    assert "not a CTC model" in refusal(model)


@pytest.mark.parametrize("name", ["config.json", "vocab.json", "preprocessor_config.json"])
def test_a_model_that_lacks_a_file_is_refused(model: Path, name: str) -> None:
    for path in (model / name, model / "processor_config.json"):
        path.unlink(missing_ok=True)
    write_bundle_card_only(model)
    assert str(model) in refusal(model)


def test_a_folder_without_a_config_is_not_bundled(model: Path) -> None:
    card = bundle_card(model, name="x", decode=DecodeSettings())
    (model / "config.json").unlink()
    with pytest.raises(InputError, match=r"no config\.json; a Hugging Face model folder"):
        bundle_files(model, card)
