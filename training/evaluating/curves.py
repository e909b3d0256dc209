"""The course of a training: one row a step and one an evaluation, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PARQUET = "training_curves.parquet"
PICTURE = "training_curves.png"
COLUMNS = (
    *("step", "epoch", "loss", "learning_rate", "grad_norm", "audio_seconds", "seconds"),
    *("eval_loss", "wer", "cer"),
)
"""A step's row has a loss, an evaluation's row a WER; ``audio_seconds`` and ``seconds`` count from
the start of the training, interruptions left out."""

_LOGGED = {"wer": "eval_wer", "cer": "eval_cer"}
_LOSS, _VALIDATION, _FAINT, _INK = "#33658a", "#c8553d", "#a9c3d6", "#333333"
_SMOOTHING = 0.9


def rows_of(log: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the Trainer's log: those of steps and of evaluations."""
    wanted = [row for row in log if "loss" in row or "eval_loss" in row]
    return [{name: row.get(_LOGGED.get(name, name)) for name in COLUMNS} for row in wanted]


def write_curves(log: Sequence[Mapping[str, Any]], folder: Path, *, title: str) -> None:
    """Write the table and the picture into ``folder``; nothing where no step was taken."""
    if rows := rows_of(log):
        _write_table(rows, folder / PARQUET)
        _write_picture(rows, folder / PICTURE, title)


def _write_table(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    types = [pa.int64() if name == "step" else pa.float64() for name in COLUMNS]
    schema = pa.schema(list(zip(COLUMNS, types, strict=True)))
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)


def _write_picture(rows: Sequence[Mapping[str, Any]], path: Path, title: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(8, 7.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, color=_INK, fontsize=13, x=0.01, ha="left")
    axes = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1))
    steps = [row for row in rows if row["loss"] is not None]
    evaluations = [row for row in rows if row["eval_loss"] is not None]
    _draw_loss(axes[0], steps, evaluations)
    _draw_errors(axes[1], evaluations)
    _draw_rate(axes[2], steps)
    axes[2].set_xlabel("step", color=_INK)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", color="#e6e6e6", linewidth=0.8)
        axis.tick_params(colors=_INK)
    # Without the library's version in the file the same curves give the same bytes for longer.
    figure.savefig(path, metadata={"Software": None})


def _draw_loss(axis: Any, steps: Sequence[Any], evaluations: Sequence[Any]) -> None:
    numbers, losses = _points(steps, "loss")
    axis.plot(numbers, losses, color=_FAINT, linewidth=0.8)
    axis.plot(numbers, _smooth(losses), color=_LOSS, linewidth=1.8, label="training (smoothed)")
    axis.plot(
        *_points(evaluations, "eval_loss"),
        *("o-",),
        color=_VALIDATION,
        markersize=4,
        label="validation",
    )
    axis.set_title("CTC loss, mean of a label", loc="left", fontsize=10, color=_INK)
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False, fontsize=9)


def _draw_errors(axis: Any, evaluations: Sequence[Any]) -> None:
    axis.set_title("Validation error rates, %", loc="left", fontsize=10, color=_INK)
    for name, shown, colour in (
        ("wer", "words (WER)", _VALIDATION),
        ("cer", "characters (CER)", _LOSS),
    ):
        numbers, rates = _points(evaluations, name)
        axis.plot(numbers, [100 * r for r in rates], "o-", color=colour, markersize=4, label=shown)
    numbers, rates = _points(evaluations, "wer")
    if not rates:
        axis.text(0.5, 0.5, "no validation set", transform=axis.transAxes, ha="center", color=_INK)
        return
    best = min(range(len(rates)), key=rates.__getitem__)
    axis.annotate(
        f"{100 * rates[best]:.1f} %",
        (numbers[best], 100 * rates[best]),
        textcoords="offset points",
        xytext=(0, 8),
        ha="center",
        fontsize=9,
        color=_VALIDATION,
    )
    axis.margins(y=0.15)
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False, fontsize=9)


def _draw_rate(axis: Any, steps: Sequence[Any]) -> None:
    axis.plot(*_points(steps, "learning_rate"), color=_INK, linewidth=1.2)
    axis.set_title("Learning rate", loc="left", fontsize=10, color=_INK)
    axis.set_ylim(bottom=0)


def _points(rows: Sequence[Any], name: str) -> tuple[list[int], list[float]]:
    present = [row for row in rows if row[name] is not None]
    return [row["step"] for row in present], [row[name] for row in present]


def _smooth(values: Sequence[float]) -> list[float]:
    """Exponential mean, corrected for its start as Adam's is."""
    smoothed, mean = [], 0.0
    for count, value in enumerate(values, 1):
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * value
        smoothed.append(mean / (1 - _SMOOTHING**count))
    return smoothed
