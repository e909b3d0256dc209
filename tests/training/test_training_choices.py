"""What a person may choose of a run: how long, from what, with which symbols."""

import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file, save_file

from training.evaluating.curves import PARQUET
from training.job import Job
from training.labels.vocabulary import SYMBOLS_FILE, build_vocabulary, write_vocabulary
from training.running.interruption import InterruptedTrainingError, Interruption
from training.scoring import SCLITE, CustomRules, ScoringRules
from training.settings import Settings
from training.train import main, run

pytestmark = pytest.mark.usefixtures("no_picture")

SMALL = {
    "steps": 4,
    "warmup_steps": 1,
    "batch_seconds": 3,
    "evaluation_steps": 2,
    "logging_steps": 1,
    "freeze_feature_encoder": False,
}


@pytest.fixture
def job(tmp_path, channel, acoustic):
    def make(name="tuned", **settings):
        return Job(
            settings=Settings.of({**SMALL, **settings}),
            train=channel,
            validation=channel,
            base=tmp_path / "base",
            output=tmp_path / name,
            checkpoints=tmp_path / f"{name}-checkpoints",
        )

    acoustic.save(tmp_path / "base")
    return make


def rows(job):
    return pq.read_table(job.output / PARQUET).to_pylist()


def weights(folder):
    return load_file(folder / "model.safetensors")


def without_a_head(folder):
    """What pretraining leaves: no head, and no tokenizer."""
    kept = {n: w for n, w in weights(folder).items() if not n.startswith("lm_head.")}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    for path in (
        *folder.glob("*vocab*"),
        *folder.glob("*token*"),
        folder / "processor_config.json",
    ):
        path.unlink(missing_ok=True)


def test_a_base_that_training_makes_worse_is_kept(job, channel):
    """Its evaluation is the first of the log, and a rate of zero steps cannot be beaten here."""
    chosen = replace(job(learning_rate=1e-12, steps=2, base_share=0), test=channel)
    run(chosen)
    assert [row["step"] for row in rows(chosen) if row["eval_loss"] is not None] == [0, 2]
    metrics = json.loads((chosen.output / "metrics.json").read_text())
    assert metrics["before"]["wer"] == metrics["after"]["wer"]
    assert set(metrics["evaluations"]) == {"validation", "test"}


def test_training_ends_when_nothing_gets_better(job, capfd):
    chosen = job(steps=40, patience=1, learning_rate=1e-12)
    run(chosen)
    steps = [row["step"] for row in rows(chosen) if row["loss"] is not None]
    assert 2 <= steps[-1] < 40
    assert "steps=40" in capfd.readouterr().out


def test_epochs_become_steps(job, capfd):
    run(replace(job(), settings=Settings(epochs=3, warmup_steps=1, batch_seconds=3)))
    line = capfd.readouterr().out.splitlines()[0]
    per_epoch = int(line.rpartition("steps_per_epoch=")[2])
    assert f" steps={3 * per_epoch} " in line


def test_labels_with_other_symbols_get_a_head_of_their_own(job, channel):
    manifest = channel / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace("there", "zebra"))
    chosen = job(vocabulary="labels")
    run(chosen)
    symbols = json.loads((chosen.output / "vocab.json").read_text())
    assert "z" in symbols
    assert "t" not in symbols


def test_the_text_rules_are_kept_beside_the_weights(job):
    chosen = job(text_rules='{"case": "lower"}')
    run(chosen)
    assert json.loads((chosen.output / "text_rules.json").read_text())["case"] == "lower"


def test_base_and_model_are_scored_by_one_rule_whatever_language_their_own_rules_name(job, channel):
    """The base's are English, because it says nothing; the labels do not say their language."""
    chosen = replace(job(text_rules='{"language": "de"}', steps=2), test=channel)
    run(chosen)
    metrics = json.loads((chosen.output / "metrics.json").read_text())
    for compared in metrics["evaluations"].values():
        assert compared["before"]["normalizer"] == compared["after"]["normalizer"]
        assert compared["after"]["normalizer"].startswith("nightscribe-unicode")
        assert compared["difference"]


def test_nothing_is_mixed_in_from_a_base_that_never_wrote_a_letter(job, tmp_path):
    chosen = job(steps=2, base_share=1.0, evaluation_steps=2, learning_rate=0.01)
    without_a_head(tmp_path / "base")
    run(chosen)
    ours, base = weights(chosen.output), weights(chosen.base)
    layers = [name for name in base.keys() & ours.keys() if ".encoder.layers." in name]
    assert layers
    assert not any(ours[name].equal(base[name]) for name in layers if name.endswith("weight"))


def test_nothing_is_mixed_in_from_a_base_that_wrote_other_symbols(job, channel):
    write_vocabulary(build_vocabulary(["all hello there q"]), channel / SYMBOLS_FILE)
    given = job(steps=2, base_share=1.0, learning_rate=0.01, vocabulary="labels")
    # Without validation the last step is kept, whatever its error rate.
    chosen = replace(given, validation=None)
    run(chosen)
    ours, base = weights(chosen.output), weights(chosen.base)
    layers = [name for name in base.keys() & ours.keys() if ".encoder.layers." in name]
    assert layers
    assert not any(ours[name].equal(base[name]) for name in layers if name.endswith("weight"))


