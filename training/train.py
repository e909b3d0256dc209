"""Entry of a training container: parse, build, run, close. `training.job` says what it reads."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from manifests.errors import NightscribeError
from training.job import Job, parse, write_failure
from training.running.interruption import (
    EXIT_INTERRUPTED,
    InterruptedTrainingError,
    Interruption,
    listening,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Train; 0 when the model is written, 2 for what the user must mend, 143 after SIGTERM."""
    with listening() as interruption:
        try:
            run(parse(argv), interruption)
        except InterruptedTrainingError as stop:
            _say(str(stop))
            return EXIT_INTERRUPTED
        except (ValueError, FileNotFoundError, NightscribeError) as error:
            reason = _reason(error)
            write_failure(reason)
            print(f"error: {reason}", file=sys.stderr)  # noqa: T201
            return 2
        except Exception as error:
            write_failure(f"{type(error).__name__}: {error}")
            raise
    return 0


def run(job: Job, interruption: Interruption | None = None) -> None:
    """Train, keep the best model by validation WER, write it with its card, metrics and curves.

    Raises:
        InterruptedTrainingError: SIGTERM came; the next start goes on from the checkpoint.
    """
    from transformers.utils import logging  # noqa: PLC0415

    from training.finishing import finish  # noqa: PLC0415
    from training.preparation import prepare  # noqa: PLC0415
    from training.running.checkpoints import resume_point  # noqa: PLC0415
    from training.running.randomness import seed_everything  # noqa: PLC0415
    from training.running.trainer import CtcTrainer  # noqa: PLC0415

    logging.disable_progress_bar()
    # A new model draws its weights here; steps seed themselves.
    seed_everything(job.settings.seed)
    prepared = prepare(job)
    resume = resume_point(job.checkpoints, run=prepared.run)
    trainer = CtcTrainer(
        prepared.acoustic,
        job.settings,
        train=prepared.train,
        validation=prepared.validation,
        checkpoints=job.checkpoints,
        run=prepared.run,
        interruption=interruption,
        heard=prepared.heard,
        score_first=job.base is not None,
    )
    _say(
        f"utterances={len(prepared.train)} hours={sum(prepared.train.seconds) / 3600:.4g} "
        f"steps={trainer.args.max_steps} steps_per_epoch={trainer.updates_per_epoch}"
    )
    if resume:
        _say(f"resumed_at={resume.step}")
    try:
        trainer.fit(resume)
    except InterruptedTrainingError:
        _part()
        raise
    _part()
    if (clock := trainer.clock).session_seconds:
        _say(
            f"audio_seconds_per_second={clock.audio_seconds_per_second:.4g} "
            f"data_wait_share={clock.waiting_share:.4g}"
        )
    finish(job, prepared, trainer, resume=resume)


def _part() -> None:
    """End what several processes have in common: only the first goes on from here.

    A process that ends while its peers' connections are open may be aborted on its way out.
    """
    import torch  # noqa: PLC0415

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _reason(error: Exception) -> str:
    """The message; without the stack trace that torch adds in a process that reads ahead."""
    message = str(error)
    if "Original Traceback" not in message:
        return message
    return message.rpartition(f"{type(error).__name__}: ")[2].strip()


def _say(line: str) -> None:
    """Print once for all processes of a job."""
    if os.environ.get("RANK", "0") == "0":
        print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # All is written. Thread pools of native libraries sometimes abort while Python tears down.
    os._exit(status)
