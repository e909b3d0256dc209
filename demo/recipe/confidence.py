"""Fit the confidence of a model's words: `python -m demo.recipe.confidence models/demo`.

Synthesises 600 sentences that no other part of the demo has, a quarter of them by the voice that
the model does not know (as in the archive), and writes `confidence.json` into the model folder. A
bundle made of the folder, in the usual precision and greedily decoded, brings it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from batch.precision.held_out import HeldOut
from demo.recipe.corpus import write_confidence
from demo.recipe.texts import texts
from manifests.labels import MANIFEST, read_labels
from training.evaluating.confidence import fitted, judged
from transform_handler.bundle import bundle_card
from transform_handler.identity import CONFIDENCE_NAME, DecodeSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--build", type=Path, default=Path("demo/build"))
    given = parser.parse_args()
    if not (given.build / "confidence" / MANIFEST).is_file():
        write_confidence(texts(), given.build)
    utterances = read_labels(given.build / "confidence")
    card = bundle_card(given.model, name=given.model.name, decode=DecodeSettings())
    words = judged(given.model, card, utterances)
    fit = fitted(words, card, labels=HeldOut(calibration=(), check=tuple(utterances)).digest)
    (given.model / CONFIDENCE_NAME).write_text(fit.to_json(), "utf-8")
    print(fit.problem or f"fitted to {fit.words} words, {fit.right} of them right")


if __name__ == "__main__":
    main()
