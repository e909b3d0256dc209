"""A bundle with held-out labels brings a fit of its words' confidence, made once."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

import training.evaluating.confidence as evaluating
from batch.bundles import Bundle, prepare_bundle
from batch.config import DecodeSection
from batch.precision.wanted import Precision
from manifests.labels import LabelledUtterance
from manifests.storage import Store, open_store
from manifests.tarball import unpack
from training.evaluating.confidence import LEAST_WORDS, JudgedWords
from transform_handler.bundle import bundle_card
from transform_handler.decoding.confidence import FEATURES, ConfidenceFit
from transform_handler.handler import model_fn, predict_fn
from transform_handler.identity import CONFIDENCE_NAME, BundleCard, DecodeSettings


@pytest.fixture
def output(tmp_path: Path) -> Store:
    return open_store(tmp_path / "out")


@pytest.fixture
def labels(tmp_path: Path) -> str:
    """Two utterances of noise, and what nobody says in them."""
    folder = tmp_path / "labels"
    folder.mkdir()
    random = np.random.default_rng(0)
    rows = []
    for number in range(6):
        soundfile.write(folder / f"{number}.wav", random.normal(0, 0.1, 16_000), 16_000)
        row = {"audio_filepath": f"{number}.wav", "duration": 1.0, "text": f"word {number}"}
        rows.append(json.dumps(row) + "\n")
    (folder / "manifest.jsonl").write_text("".join(rows))
    return str(folder)


class Judge:
    """Words of which half are right, in place of a transcription; counts how often it is asked."""

    def __init__(self, words: int = 2 * LEAST_WORDS) -> None:
        self.words = words
        self.asked: list[BundleCard] = []

    def __call__(
        self, folder: Path, card: BundleCard, utterances: Sequence[LabelledUtterance]
    ) -> JudgedWords:
        self.asked.append(card)
        assert (folder / "model.safetensors").is_file()
        right = np.arange(self.words) % 2 == 0
        features = np.random.default_rng(0).normal(size=(self.words, len(FEATURES)))
        features[:, 0] += right
        return JudgedWords(
            features=features, right=right, raw=features[:, 0], recordings=features[:, 0]
        )


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    found = Judge()
    monkeypatch.setattr(evaluating, "judged", found)
    return found


def prepared(
    model: Path, output: Store, labels: str | None, *, dry: bool = False, method: str | None = None
) -> Bundle:
    return prepare_bundle(
        str(model),
        output,
        precision=Precision(held_out=labels),
        decode=DecodeSection.model_validate({"method": method}),
        dry=dry,
    )


def unpacked(bundle: Bundle, folder: Path) -> Path:
    unpack(Path(bundle.uri.removeprefix("file://")), folder)
    return folder


def test_a_bundle_with_labels_brings_its_fit(
    output: Store, tiny_model: Path, labels: str, judge: Judge, tmp_path: Path
) -> None:
    plain = prepared(tiny_model, output, None)
    bundle = prepared(tiny_model, output, labels)
    assert bundle.uri != plain.uri
    assert bundle.model_digest == plain.model_digest
    assert bundle.decode_digest != plain.decode_digest
    folder = unpacked(bundle, tmp_path / "unpacked")
    fit, card = ConfidenceFit.read(folder), BundleCard.read(folder)
    assert fit is not None
    assert card.decode == DecodeSettings(calibrated=True, confidence=fit.digest)
    assert (fit.model_digest, fit.decode_digest) == (plain.model_digest, plain.decode_digest)
    assert fit.right == LEAST_WORDS


def test_the_same_labels_are_not_transcribed_twice(
    output: Store, tiny_model: Path, labels: str, judge: Judge
) -> None:
    bundle = prepared(tiny_model, output, labels)
    assert prepared(tiny_model, output, labels) == bundle
    assert prepared(tiny_model, output, labels, dry=True) == bundle
    assert len(judge.asked) == 1


def test_another_decoder_or_other_labels_are_another_fit(
    output: Store, tiny_model: Path, labels: str, judge: Judge
) -> None:
    digests = {prepared(tiny_model, output, labels).decode_digest}
    digests.add(prepared(tiny_model, output, labels, method="beam").decode_digest)
    assert [card.decode.method for card in judge.asked] == ["greedy", "beam"]
    path = Path(labels) / "manifest.jsonl"
    path.write_text(path.read_text().replace("word 3", "mended"))
    prepared(tiny_model, output, labels)
    assert len(judge.asked) == 3
    assert len(digests) == 2


def test_a_dry_call_transcribes_nothing_and_says_that_a_fit_is_to_come(
    output: Store, tiny_model: Path, labels: str, judge: Judge
) -> None:
    dry = prepared(tiny_model, output, labels, dry=True)
    assert not judge.asked
    assert not list(output.list(""))
    assert dry.decode_digest != prepared(tiny_model, output, None, dry=True).decode_digest
    assert prepared(tiny_model, output, labels, dry=True) == dry


def test_too_few_words_leave_the_confidence_as_it_is_and_the_bundle_says_why(
    output: Store, tiny_model: Path, labels: str, judge: Judge, tmp_path: Path
) -> None:
    judge.words = LEAST_WORDS - 2
    bundle = prepared(tiny_model, output, labels)
    assert bundle.decode_digest == prepared(tiny_model, output, None).decode_digest
    folder = unpacked(bundle, tmp_path / "unpacked")
    assert not BundleCard.read(folder).decode.calibrated
    fit = ConfidenceFit.read(folder)
    assert fit is not None
    assert "498 words were heard" in str(fit.problem)
    assert prepared(tiny_model, output, labels) == bundle
    assert len(judge.asked) == 1


def shipped(model: Path, folder: Path, **changes: object) -> Path:
    shutil.copytree(model, folder)
    card = bundle_card(folder, name="x", decode=DecodeSettings())
    fit = ConfidenceFit(
        model_digest=card.model_digest,
        decode_digest=card.decode_digest,
        labels="somewhere else",
        words=1000,
        right=500,
        coefficients=dict.fromkeys(("intercept", *FEATURES), 0.25),
    )
    data = {**json.loads(fit.to_json()), **changes}
    (folder / CONFIDENCE_NAME).write_text(json.dumps(data))
    return folder


def test_a_fit_that_a_model_folder_brings_is_taken(
    output: Store, tiny_model: Path, labels: str, judge: Judge, tmp_path: Path
) -> None:
    model = shipped(tiny_model, tmp_path / "model")
    for held_out in (None, labels):
        bundle = prepared(model, output, held_out)
        card = BundleCard.read(unpacked(bundle, tmp_path / f"unpacked-{held_out is None}"))
        fit = ConfidenceFit.read(model)
        assert fit is not None
        assert card.decode.confidence == fit.digest
    assert not judge.asked


@pytest.mark.parametrize("other", ["model_digest", "decode_digest"])
def test_a_fit_of_another_model_or_decoding_is_not_taken(
    output: Store, tiny_model: Path, tmp_path: Path, other: str
) -> None:
    model = shipped(tiny_model, tmp_path / "model", **{other: "another"})
    folder = unpacked(prepared(model, output, None), tmp_path / "unpacked")
    assert not BundleCard.read(folder).decode.calibrated
    assert not (folder / CONFIDENCE_NAME).exists()


def test_held_out_speech_is_transcribed_by_the_handlers_own_path(
    output: Store, tiny_model: Path, labels: str, tmp_path: Path
) -> None:
    folder = unpacked(prepared(tiny_model, output, labels), tmp_path / "unpacked")
    fit = ConfidenceFit.read(folder)
    assert fit is not None
    assert "least for a fit" in str(fit.problem)


def test_records_say_that_their_confidence_is_calibrated(
    output: Store, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transform_handler.handler import SpeechArray

    request = SpeechArray(samples=np.zeros(16_000, np.float32), rate=16_000)
    for calibrated in (True, False):
        changes = {} if calibrated else {"model_digest": "another"}
        model = shipped(tiny_model, tmp_path / f"model-{calibrated}", **changes)
        folder = unpacked(prepared(model, output, None), tmp_path / f"unpacked-{calibrated}")
        (record,) = predict_fn(request, model_fn(str(folder)))
        assert record.calibrated is calibrated
        assert record.decode["calibrated"] is calibrated
