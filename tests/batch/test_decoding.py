"""[decode] in the configuration, in the bundle and in its digests."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from batch.bundles import Bundle, configured_bundle, prepare_bundle
from batch.config import Config, DecodeSection, load_config
from batch.schedule.scheduled_config import as_toml
from manifests.errors import InputError
from manifests.storage import Store, open_store
from manifests.tarball import unpack_object
from tests.transform_handler.test_language_model import ARPA
from transform_handler.identity import BundleCard, model_digest


@pytest.fixture
def output(tmp_path: Path) -> Store:
    return open_store(tmp_path / "out")


@pytest.fixture
def arpa(tmp_path: Path) -> Path:
    path = tmp_path / "words.arpa"
    path.write_text(ARPA)
    return path


def configured(folder: Path, model: Path | str, decode: str) -> Config:
    path = folder / "nightscribe.toml"
    path.write_text(
        f'[archive]\nuri = "recordings"\n[model]\nuri = "{model}"\n[output]\nuri = "out"\n'
        f"[decode]\n{decode}\n",
        "utf-8",
    )
    return load_config(path)


def unpacked(bundle: Bundle, folder: Path) -> Path:
    unpack_object(bundle.uri, folder)
    return folder


def beam(**keys: object) -> DecodeSection:
    return DecodeSection.model_validate({"method": "beam", **keys})


def test_a_bundle_takes_along_what_its_decoder_reads(
    output: Store, tiny_model: Path, arpa: Path, tmp_path: Path
) -> None:
    config = configured(
        tmp_path,
        tiny_model,
        'method = "beam"\nlanguage_model = "words.arpa"\nhot_words = ["Zoë", "Acme  Cloud"]',
    )
    folder = unpacked(configured_bundle(config, output), tmp_path / "bundle")
    assert (folder / "decode/language_model.arpa").read_text() == ARPA
    assert (folder / "decode/hot_words.txt").read_text("utf-8") == "Acme Cloud\nZoë\n"
    assert "ufal.kenlm==" in (folder / "code/requirements.txt").read_text()
    card = BundleCard.read(folder)
    assert card.decode.method == "beam"
    assert card.decode.beam is not None
    assert (card.decode.beam.lm_weight, card.decode.beam.word_bonus) == (0.5, 2.0)
    assert model_digest(folder) == model_digest(tiny_model)


def test_only_a_language_model_needs_a_package(
    output: Store, tiny_model: Path, tmp_path: Path
) -> None:
    bundle = prepare_bundle(str(tiny_model), output, decode=beam(hot_words=["agatha"]))
    text = (unpacked(bundle, tmp_path / "bundle") / "code/requirements.txt").read_text()
    assert "kenlm" not in text


def test_the_decode_digest_counts_what_changes_a_text_and_nothing_else(
    output: Store, tiny_model: Path, arpa: Path, tmp_path: Path
) -> None:
    def digest(decode: DecodeSection | None) -> str:
        return prepare_bundle(str(tiny_model), output, decode=decode).decode_digest

    copy = Path(shutil.copy(arpa, tmp_path / "copy.arpa"))
    greedy = digest(None)
    assert digest(DecodeSection(method="greedy", beam_width=64, lm_weight=2.0)) == greedy
    plain = digest(beam())
    assert digest(beam(lm_weight=2.0, hot_word_boost=1.0)) == plain
    hot = digest(beam(hot_words=["agatha", "bernard"]))
    assert digest(beam(hot_words=["bernard", "agatha", "agatha"])) == hot
    model = digest(beam(language_model=str(arpa)))
    assert digest(beam(language_model=str(copy))) == model
    arpa.write_text(ARPA.replace("-1.5\twine", "-1.4\twine"))
    others = [
        digest(beam(language_model=str(arpa))),
        digest(beam(language_model=str(copy), lm_weight=0.6)),
        digest(beam(hot_words=["agatha"])),
        digest(beam(hot_words=["agatha", "bernard"], hot_word_boost=1.0)),
        digest(beam(beam_width=17)),
        digest(beam(word_bonus=1.0)),
    ]
    assert len({greedy, plain, hot, model, *others}) == 4 + len(others)


def test_a_gzipped_language_model_is_the_same_one(
    output: Store, tiny_model: Path, arpa: Path, tmp_path: Path
) -> None:
    path = tmp_path / "anything.lm"
    path.write_bytes(gzip.compress(arpa.read_bytes()))
    bundle = prepare_bundle(str(tiny_model), output, decode=beam(language_model=str(path)))
    assert bundle == prepare_bundle(str(tiny_model), output, decode=beam(language_model=str(arpa)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"anything\.lm: a damaged gzip file"):
        prepare_bundle(str(tiny_model), output, decode=beam(language_model=str(path)))


def test_a_language_model_may_lie_in_s3(
    output: Store, tiny_model: Path, arpa: Path, s3_bucket: str
) -> None:
    open_store(f"s3://{s3_bucket}/").put("lm/words.arpa", arpa)
    there = f"s3://{s3_bucket}/lm/words.arpa"
    assert prepare_bundle(
        str(tiny_model), output, decode=beam(language_model=there)
    ) == prepare_bundle(str(tiny_model), output, decode=beam(language_model=str(arpa)))


@pytest.mark.parametrize(
    ("decode", "said"),
    [
        ('hot_words = ["a"]', r'hot_words needs method = "beam"'),
        ('method = "greedy"\nlanguage_model = "words.arpa"', r"language_model needs method"),
        ('method = "beam"\nlanguage_model = "none.arpa"', r"none\.arpa'?: no such file"),
        ('method = "beam"\nlanguage_model = "nightscribe.toml"', r"neither ARPA.*begins with"),
        ('method = "beam"\nhot_words = ["K8s", "agatha"]', r"'K8s' cannot be spelled"),
    ],
)
def test_what_cannot_be_decoded_is_told_before_anything_runs(
    tiny_model: Path, arpa: Path, tmp_path: Path, decode: str, said: str
) -> None:
    config = configured(tmp_path, tiny_model, decode)
    with pytest.raises(InputError, match=said):
        configured_bundle(config, open_store(config.output.uri))


@pytest.mark.parametrize(
    ("decode", "said"),
    [
        ('method = "lattice"', "key 'decode.method': found 'lattice'"),
        ("hot_word = ['a']", "unknown key 'decode.hot_word'; did you mean 'hot_words'?"),
        ("beam_width = 0", "key 'decode.beam_width': found 0"),
        ('hot_words = "agatha"', "key 'decode.hot_words': found 'agatha'"),
    ],
)
def test_a_wrong_key_is_explained(tmp_path: Path, decode: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        configured(tmp_path, "model", decode)
    assert said in str(error.value)


def test_a_missing_package_is_told_before_a_local_run(
    output: Store, tiny_model: Path, arpa: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(tmp_path, tiny_model, 'method = "beam"\nlanguage_model = "words.arpa"')
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'nightscribe\[lm\]'"):
        configured_bundle(config, output)


def test_a_bundle_keeps_its_decoder_unless_another_is_asked_for(
    output: Store, tiny_model: Path
) -> None:
    hot = prepare_bundle(str(tiny_model), output, decode=beam(hot_words=["agatha"]))
    assert prepare_bundle(hot.uri, output) == hot
    other = prepare_bundle(hot.uri, output, decode=beam(hot_words=["bernard"]))
    greedy = prepare_bundle(hot.uri, output, decode=DecodeSection(method="greedy"))
    plain = prepare_bundle(str(tiny_model), output)
    assert greedy == plain
    assert {other.model_digest, hot.model_digest} == {plain.model_digest}
    assert len({other.decode_digest, hot.decode_digest, plain.decode_digest}) == 3
    assert other.name == hot.name


def test_a_model_that_is_no_ctc_model_has_no_beam(
    output: Store, tiny_model: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(tiny_model, tmp_path / "copy"))
    config = json.loads((copy / "config.json").read_text())
    config["architectures"] = ["WhisperForConditionalGeneration"]
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="is for CTC models; copy is Whisper"):
        prepare_bundle(str(copy), output, decode=beam())


def test_a_section_reads_back_from_a_schedule(tmp_path: Path) -> None:
    config = configured(tmp_path, "model", 'method = "beam"\nhot_words = ["Zoë"]')
    (tmp_path / "again.toml").write_bytes(as_toml(config))
    assert load_config(tmp_path / "again.toml").decode == config.decode
