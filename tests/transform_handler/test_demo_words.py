"""The shipped model on the demo's recordings: word times, and a confidence that is calibrated."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from manifests.local_store import uri_of_path
from manifests.pointers import Pointer
from training.scoring.align import align
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import DecoderProcess
from transform_handler.bundle import bundle_card
from transform_handler.decoding.confidence import ConfidenceFit
from transform_handler.engine.loading import load_engine
from transform_handler.identity import BundleCard, DecodeSettings
from transform_handler.records import TranscriptRecord
from transform_handler.transcriber import Transcriber

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models/demo"
RECORDINGS = (
    "2026-11-17/project kickoff.mp3",
    "2026-11-18/support line 0412.wav",
    "2026-11-18/planning/week 47.wav",
    "2026-11-20/budget review.flac",
)


def shipped_fit() -> ConfidenceFit:
    fit = ConfidenceFit.read(MODEL)
    assert fit is not None
    return fit


@pytest.fixture(scope="module")
def alone_and_together() -> tuple[list[TranscriptRecord], list[TranscriptRecord]]:
    """Each recording in a request of its own, and all in one."""
    plain = bundle_card(MODEL, name="demo", decode=DecodeSettings())
    decode = replace(plain.decode, calibrated=True, confidence=shipped_fit().digest)
    card = BundleCard.of(name="demo", model_digest=plain.model_digest, decode=decode)
    allowed = AllowedPrefixes(prefixes=("file:///",))
    pointers = [
        Pointer(id=name, uri=uri_of_path(ROOT / "demo/archive" / name)) for name in RECORDINGS
    ]
    with DecoderProcess() as decoder:
        engine = load_engine(MODEL, device="cpu", decode=decode)
        transcriber = Transcriber(engine, card, decoder, allowed)
        alone = [
            record
            for one in pointers
            for record in transcriber.transcribe([one], deadline=math.inf)
        ]
        # Whatever a CPU is best at, here windows of all recordings share batches.
        engine.limits = replace(engine.limits, windows=8, seconds=600.0)
        return alone, transcriber.transcribe(pointers, deadline=math.inf)


def said() -> dict[str, list[dict]]:
    lines = (ROOT / "demo/words.jsonl").read_text("utf-8").splitlines()
    return {entry["recording"]: entry["words"] for entry in map(json.loads, lines)}


def test_words_start_within_60_ms_in_the_median_and_120_ms_in_nine_of_ten(
    alone_and_together: tuple[list[TranscriptRecord], list[TranscriptRecord]],
) -> None:
    errors, spoken = [], said()
    for record in alone_and_together[0]:
        words, expected = record.words, spoken[record.id]
        steps = align([one["text"] for one in expected], [word.text for word in words]).ops
        errors += [
            abs(words[step.hyp_index].start - expected[step.ref_index]["start"])
            for step in steps
            if step.op == "hit"
        ]
    assert len(errors) > 200
    assert np.median(errors) <= 0.060
    assert np.quantile(errors, 0.9) <= 0.120


def test_the_shipped_fit_is_that_of_the_shipped_model() -> None:
    # Raising ENGINE_VERSION or changing the model: python -m demo.recipe.confidence models/demo
    card = bundle_card(MODEL, name="demo", decode=DecodeSettings())
    fit = shipped_fit()
    assert (fit.model_digest, fit.decode_digest) == (card.model_digest, card.decode_digest)
    assert fit.problem is None


def test_confidence_is_about_the_share_of_words_that_are_right(
    alone_and_together: tuple[list[TranscriptRecord], list[TranscriptRecord]],
) -> None:
    hits = words = 0
    total, spoken = 0.0, said()
    for record in alone_and_together[0]:
        assert record.calibrated
        texts = [word.text for word in record.words]
        steps = align([one["text"] for one in spoken[record.id]], texts).ops
        hits += sum(step.op == "hit" for step in steps)
        words += len(texts)
        total += sum(word.confidence for word in record.words)
    assert total / words == pytest.approx(hits / words, abs=0.1)


def test_confidence_is_the_same_alone_and_in_a_batch(
    alone_and_together: tuple[list[TranscriptRecord], list[TranscriptRecord]],
) -> None:
    for one, other in zip(*alone_and_together, strict=True):
        assert [word.text for word in one.words] == [word.text for word in other.words]
        for word, same in zip(one.words, other.words, strict=True):
            assert word.confidence == pytest.approx(same.confidence, abs=1e-3)
