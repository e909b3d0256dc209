"""``precision = "fast"`` for GPUs: half precision of the same weights, checked like int8."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import batch.precision.making as making_module
from batch.bundles import Bundle, prepare_bundle
from batch.config import load_config
from batch.precision.wanted import Precision
from manifests.errors import InputError
from manifests.storage import open_store
from manifests.tarball import unpack_object
from tests.conftest import speechlike, write_sound
from transform_handler.engine.loading import load_network
from transform_handler.identity import BundleCard


class Halved:
    """A bundle for GPUs, refused at first and then accepted; this machine checks it."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.output = open_store(folder / "out")
        self.model = str(model)
        rows = []
        for number in range(5):
            write_sound(folder / f"{number}.flac", speechlike(1.5, seed=number))
            row = {"audio_filepath": f"{number}.flac", "duration": 1.5, "text": "a few words"}
            rows.append(json.dumps(row) + "\n")
        self.labels = folder / "labels.jsonl"
        self.labels.write_text("".join(rows))
        with pytest.raises(InputError) as refused:
            self.prepare(accept=False)
        self.refusal = str(refused.value)

    def prepare(self, *, accept: bool, dry: bool = False) -> Bundle:
        precision = Precision(name="fast", accept=accept, held_out=str(self.labels), half=True)
        return prepare_bundle(self.model, self.output, precision=precision, dry=dry)


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Halved:
    return Halved(tmp_path_factory.mktemp("halved"), tiny_model)


def test_too_few_words_refuse_it(halved: Halved) -> None:
    assert 'precision "fast" is refused for' in halved.refusal
    assert "words are the least" in halved.refusal


def test_it_is_checked_once(halved: Halved, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("checked again")

    monkeypatch.setattr(making_module, "transcribed", never)
    with pytest.raises(InputError, match="is refused for"):
        halved.prepare(accept=False)
    assert halved.prepare(accept=True) == halved.prepare(accept=True, dry=True)


def test_an_accepted_bundle_has_its_weights_alone_and_says_what_it_is(
    halved: Halved, tmp_path: Path
) -> None:
    plain = prepare_bundle(halved.model, halved.output)
    made = halved.prepare(accept=True)
    unpack_object(made.uri, tmp_path)
    card = BundleCard.read(tmp_path)
    assert card.model_digest == made.model_digest == plain.model_digest
    assert made.decode_digest == card.decode_digest != plain.decode_digest
    assert card.conversion is not None
    assert (card.conversion.form, card.conversion.devices) == ("half", ("cuda",))
    assert card.conversion.check is not None
    assert card.conversion.check.accepted
    assert card.conversion.check.words > 0
    assert not (tmp_path / "openvino").exists()
    assert b"openvino" not in (tmp_path / "code/requirements.txt").read_bytes()


def test_it_was_checked_in_half_precision(halved: Halved) -> None:
    network = load_network(Path(halved.model), device="cpu", precision="fast").network
    kinds = {parameter.dtype for module in network.modules() for parameter in module.parameters()}
    assert torch.float16 in kinds or torch.bfloat16 in kinds


def test_a_bundle_for_gpus_is_refused_on_cpus(halved: Halved) -> None:
    made = halved.prepare(accept=True)
    with pytest.raises(InputError, match="checked for GPUs, and will run on CPUs here"):
        prepare_bundle(made.uri, halved.output, precision=Precision(name="fast", accept=True))
    again = Precision(name="fast", accept=True, half=True)
    assert prepare_bundle(made.uri, halved.output, precision=again) == made


def test_instances_with_gpus_ask_for_half_precision(tmp_path: Path) -> None:
    config = tmp_path / "nightscribe.toml"
    config.write_text(
        '[archive]\nuri = "a"\n[output]\nuri = "o"\n[model]\nuri = "m"\nprecision = "fast"\n'
        '[platform]\nname = "sagemaker"\n[transform]\ninstances = ["ml.g5.xlarge"]\n'
    )
    precision = Precision.of(load_config(config))
    assert precision.half
    precision.check_place("acme")
