"""A model card in Markdown with the metadata of the Hugging Face hub, from `metrics.json` alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEADINGS = {
    "validation": "Validation set, by which the best step was chosen",
    "test": "Test set",
    "domain": "Set of the base model's own domain: what was forgotten",
}


def card(metrics: Mapping[str, Any]) -> str:
    """The card's text; figures that were not measured are not in it."""
    sections = [
        _front_matter(metrics),
        f"# {metrics['name']}\n\n{_origin(metrics)}",
        _results(metrics),
        _data(metrics),
        _use(metrics),
        _making(metrics),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _front_matter(metrics: Mapping[str, Any]) -> str:
    """YAML, each value in the notation of JSON, which YAML reads."""
    entries: dict[str, Any] = {
        "license": metrics["licence"] or "unknown",
        "language": _languages(metrics),
        "library_name": "transformers",
        "pipeline_tag": "automatic-speech-recognition",
        "tags": ["ctc", "nightscribe"],
        "metrics": ["wer", "cer"],
        "model-index": [{"name": metrics["name"], "results": list(_index(metrics))}],
    }
    if not entries["model-index"][0]["results"]:
        del entries["model-index"]
    if not entries["language"]:
        del entries["language"]
    # The hub knows models by "owner/name"; another base is named in the text.
    if metrics["base"] and metrics["base"].count("/") == 1:
        entries["base_model"] = metrics["base"]
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in entries.items()]
    return "\n".join(["---", *lines, "---"])


