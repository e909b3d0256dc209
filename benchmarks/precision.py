"""What ``precision = "fast"`` costs in words, on the shipped model and synthesised speech.

    python benchmarks/precision.py [--sentences 300] [--seed 5]

Sentences that the model was not trained on, spoken by flite's voices that it knows, are the labels
of ``[model] held_out``. Three bundles are made as a run makes them: the weights in torch, the same
in OpenVINO, and int8. All transcribe the labels that judge. Printed: what the card says of the
check, each one's WER, and how many words differ from what torch writes. Skips without flite.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import soundfile

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from batch.bundles import prepare_bundle  # noqa: E402
from batch.precision.held_out import held_out, transcribed  # noqa: E402
from batch.precision.wanted import Precision  # noqa: E402
from demo.recipe.synthesise import SAMPLE_RATE, speak, varied  # noqa: E402
from demo.recipe.texts import texts  # noqa: E402
from manifests.storage import open_store  # noqa: E402
from manifests.tarball import unpack_object  # noqa: E402
from training.evaluating.scores import Evaluation  # noqa: E402
from training.scoring import count_errors  # noqa: E402
from training.scoring.counts import sum_counts  # noqa: E402
from transform_handler.conversion import PrecisionCheck  # noqa: E402
from transform_handler.identity import BundleCard  # noqa: E402

MODEL = ROOT / "models/demo"
VOICES = ("slt", "rms", "kal16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=300)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    if shutil.which("flite") is None:
        print("skipped: flite is not installed")
        return
    said = texts()
    sentences = (*said.heldout, *said.heldout_voice)[: options.sentences]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        labels = write_labels(folder / "labels", sentences, Random(options.seed))
        measure(folder, labels)


def write_labels(folder: Path, sentences: Sequence[str], rng: Random) -> Path:
    """Sentences in turn by each voice, and what they say as NeMo's JSON lines."""
    folder.mkdir()
    lines = []
    for number, text in enumerate(sentences):
        sound = speak(text, varied(VOICES[number % len(VOICES)], rng))
        soundfile.write(folder / f"{number:03}.flac", sound, SAMPLE_RATE)
        seconds = round(len(sound) / SAMPLE_RATE, 3)
        row = {"audio_filepath": f"{number:03}.flac", "duration": seconds, "text": text}
        lines.append(json.dumps(row) + "\n")
    path = folder / "labels.jsonl"
    path.write_text("".join(lines), "utf-8")
    return path


def measure(folder: Path, labels: Path) -> None:
    wanted = {
        "exact, torch": Precision(),
        "exact, OpenVINO": Precision(on_cpu=True, smallest_bytes=0),
        "fast, int8": Precision(name="fast", accept=True, held_out=str(labels)),
    }
    speech = held_out(str(labels)).check
    first: Evaluation | None = None
    for number, (label, precision) in enumerate(wanted.items()):
        bundle = folder / str(number)
        started = time.perf_counter()
        made = prepare_bundle(str(MODEL), open_store(folder / "out"), precision=precision)
        took = time.perf_counter() - started
        unpack_object(made.uri, bundle)
        conversion = BundleCard.read(bundle).conversion
        if conversion and conversion.check:
            tell_check(conversion.check)
        found = transcribed(bundle, speech, name=label)
        first = first or found
        errors = found.total.normalized
        print(
            f"{label:16} WER {100 * (errors.rate or 0.0):.2f} % of {errors.reference_words} words, "
            f"{changed(first, found)}; made in {took:.0f} s",
            flush=True,
        )


def tell_check(check: PrecisionCheck) -> None:
    interval = "no interval"
    if check.low is not None and check.high is not None and check.level is not None:
        bounds = f"{100 * check.low:+.2f} to {100 * check.high:+.2f}"
        interval = f"{check.level:.0%} interval {bounds} over {check.blocks} blocks ({check.unit})"
    print(
        f"the check: WER(fast) - WER(exact) {100 * (check.delta or 0.0):+.2f} points, {interval}, "
        f"{check.words} words, {check.seconds:.0f} s; "
        f"{'refused: ' + check.problem if check.problem else 'let in'}"
    )


def changed(first: Evaluation, other: Evaluation) -> str:
    """How many words of a transcript differ from those of another."""
    pairs = zip(first.utterances, other.utterances, strict=True)
    counts = sum_counts(
        count_errors(one.hypothesis.split(), two.hypothesis.split()) for one, two in pairs
    )
    return f"{counts.errors} of {counts.reference_words} written words changed"


if __name__ == "__main__":
    main()
