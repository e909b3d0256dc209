"""What a finished training leaves beside the weights: `metrics.json` and a model card."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from manifests.hashing import sha256_of
from manifests.labels import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

    from training.metrics import Score
    from training.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run and the validation scores around it; a score is None where nothing was measured."""

    settings: Settings
    base: str | None
    train: Path
    validation: Path | None
    before: Score | None
    after: Score | None
    steps: int


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Write `metrics.json` and `README.md` into `folder`."""
    metrics = as_json(outcome)
    text = json.dumps(metrics, indent=2, ensure_ascii=False) + "\n"
    (folder / "metrics.json").write_text(text, "utf-8")
    (folder / "README.md").write_text(card(metrics), "utf-8")


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome as plain values."""
    return {
        "base": outcome.base,
        "steps": outcome.steps,
        "settings": asdict(outcome.settings),
        "data": {
            name: _digest(path)
            for name, path in (("train", outcome.train), ("validation", outcome.validation))
            if path
        },
        "before": outcome.before.as_json() if outcome.before else None,
        "after": outcome.after.as_json() if outcome.after else None,
    }


def card(metrics: dict[str, Any]) -> str:
    """A model card in Markdown, from the values of `metrics.json` alone."""
    origin = f"fine-tuned from `{metrics['base']}`" if metrics["base"] else "trained from scratch"
    lines = [
        "# Model card",
        "",
        f"A CTC model, {origin} in {metrics['steps']} steps by `training.train`.",
        "",
        "| validation | WER | S | D | I | reference words | CER |",
        "|---|---|---|---|---|---|---|",
        *(_row(name, metrics[name]) for name in ("before", "after") if metrics[name]),
        "",
        "Settings, data digests (SHA-256 of the manifests) and all counts: `metrics.json`.",
        "",
    ]
    return "\n".join(lines)


def _row(name: str, score: dict[str, Any]) -> str:
    counts = (score[k] for k in ("substitutions", "deletions", "insertions", "reference_words"))
    cells = [name, _percent(score["wer"]), *map(str, counts), _percent(score["cer"])]
    return f"| {' | '.join(cells)} |"


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.1f} %"


def _digest(path: Path) -> str:
    file = path / MANIFEST if path.is_dir() else path
    return sha256_of(file)
