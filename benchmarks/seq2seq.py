"""A real Whisper on real speech: beside transformers' own generate, and where windows join.

Needs ../shared (whisper-tiny.en, librispeech-50, long-recording); prints nothing else without it.
Printed: how many of 50 utterances have generate's text, and the word error rate of both; of the
recording of seven minutes the word error rate, errors within 2 s of a join and elsewhere, loops
that were cut, phrases that stand there twice, gaps, and how far off word times are.

    seq2seq.py [utterances | long [STEP REACH]]    one of the two; with other windows
"""

from __future__ import annotations

import csv
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.joins import NEAR_SECONDS, borders, near  # noqa: E402
from manifests.local_store import uri_of_path  # noqa: E402
from manifests.pointers import Pointer  # noqa: E402
from training.scoring import align, corpus_score, normalizer_for, score_pair  # noqa: E402
from transform_handler.allowed import AllowedPrefixes  # noqa: E402
from transform_handler.audio.decoder_process import DecoderProcess  # noqa: E402
from transform_handler.audio.layout import SAMPLE_RATE, WindowLayout  # noqa: E402
from transform_handler.audio.reading import read_audio  # noqa: E402
from transform_handler.engine.loading import load_engine  # noqa: E402
from transform_handler.identity import BundleCard, DecodeSettings  # noqa: E402
from transform_handler.records import TranscriptRecord, Word  # noqa: E402
from transform_handler.transcriber import Transcriber  # noqa: E402

SHARED = ROOT.parent / "shared"
MODEL = SHARED / "models/whisper-tiny.en"
GAP_SECONDS = 3.0
SEGMENT_SECONDS = 2.0
"""No segment of the recording is shorter."""

Heard = Callable[[Path], TranscriptRecord]


def main() -> None:
    if not MODEL.is_dir():
        print(f"{MODEL} is not there: nothing to measure")
        return
    arguments = sys.argv[1:]
    with whisper(arguments[1:]) as (heard, layout):
        if arguments[:1] != ["utterances"]:
            long_recording(heard, layout)
        if arguments[:1] != ["long"]:
            utterances(heard)


@contextmanager
def whisper(numbers: list[str]) -> Iterator[tuple[Heard, WindowLayout]]:
    """What the handler makes of a file, and where its windows lie."""
    card = BundleCard.of(name="whisper", model_digest="0", decode=DecodeSettings())
    with DecoderProcess() as decoder:
        engine = load_engine(MODEL, device="cpu")
        if numbers:
            step, reach = map(float, numbers)
            engine.layout = replace(engine.layout, step_seconds=step, reach_seconds=reach)
        transcriber = Transcriber(engine, card, decoder, AllowedPrefixes(prefixes=("file:///",)))

        def heard(path: Path) -> TranscriptRecord:
            pointer = Pointer(id="x", uri=uri_of_path(path), language="en")
            (record,) = transcriber.transcribe([pointer], deadline=math.inf)
            assert record.error is None, record.error
            return record

        yield heard, engine.layout


def utterances(heard: Heard) -> None:
    """Each utterance by the handler and by the library."""
    generated = library()
    folder = SHARED / "data/librispeech-50"
    spoken = dict(csv.reader((folder / "transcripts.tsv").open(encoding="utf-8"), delimiter="\t"))
    normalize = normalizer_for("en")
    same, pairs, theirs, seconds = 0, [], [], [0.0, 0.0]
    for path in sorted(folder.glob("*.flac")):
        began = time.perf_counter()
        ours = " ".join(word.text for word in heard(path).words)
        between = time.perf_counter()
        text = " ".join(generated(path).split())
        seconds[0] += between - began
        seconds[1] += time.perf_counter() - between
        same += ours == text
        if ours != text:
            print(f"differs: {path.name}\n  ours     {ours}\n  generate {text}")
        pairs.append(score_pair(spoken[path.name], ours, normalize))
        theirs.append(score_pair(spoken[path.name], text, normalize))
    print(f"{same} of {len(pairs)} utterances have the text of generate")
    rates = [corpus_score(scores).normalized.rate for scores in (pairs, theirs)]
    print(f"WER {rates[0]:.2%}, of generate {rates[1]:.2%}")
    print(f"time with reading, gate and word times: {seconds[0] / seconds[1]:.2f} of generate's")


