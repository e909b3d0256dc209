"""A real Whisper over real speech, where it lies beside the project."""

import math

import pytest
import torch
import transformers

from manifests.local_store import uri_of_path
from manifests.pointers import Pointer
from tests.conftest import shared
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import DecoderProcess
from transform_handler.audio.reading import read_audio
from transform_handler.engine.loading import load_engine
from transform_handler.identity import BundleCard, DecodeSettings
from transform_handler.transcriber import Transcriber

pytestmark = pytest.mark.shared

# Two of each speaker, short ones and long ones; benchmarks/seq2seq.py takes all fifty.
UTTERANCES = (
    "1688-142285-0000",
    "1688-142285-0002",
    "2033-164914-0001",
    "2033-164914-0006",
    "2609-156975-0003",
    "2609-156975-0008",
    "3080-5032-0004",
    "367-130732-0005",
)


def test_utterances_have_the_text_of_the_librarys_generate() -> None:
    folder, archive = shared("models/whisper-tiny.en"), shared("data/librispeech-50")
    paths = [archive / f"{name}.flac" for name in UTTERANCES]
    card = BundleCard.of(name="whisper", model_digest="0", decode=DecodeSettings())
    allowed = AllowedPrefixes(prefixes=(uri_of_path(archive) + "/",))
    with DecoderProcess() as decoder:
        transcriber = Transcriber(load_engine(folder, device="cpu"), card, decoder, allowed)
        records = transcriber.transcribe(
            [Pointer(id=path.name, uri=uri_of_path(path), language="en") for path in paths],
            deadline=math.inf,
        )
    model = transformers.AutoModelForSpeechSeq2Seq.from_pretrained(folder, dtype=torch.float32)
    processor = transformers.AutoProcessor.from_pretrained(folder)
    for path, record in zip(paths, records, strict=True):
        inputs = processor(read_audio(path), sampling_rate=16_000, return_tensors="pt")
        (text,) = processor.batch_decode(
            model.generate(inputs.input_features), skip_special_tokens=True
        )
        assert " ".join(word.text for word in record.words).split() == text.split()
        moments = [moment for word in record.words for moment in (word.start, word.end)]
        assert moments == sorted(moments)
        assert not any(segment.flags for segment in record.segments)
