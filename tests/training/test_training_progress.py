"""What a log tells: the best evaluation, when to end, and the curves."""

import pyarrow.parquet as pq

from training.evaluating.curves import COLUMNS, PARQUET, PICTURE, write_curves
from training.running.progress import Clock, best_row, is_over


def evaluation(step, wer, loss=1.0):
    return {"step": step, "epoch": step / 10, "eval_loss": loss, "eval_wer": wer, "eval_cer": wer}


def step(number, loss=1.0):
    return {
        "step": number,
        "epoch": number / 10,
        "loss": loss,
        "learning_rate": 1e-4,
        "grad_norm": 0.5,
        "audio_seconds": number * 2.0,
        "seconds": number * 1.0,
    }


def test_the_best_has_the_lowest_wer_then_the_lowest_loss_then_comes_first():
    log = [evaluation(0, 1.0, 9.0), step(1), evaluation(2, 1.0, 5.0), evaluation(4, 1.0, 5.0)]
    assert best_row(log)["step"] == 2
    assert best_row([*log, evaluation(6, 0.9, 7.0)])["step"] == 6
    assert best_row([step(1)]) is None


def test_without_a_word_to_get_wrong_the_loss_decides():
    assert best_row([evaluation(2, None, 2.0), evaluation(4, None, 1.0)])["step"] == 4
    assert best_row([evaluation(2, 1.0, float("nan")), evaluation(4, 1.0, 3.0)])["step"] == 4


def test_patience_counts_evaluations_since_the_best():
    log = [evaluation(n, wer) for n, wer in ((0, 0.9), (2, 0.5), (4, 0.6), (6, 0.7))]
    assert not is_over(log, patience=3)
    assert is_over(log, patience=2)
    assert not is_over(log, patience=0)
    assert not is_over([], patience=1)


def test_a_clock_goes_on_from_the_last_step():
    clock = Clock()
    clock.go_on_from([step(1), step(7), evaluation(7, 0.5)])
    clock.heard(16_000)
    row = clock.step_is_done()
    assert row["audio_seconds"] == 15.0
    assert row["seconds"] >= 7.0


def test_curves_are_a_table_and_a_picture(tmp_path):
    log = [evaluation(0, 0.9), *map(step, range(1, 40)), evaluation(39, 0.4, 0.7), {"step": 39}]
    write_curves(log, tmp_path, title="Training of a model")
    table = pq.read_table(tmp_path / PARQUET)
    assert tuple(table.column_names) == COLUMNS
    rows = table.to_pylist()
    assert len(rows) == 41
    assert rows[0]["wer"] == 0.9
    assert rows[0]["loss"] is None
    assert rows[-1]["eval_loss"] == 0.7
    assert (tmp_path / PICTURE).read_bytes().startswith(b"\x89PNG")


def test_a_run_without_validation_has_curves_too(tmp_path):
    write_curves([step(1), step(2)], tmp_path, title="Training of a model")
    assert (tmp_path / PICTURE).is_file()
    write_curves([], tmp_path / "nothing", title="Nothing")
    assert not (tmp_path / "nothing").exists()
