"""Is a word of confidence 0.8 right in eight of ten cases? Before and after the fit.

The shipped model transcribes the demo's archive, the fine-tuning speech of the voice that it does
not know left out. Expected calibration error: words sorted by confidence, in 15 bins of equal mass.
Printed are the geometric mean, the fit that the model brings (made on other speech), and fits on
the archive itself, each recording by the others' (leave one recording out), which is what labels
of one's own archive give. ``--beam`` does the last for beam search as well.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.speech import ARCHIVE, MODEL  # noqa: E402
from manifests.labels import LabelledUtterance  # noqa: E402
from manifests.local_store import uri_of_path  # noqa: E402
from training.evaluating.confidence import JudgedWords, judged  # noqa: E402
from training.scoring.calibration import (  # noqa: E402
    BINS,
    expected_calibration_error,
    fit_logistic,
    sigmoid,
)
from transform_handler.bundle import bundle_card  # noqa: E402
from transform_handler.decoding.confidence import ConfidenceFit  # noqa: E402
from transform_handler.identity import BeamSettings, DecodeSettings  # noqa: E402

UNHEARD = "andrew"


def main() -> None:
    show("greedy", DecodeSettings())
    if "--beam" in sys.argv[1:]:
        show("beam", DecodeSettings(method="beam", beam=BeamSettings(beam_width=16)))


def show(name: str, decode: DecodeSettings) -> None:
    card = bundle_card(MODEL, name="demo", decode=decode)
    labels = archive()
    words = judged(MODEL, card, labels)
    unheard = {n for n, one in enumerate(labels) if UNHEARD in one.audio}
    known = ~np.isin(words.recordings, list(unheard))
    print(f"{name}: {len(words.right)} words, {words.right.mean():.1%} of them right; {BINS} bins")
    shipped = ConfidenceFit.read(MODEL)
    ours = (card.model_digest, card.decode_digest)
    line("geometric mean", words.raw, words, known)
    if shipped and (shipped.model_digest, shipped.decode_digest) == ours:
        line("fit of the bundle", shipped.confidences(words.features), words, known)
    line("fit on the other recordings", left_out(words), words, known)


def archive() -> list[LabelledUtterance]:
    rows = (ROOT / "demo/references.tsv").read_text("utf-8").splitlines()[1:]
    pairs = [row.split("\t") for row in rows]
    return [
        LabelledUtterance(audio=uri_of_path(ARCHIVE / path), text=text, language="en")
        for path, text in pairs
        if text
    ]


def left_out(words: JudgedWords) -> np.ndarray:
    """Each recording's confidences by a fit on all others."""
    found = np.zeros(len(words.right))
    for number in np.unique(words.recordings):
        own = words.recordings == number
        intercept, weights = fit_logistic(words.features[~own], words.right[~own])
        found[own] = sigmoid(intercept + words.features[own] @ weights)
    return found


def line(name: str, confidences: np.ndarray, words: JudgedWords, known: np.ndarray) -> None:
    parts = [
        f"{where} {expected_calibration_error(confidences[chosen], words.right[chosen]):.3f}"
        for where, chosen in (("all", known | True), ("known voices", known))
    ]
    print(f"  {name:28} ECE {', '.join(parts)}; mean {confidences.mean():.3f}")


if __name__ == "__main__":
    main()
