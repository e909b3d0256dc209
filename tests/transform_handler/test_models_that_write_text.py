"""Whisper and Speech2Text stand behind the same engine, and write what their library writes."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import transformers
from safetensors.torch import load_file, save_file

from manifests.errors import InputError
from manifests.local_store import uri_of_path
from manifests.pointers import Pointer
from tests.transform_handler.small_writers import MOST_TOKENS, speech2text, speech_like, whisper
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import DecoderProcess
from transform_handler.engine.interface import Engine
from transform_handler.engine.loading import load_engine
from transform_handler.engine.written import Written
from transform_handler.identity import BeamSettings, BundleCard, DecodeSettings
from transform_handler.records import ErrorKind, RecordingError, Status, TranscriptRecord
from transform_handler.transcriber import Transcriber

MAKERS = {
    "english": whisper,
    "multilingual": lambda folder: whisper(folder, multilingual=True),
    "no alignment heads": lambda folder: whisper(folder, heads=False),
    "speech2text": speech2text,
}
SOUNDS = [speech_like(seconds, seed=number) for number, seconds in enumerate((3.1, 12.0, 29.7))]


@pytest.fixture(scope="module", params=MAKERS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return MAKERS[request.param](tmp_path_factory.mktemp("writers") / "model")


def engine_of(folder: Path) -> Engine[Written]:
    return load_engine(folder, device="cpu")


def texts(written: list[Written]) -> list[str]:
    return [" ".join(word.text for word in one.words) for one in written]


def generated(folder: Path, samples: np.ndarray) -> str:
    """The library's own greedy text of one window."""
    model = transformers.AutoModelForSpeechSeq2Seq.from_pretrained(folder, dtype=torch.float32)
    features = transformers.AutoFeatureExtractor.from_pretrained(folder)
    inputs = features(samples, sampling_rate=16_000, return_tensors="pt")
    multilingual = bool(getattr(model.generation_config, "lang_to_id", None))
    told = {"language": "de", "task": "transcribe"} if multilingual else {}
    (tokens,) = model.generate(inputs.input_features, num_beams=1, do_sample=False, **told)
    if model.config.model_type == "whisper":
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        return " ".join(tokenizer.decode(tokens, skip_special_tokens=True).split())
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    pieces = {number: piece for piece, number in vocabulary.items()}
    found = "".join(pieces[int(at)] for at in tokens if int(at) > 3)
    return " ".join(found.replace("▁", " ").split())


def test_each_window_has_the_text_of_the_librarys_generate(folder: Path) -> None:
    multilingual = "lang_to_id" in (folder / "generation_config.json").read_text("utf-8")
    language = "de" if multilingual else "en"
    found = [engine_of(folder).run([one], language=language)[0] for one in SOUNDS]
    for sound, text in zip(SOUNDS, texts(found), strict=True):
        # Not by pytest's own comparison, which takes minutes over texts that repeat themselves.
        same = generated(folder, sound) == text
        assert same
    assert len(set(texts(found))) > 1, "the sound must matter, or the test shows nothing"


def test_a_window_in_a_batch_is_written_as_if_it_were_alone(folder: Path) -> None:
    engine = engine_of(folder)
    sounds = SOUNDS
    if engine.equal_lengths_only:
        sounds = [speech_like(5.0, seed=number) for number in range(3)]
    together = engine.run(sounds, language=None)
    for sound, found in zip(sounds, together, strict=True):
        (alone,) = engine.run([sound], language=None)
        assert [word.text for word in found.words] == [word.text for word in alone.words]
        for one, other in zip(found.words, alone.words, strict=True):
            assert one.confidence == pytest.approx(other.confidence, abs=2e-4)
        assert found.unfinished == alone.unfinished


def test_word_times_are_in_order_and_within_the_window(folder: Path) -> None:
    for sound in SOUNDS:
        (written,) = engine_of(folder).run([sound], language=None)
        moments = [moment for word in written.words for moment in (word.start, word.end)]
        assert moments == sorted(moments)
        assert not moments or (moments[0] >= 0 and moments[-1] <= len(sound) / 16_000)
        assert all(0 < word.confidence <= 1 for word in written.words)