def library() -> Callable[[Path], str]:
    """transformers' own way, one utterance at a time, in float32."""
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    model: Any = transformers.AutoModelForSpeechSeq2Seq.from_pretrained(MODEL, dtype=torch.float32)
    processor = transformers.AutoProcessor.from_pretrained(MODEL)

    def text(path: Path) -> str:
        features = processor(read_audio(path), sampling_rate=SAMPLE_RATE, return_tensors="pt")
        tokens = model.generate(features.input_features)
        return str(processor.batch_decode(tokens, skip_special_tokens=True)[0])

    return text


@dataclass(frozen=True, kw_only=True)
class Token:
    """A normalised word and its time; of the reference, its segment's shared out by length."""

    text: str
    start: float
    end: float
    first: bool = False


def long_recording(heard: Heard, layout: WindowLayout) -> None:
    """Errors by their distance to joins, loops, gaps, and times."""
    path = SHARED / "data/long-recording/long.mp3"
    record = heard(path)
    reference = list(spoken_tokens(path.with_name("segments.tsv")))
    words = list(heard_tokens(record.words))
    places, samples = borders(path, layout), read_audio(path)
    print(
        f"long recording: windows of {layout.step_seconds:.0f} ± {layout.reach_seconds:.0f} s, "
        f"{len(places)} joins"
    )
    counts = {True: [0, 0], False: [0, 0]}
    late = []
    for step in align([one.text for one in reference], [one.text for one in words]).ops:
        at = words[step.hyp_index] if step.ref_index is None else reference[step.ref_index]
        close = near(at.start, at.end, places)
        counts[close][0] += step.op != "hit"
        counts[close][1] += step.ref_index is not None
        if step.op == "hit" and at.first:
            until = at.start + SEGMENT_SECONDS
            late.append(abs(words[step.hyp_index].start - onset(samples, at.start, until)))
    total = [sum(one[k] for one in counts.values()) for k in (0, 1)]
    print(f"{'WER':24} {total[0]:5} errors of {total[1]:6} words: {total[0] / total[1]:6.2%}")
    for close, name in ((True, f"within {NEAR_SECONDS:.0f} s of a join"), (False, "elsewhere")):
        errors, count = counts[close]
        print(f"{name:24} {errors:5} errors of {count:6} words: {errors / max(1, count):6.2%}")
    flagged = [one for one in record.segments if one.flags]
    print(f"{len(flagged)} flagged segments, {twice(words)} phrases of 3 to 8 words twice in a row")
    gaps = [
        (round(a.end, 1), round(b.start, 1))
        for a, b in zip(record.words, record.words[1:], strict=False)
        if b.start - a.end > GAP_SECONDS
    ]
    print(f"{len(gaps)} gaps of more than {GAP_SECONDS:.0f} s between words {gaps or ''}")
    print(
        f"first words of {len(late)} segments: median {statistics.median(late):.2f} s from where "
        f"the sound sets in, nine of ten within {sorted(late)[len(late) * 9 // 10]:.2f} s"
    )


def onset(samples: np.ndarray, start: float, end: float) -> float:
    """When speech sets in: 50 ms within 25 dB of the segment's loud frames."""
    frames = samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    frames = frames[: len(frames) // 160 * 160].reshape(-1, 160)
    level = 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + 1e-10)
    loud = level > np.percentile(level, 95) - 25
    held = np.convolve(loud, np.ones(5), mode="valid") == 5
    return start + float(np.argmax(held)) / 100


def spoken_tokens(path: Path) -> Iterator[Token]:
    normalize = normalizer_for("en")
    for start, end, *_, text in csv.reader(path.open(encoding="utf-8"), delimiter="\t"):
        words = normalize(text).split()
        at, share = float(start), (float(end) - float(start)) / sum(len(w) + 1 for w in words)
        for number, word in enumerate(words):
            until = at + share * (len(word) + 1)
            yield Token(text=word, start=at, end=until, first=number == 0)
            at = until


def heard_tokens(words: tuple[Word, ...]) -> Iterator[Token]:
    normalize = normalizer_for("en")
    for word in words:
        for text in normalize(word.text).split():
            yield Token(text=text, start=word.start, end=word.end)


def twice(words: list[Token]) -> int:
    texts = [one.text for one in words]
    return sum(
        texts[at : at + size] == texts[at + size : at + 2 * size]
        for size in range(3, 9)
        for at in range(len(texts) - 2 * size + 1)
    )


if __name__ == "__main__":
    main()
