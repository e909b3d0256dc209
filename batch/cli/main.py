"""``nightscribe``: the group of commands, and how every error reaches a person."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
import traceback
from types import FrameType
from typing import NoReturn

import click

from batch.cli import (
    compare_command,
    deploy_commands,
    doctor_command,
    endpoint_commands,
    estimate_command,
    evaluate_command,
    inspect_commands,
    run_commands,
    schedule_commands,
    set_up_commands,
    training_commands,
    upkeep_commands,
    wheels_command,
)

EXIT_FAILED, EXIT_INPUT, EXIT_THRESHOLD, EXIT_INTERRUPTED = 1, 2, 3, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="nightscribe")
def cli() -> None:
    """Overnight batch transcription of meeting archives: archive in, Parquet and a WER report out.

    \b
    nightscribe init                   write a commented nightscribe.toml
    nightscribe run nightscribe.toml   transcribe what is new, score it, write the report

    Exit codes: 0 every planned recording has its row; 1 something failed; 2 something for you to
    mend; 3 a threshold of [report] was passed; 130 stopped by Ctrl-C.
    """


_COMMANDS = (
    *run_commands.COMMANDS,
    *training_commands.COMMANDS,
    estimate_command.estimate,
    evaluate_command.evaluate,
    compare_command.compare,
    *inspect_commands.COMMANDS,
    *upkeep_commands.COMMANDS,
    *schedule_commands.COMMANDS,
    *endpoint_commands.COMMANDS,
    wheels_command.wheels,
    doctor_command.doctor,
    *deploy_commands.COMMANDS,
    *set_up_commands.COMMANDS,
)
for command in _COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line; every error is one sentence, never a stack trace."""
    from manifests.errors import InputError, NightscribeError

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = cli.main(standalone_mode=False)
    except InputError as error:
        _end(f"error: {error}", EXIT_INPUT)
    except NightscribeError as error:
        _end(f"error: {error}", EXIT_FAILED)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_INPUT)
    except (click.Abort, KeyboardInterrupt):
        _end("stopped; the same command goes on from here", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Somebody piped us into head(1) and has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
    except OSError as error:
        _end(_of_this_machine(error) or _bug(error), EXIT_FAILED)
    except Exception as error:  # noqa: BLE001 - the edge: whatever is left is a bug of ours
        _end(_bug(error), EXIT_FAILED)
    sys.exit(status if isinstance(status, int) else 0)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _end(sentence: str, status: int) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(status)


# A machine that has run out of something is no bug, wherever it is noticed.
_OF_THE_MACHINE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE}
)


def _of_this_machine(error: OSError) -> str:
    """What is wrong with the machine; empty where it is something else."""
    if error.errno not in _OF_THE_MACHINE:
        return ""
    where = error.filename or f"this machine (temporary files go to {tempfile.gettempdir()})"
    return f"error: {where}: {os.strerror(error.errno)}; mend it, then give the same command"


def _bug(error: Exception) -> str:
    sentence = f"error: nightscribe failed in a way that nobody foresaw ({type(error).__name__})"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="nightscribe-error-", suffix=".txt", delete=False
        ) as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return f"{sentence}; please report it"
    return f"{sentence}; please report it with {file.name}"