def _index(metrics: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, compared in metrics["evaluations"].items():
        figures = compared["after"]
        found = [
            {"type": kind, "value": round(100 * figures[kind], 2), "name": f"{kind.upper()} (%)"}
            for kind in ("wer", "cer")
            if figures[kind] is not None
        ]
        if found:
            yield {
                "task": {"type": "automatic-speech-recognition"},
                "dataset": {"type": "private", "name": name, "split": name},
                "metrics": found,
            }


def _languages(metrics: Mapping[str, Any]) -> list[str]:
    named = {tag for facts in metrics["data"].values() for tag in facts["languages"]}
    return sorted({tag.replace("_", "-").split("-")[0].lower() for tag in named})


def _origin(metrics: Mapping[str, Any]) -> str:
    base = metrics["base"]
    digest = f" (digest `{metrics['base_digest']}`)" if metrics["base_digest"] else ""
    origin = f"fine-tuned from `{base}`{digest}" if base else "trained from scratch"
    again = metrics["resumed_at"]
    resumed = "" if again is None else f" (interrupted, and resumed at step {again})"
    return (
        f"A CTC model for speech recognition, {origin} in {metrics['steps']} steps on "
        f"{metrics['date']}{resumed}. Licence: {metrics['licence'] or 'not stated'}."
    )


def _results(metrics: Mapping[str, Any]) -> str:
    parts = [_set(name, compared) for name, compared in metrics["evaluations"].items()]
    if not parts:
        return "## Results\n\nNothing was measured: the run had no validation or test set."
    return "\n\n".join(["## Results", *parts, _scoring(metrics)])


def _set(name: str, compared: Mapping[str, Any]) -> str:
    after = compared["after"]
    sides = [(side, compared[side]) for side in ("before", "after") if compared[side]]
    lines = [
        f"### {_HEADINGS.get(name, name)}",
        "",
        f"{_coverage(after)}.",
        "",
        "| | WER | interval | S | D | I | reference words | CER | WER as written |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(side, figures) for side, figures in sides),
    ]
    if compared["difference"]:
        lines += ["", _difference(compared["difference"])]
    if note := after["interval"]["note"]:
        lines += ["", f"Note on the intervals: {note}."]
    return "\n".join(lines)


def _coverage(figures: Mapping[str, Any]) -> str:
    text = f"{figures['scored']} of {figures['utterances']} utterances transcribed"
    text += f", {figures['seconds'] / 60:.1f} minutes"
    if figures["speakers"]:
        text += f", {figures['speakers']} speaker{'s' if figures['speakers'] > 1 else ''}"
    return text


def _row(side: str, figures: Mapping[str, Any]) -> str:
    counts = (figures[k] for k in ("substitutions", "deletions", "insertions", "reference_words"))
    cells = [
        side,
        percent(figures["wer"]),
        span(figures["interval"]),
        *map(str, counts),
        percent(figures["cer"]),
        percent(figures["as_written"]["wer"]),
    ]
    return f"| {' | '.join(cells)} |"


def _difference(found: Mapping[str, Any]) -> str:
    if found["delta"] is None:
        return "No difference can be given: nothing was said."
    if found["low"] is None:
        return f"Difference {points(found['delta'])} points of WER; one block gives no interval."
    return (
        f"Difference {points(found['delta'])} points of WER ({100 * found['level']:.0f} % "
        f"interval {points(found['low'])} to {points(found['high'])}, paired); the fine-tuned "
        f"model is worse in {percent(found['p_worse'])} of the draws."
    )


def _scoring(metrics: Mapping[str, Any]) -> str:
    figures = next(iter(metrics["evaluations"].values()))["after"]
    drawn = figures["interval"]
    return (
        f"Texts are normalised by {figures['normalizer']} and aligned by {figures['aligner']}; "
        "rates are ratios of summed counts. *As written* compares with the labels under the "
        "model's text rules. Sound is decoded and windowed as in a transform job. Intervals are "
        f"{100 * drawn['level']:.0f} % percentile intervals of a block bootstrap "
        f"({drawn['resamples']} draws; the blocks are named in `metrics.json`)."
    )


def _data(metrics: Mapping[str, Any]) -> str:
    rows = [
        f"| {name} | {facts['utterances']} | {_minutes(facts['seconds'])} | "
        f"{facts['speakers'] or 'not named'} | `{facts['manifest'][:16]}` |"
        for name, facts in metrics["data"].items()
    ]
    head = [
        "| set | utterances | minutes | speakers | manifest (SHA-256) |",
        "|---|---|---|---|---|",
    ]
    return "\n".join(["## Data", "", *head, *rows])


def _use(metrics: Mapping[str, Any]) -> str:
    only = "The figures above hold for their own sets; how" if metrics["evaluations"] else "How"
    return (
        "## Use\n\nTranscribes recordings of the kind that it was trained on. "
        f"{only} well it does on other speakers, microphones, rooms, accents and languages is not "
        "measured. It writes what it hears word by word, without any punctuation that the labels "
        "did not have, and it may write words into noise."
    )


def _making(metrics: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in metrics["versions"].items())
    lines = ["## Making", "", f"- Versions: {versions}."]
    if speed := metrics["throughput"]:
        lines.append(
            f"- Training: {speed['audio_seconds_per_second']:.1f} seconds of sound a second on "
            f"{speed['device']} ({speed['processes']} process"
            f"{'es' if speed['processes'] > 1 else ''})."
        )
    lines.append(f"- Weights: {weights_line(metrics)}.")
    lines.append("- Settings, digests and all counts: `metrics.json`.")
    return "\n".join(lines)


def weights_line(metrics: Mapping[str, Any]) -> str:
    """Which weights these are: the best step's, and how much of the base is in them."""
    best, steps = metrics["best_step"], metrics["steps"]
    which = f"of step {best} of {steps}, the best on validation"
    text = f"of the last step, {steps}" if best is None else which
    if rank := metrics["settings"].get("lora_rank"):
        text += f", as low-rank updates (LoRA) of rank {rank}"
    if share := metrics["base_mixed_in"]:
        text += f"; {share:.0%} of the base is mixed in (base_share)"
    return text


def span(interval: Mapping[str, Any]) -> str:
    """An interval in percent, such as ``10.2–14.9 %``."""
    if interval["low"] is None:
        return "–"
    return f"{100 * interval['low']:.1f}–{100 * interval['high']:.1f} %"


def percent(rate: float | None) -> str:
    """A rate in percent, and a dash for none."""
    return "–" if rate is None else f"{100 * rate:.1f} %"


def points(delta: float) -> str:
    """A difference in percentage points, with its sign."""
    return f"{100 * delta:+.1f}".replace("-", "−")


def _minutes(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds / 60:.1f}"