def test_no_more_is_written_than_the_checkpoint_says(folder: Path) -> None:
    for written in engine_of(folder).run(SOUNDS[:1], language=None):
        assert len(written.words) <= MOST_TOKENS


def record_of(folder: Path, samples: np.ndarray, home: Path, **fields: object) -> TranscriptRecord:
    path = home / "sound.wav"
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    settings = DecodeSettings(gate="none")
    card = BundleCard.of(name="m", model_digest="0", decode=settings)
    allowed = AllowedPrefixes(prefixes=(uri_of_path(home) + "/",))
    with DecoderProcess() as decoder:
        transcriber = Transcriber(engine_of(folder), card, decoder, allowed)
        pointer = Pointer(id="a", uri=uri_of_path(path), **fields)
        (record,) = transcriber.transcribe([pointer], deadline=math.inf)
    return record


def test_a_recording_over_several_windows_becomes_one_record(folder: Path, tmp_path: Path) -> None:
    record = record_of(folder, speech_like(70.0, seed=4), tmp_path)
    assert record.status == Status.OK
    starts = [word.start for word in record.words]
    assert starts == sorted(starts)
    assert starts[-1] > 40
    assert all(0 <= segment.start <= segment.end <= 70 for segment in record.segments)


def test_random_weights_loop_and_the_segment_says_so(tmp_path: Path) -> None:
    model = whisper(tmp_path / "model", seed=3)
    record = record_of(model, speech_like(10.0), tmp_path)
    (written,) = engine_of(model).run([speech_like(10.0)], language=None)
    assert written.unfinished
    assert record.words[-1].flags[-1] == "token_limit"
    assert "token_limit" in record.segments[-1].flags


def test_a_model_that_knows_english_refuses_another_language(tmp_path: Path) -> None:
    model = whisper(tmp_path / "model")
    record = record_of(model, SOUNDS[0], tmp_path, language="de")
    assert record.error is not None
    assert record.error.kind == ErrorKind.INTERNAL
    assert "knows English only" in record.error.message
    assert "'de'" in record.error.message
    for language in ("en", "en-GB", "English", None):
        assert record_of(model, SOUNDS[0], tmp_path, language=language).error is None


def test_a_multilingual_model_is_told_the_language_or_finds_it(tmp_path: Path) -> None:
    engine = engine_of(whisper(tmp_path / "model", multilingual=True))
    by_language = {
        name: texts(engine.run(SOUNDS, language=name)) for name in ("en", "de", "chinese", "de_AT")
    }
    assert by_language["de"] == by_language["de_AT"]
    assert by_language["de"] != by_language["en"]
    for sound, found in zip(SOUNDS, texts(engine.run(SOUNDS, language=None)), strict=True):
        assert found in [texts(engine.run([sound], language=one))[0] for one in by_language]
    with pytest.raises(RecordingError, match="does not know the recordings' language 'fr'; it"):
        engine.run(SOUNDS[:1], language="fr")


def test_a_checkpoint_without_all_its_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in folder.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    weights = load_file(broken / "model.safetensors")
    del weights["model.decoder.layers.1.encoder_attn.q_proj.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"lacks trained weights .*encoder_attn.q_proj"):
        engine_of(broken)


def test_what_only_ctc_models_can_do_is_refused(tmp_path: Path) -> None:
    model = whisper(tmp_path / "model")
    beam = DecodeSettings(method="beam", beam=BeamSettings(beam_width=8))
    for settings, sentence in (
        (replace(DecodeSettings(), precision="fast"), r'precision "fast" is for CTC models, and'),
        (beam, r'method = "beam" is for CTC models, and model is none'),
    ):
        with pytest.raises(InputError, match=sentence):
            load_engine(model, device="cpu", decode=settings)


def test_an_unknown_kind_of_writer_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "moonshine"}')
    with pytest.raises(InputError, match="models of type 'moonshine' cannot be transcribed with"):
        load_engine(tmp_path, device="cpu")
