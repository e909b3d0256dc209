"""Put a trained model in its place: `python -m demo.recipe.release demo/build/base models/demo`.

Copies the model, scores it as the handler hears it and writes its card; every number on the card
is measured here or was written by the training.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from demo.recipe.corpus import HELD_OUT_VOICE, SEEN_VOICES
from demo.recipe.evaluate import HEADER, measure
from demo.recipe.sentences import vocabulary
from manifests.labels import read_labels
from training.models.model import load_base

# How far the earlier runs of the shipped weights went; no file of theirs is kept.
FIRST_RUN_STEPS, SECOND_RUN_STEPS = 2_500, 2_000
FIRST_RUN_WER = "50.0 %"

_IN_ONE_RUN = """\
wav2vec2's architecture with random weights ({parameters:.1f} million parameters;
`demo/recipe/architecture.json`), trained from scratch by `training.train` (`make demo-sound`, then
`make demo-model`) for {steps} steps on 12,000 sentences ({hours:.1f} hours in {utterances}
utterances, seed {seed}), with noise, gain and telephone band as augmentation: {after} WER on
`heldout`, scored sentence by sentence. The checkpoint with the lowest was kept, so `heldout` is a
validation set.
"""

# How the shipped weights came about.
_IN_THREE_RUNS = """\
wav2vec2's architecture with random weights ({parameters:.1f} million parameters;
`demo/recipe/architecture.json`), trained by `training.train` on speech from `make demo-sound` with
noise, gain and telephone band as augmentation, in three runs on two cores:

1. {first_steps} steps from scratch on an earlier corpus of 3,500 sentences (3.6 hours), stopped
   because it learned that corpus by heart: {first_wer} WER on `heldout`.
2. {second_steps} steps from there on 12,000 sentences (12.4 hours; the schedule was stretched from
   1,500 steps on the way): {before}. It failed where voices take turns within a window.
3. {steps} steps from there on those sentences joined so that voices take turns, beside a third of
   the corpus itself (`demo/recipe/turns.py`; {hours:.1f} hours in {utterances} utterances, learning
   rate {rate:g}, seed {seed}): {after} WER on `heldout`, scored sentence by sentence. The best
   checkpoint on it was kept, so `heldout` is a validation set.

`make demo-model` trains from scratch on the last data in one run, with the settings in
`demo/recipe/base-model.json`; that run has not been made to its end, so its figures are not known.
"""

_CARD = """\
# Model card: nightscribe demo

A small CTC model for English meeting talk as the speech synthesiser flite says it. It exists so
that the demo and the tests run a whole night on a laptop, without a download. **It does not
transcribe real speech.**

## What it can and cannot do
- It writes lower-case letters, apostrophes and spaces: no digits, no punctuation, no speakers.
- It knows the voices {seen}; `{held_out}` was kept out of the pre-training, so that the
  demo's fine-tuning has something to learn.
- Its training text is a grammar of {words} words. Words outside it, people's voices, other accents,
  music and overlapping speakers were not trained; real recordings were not measured.

## How it was made
{made}
| data | SHA-256 |
|---|---|
| training manifest | `{train}` |
| validation manifest | `{validation}` |
{sound}

The weights depend on the machine (floating point in parallel), the data does not.

## How well it does
Measured by `demo/recipe/release.py` through the handler (20 s windows, greedy decoding), counts
summed over each set. Words count as they stand, in small letters on both sides: no normaliser, unit
costs. "Unheard words" are words outside the grammar, counted apart.

{table}

`heldout` and `open-vocabulary` are sentences of the voices {seen};
`heldout-voice` is of `{held_out}`. "Archive" is `demo/archive`: the recordings with Andrew, spoken
by `{held_out}` but for a few turns, and the others. No sentence of these sets was trained on; a
few stock phrases ("thank you very much") also stand inside longer training sentences.

## Confidence
`confidence.json` turns the model's scores into the probability that a word is right, for greedy
decoding in `exact` precision. It was fitted by `demo/recipe/confidence.py` to 600 sentences that
are in no set above, a quarter of them by `{held_out}`. `docs/engine-confidence.md` has the figures.

## Licence
The sound was made with flite 2.2 and the voices that ship with it (Carnegie Mellon University and
others, BSD-style terms: use, copy, modify and distribute with the copyright notice kept; see
flite's COPYING and Debian's `/usr/share/doc/flite/copyright`). Text, weights and sound are part of
this project.
"""


def release(trained: Path, target: Path, build: Path) -> None:
    """Write `target` with weights, processor, `metrics.json` and `README.md`."""
    acoustic = load_base(trained)
    acoustic.save(target)
    training = json.loads((trained / "metrics.json").read_text("utf-8"))
    lines, sets = measure(target)
    utterances = read_labels(build / "turns")
    made = (_IN_THREE_RUNS if training["base"] else _IN_ONE_RUN).format(
        first_steps=FIRST_RUN_STEPS,
        first_wer=FIRST_RUN_WER,
        second_steps=SECOND_RUN_STEPS,
        before=_percent(training["before"]),
        after=_percent(training["after"]),
        parameters=acoustic.network.num_parameters() / 1e6,
        rate=training["settings"]["learning_rate"],
        steps=training["steps"],
        seed=training["settings"]["seed"],
        hours=sum(u.duration for u in utterances) / 3600,
        utterances=len(utterances),
    )
    card = _CARD.format(
        made=made,
        seen=", ".join(f"`{voice}`" for voice in SEEN_VOICES),
        held_out=HELD_OUT_VOICE,
        words=len(vocabulary()),
        train=training["data"]["train"],
        validation=training["data"]["validation"],
        sound=_digests(sets),
        table="\n".join([HEADER, *lines]),
    )
    (target / "README.md").write_text(card, "utf-8")
    metrics = json.dumps({"training": training, "sets": sets}, indent=2) + "\n"
    (target / "metrics.json").write_text(metrics, "utf-8")


def _percent(score: dict[str, Any] | None) -> str:
    return f"{100 * score['wer']:.1f} %" if score else "unknown"


def _digests(sets: dict[str, dict[str, Any]]) -> str:
    return "\n".join(
        f"| sound of {name} | `{found['sound_sha256']}` |" for name, found in sets.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trained", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--build", type=Path, default=Path("demo/build"))
    given = parser.parse_args()
    release(given.trained, given.target, given.build)


if __name__ == "__main__":
    main()