def test_a_set_that_cannot_be_read_is_said_before_the_first_step(job, tmp_path, capfd):
    for name in ("test", "domain"):
        chosen = replace(job(), **{name: tmp_path / "gone"})
        with pytest.raises(ValueError, match=r"gone/manifest\.jsonl: no such file"):
            run(chosen)
    assert "step=" not in capfd.readouterr().out


def test_low_rank_updates_end_as_a_plain_model_and_resume_bit_equal(job, monkeypatch):
    pytest.importorskip("peft", reason="LoRA is optional")
    given = {"lora_rank": 2, "lora_dropout": 0.1, "learning_rate": 0.01}
    whole, parts = job(name="whole", **given), job(name="parts", **given)
    run(whole)
    _interrupt_in(monkeypatch, 3)
    with pytest.raises(InterruptedTrainingError):
        run(parts, Interruption())
    run(parts)
    ours, base = weights(whole.output), weights(whole.base)
    assert not any(".lora_" in name or ".base_layer." in name for name in ours)
    assert all(ours[name].equal(weight) for name, weight in weights(parts.output).items())
    # transformers 5.3 and 5.5 rename the weights of a normed convolution where they save it again.
    assert not all(ours[name].equal(base[name]) for name in ours.keys() & base.keys())


def _interrupt_in(monkeypatch, step):
    from training.running.trainer import CtcTrainer

    take = CtcTrainer.training_step

    def training_step(trainer, *args, **kwargs):
        if trainer.state.global_step + 1 == step:
            trainer.interruption.ask()
        return take(trainer, *args, **kwargs)

    monkeypatch.setattr(CtcTrainer, "training_step", training_step)


def test_other_settings_do_not_go_on_from_these_checkpoints(job, tmp_path):
    run(job())
    with pytest.raises(ValueError, match=r"learning_rate \(0.0005 → 0.1\)"):
        run(job(learning_rate=0.1))
    run(job(logging_steps=2))


def test_a_finished_run_started_again_writes_the_same_model(job, tmp_path, monkeypatch, capfd):
    run(job())
    first = weights(job().output)
    (tmp_path / "tuned" / "model.safetensors").unlink()
    capfd.readouterr()
    run(job())
    assert " loss=" not in capfd.readouterr().out, "no step is taken twice"
    assert all(first[name].equal(weight) for name, weight in weights(job().output).items())


def test_a_loss_that_is_not_a_number_ends_training_and_says_what_to_do(
    job, monkeypatch, capsys, tmp_path
):
    chosen = job()
    for name, value in {
        "SM_HPS": json.dumps({**SMALL, "learning_rate": 1e30, "max_grad_norm": 1e30}),
        "SM_CHANNEL_TRAIN": chosen.train,
        "SM_CHANNEL_MODEL": chosen.base,
        "SM_MODEL_DIR": chosen.output,
        "SM_OUTPUT_DIR": tmp_path / "output",
        "NIGHTSCRIBE_CHECKPOINT_DIR": chosen.checkpoints,
    }.items():
        monkeypatch.setenv(name, str(value))
    for name in ("SM_CHANNEL_VALIDATION", "SM_CHANNEL_TEST", "SM_CHANNEL_DOMAIN"):
        monkeypatch.delenv(name, raising=False)
    assert main([]) == 2
    assert "lower learning_rate (1e+30)" in capsys.readouterr().err
    assert "not a number" in (tmp_path / "output/failure").read_text()
    assert not chosen.output.exists()


def test_the_symbols_that_a_data_check_chose_are_the_models(job, channel):
    """On the labels that were kept, one of them may be rare, or in the validation set only."""
    symbols = build_vocabulary(["all hello there q"])
    write_vocabulary(symbols, channel / SYMBOLS_FILE)
    chosen = job(vocabulary="labels", steps=2)
    run(chosen)
    assert json.loads((chosen.output / "vocab.json").read_text()) == dict(symbols.ids)


def test_a_batch_that_does_not_fit_says_what_to_do(job, monkeypatch):
    import torch
    from transformers import Trainer

    def too_much(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Trainer, "training_step", too_much)
    with pytest.raises(ValueError, match=r"a batch of \d+ utterances .* lower batch_seconds \(3\)"):
        run(job())


@pytest.mark.parametrize("workers", [0, 1])
def test_sound_that_cannot_be_read_is_one_line_whoever_reads_it(job, channel, capsys, workers):
    chosen = job()
    (channel / "0.wav").write_bytes(b"")
    arguments = {
        "--hyperparameters": json.dumps({**SMALL, "steps": 6, "workers": workers}),
        "--train": chosen.train,
        "--base": chosen.base,
        "--output": chosen.output,
        "--checkpoints": chosen.checkpoints,
    }
    assert main([str(part) for pair in arguments.items() for part in pair]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: file://")
    assert "0.wav" in line


def test_the_final_figures_are_counted_by_the_rules_of_the_configuration(job):
    rules = ScoringRules(aligner=SCLITE, custom=CustomRules(fillers=("hello",)))
    chosen = replace(job(steps=2), scoring=rules)
    run(chosen)
    metrics = json.loads((chosen.output / "metrics.json").read_text())
    for when in ("before", "after"):
        assert metrics[when]["aligner"] == SCLITE.name
        assert metrics[when]["normalizer"].endswith("(1 filler)")
        assert metrics[when]["custom"] == {"equivalences": [], "fillers": ["hello"]}
    card = (chosen.output / "README.md").read_text()
    assert f"{metrics['after']['normalizer']} and aligned by {SCLITE.name}" in card
