"""The process in which a large report's pairs are scored: chunks in, counts and alignments out."""

from __future__ import annotations

import pickle
import signal
import sys

from batch.report.scoring import Worker


def main() -> None:
    """Score what comes until nothing does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    said, heard = sys.stdin.buffer, sys.stdout.buffer
    try:
        worker = Worker(*pickle.load(said))  # noqa: S301 (from our own parent)
        while True:
            pickle.dump(worker.scored(pickle.load(said)), heard, pickle.HIGHEST_PROTOCOL)  # noqa: S301
            heard.flush()
    except (EOFError, BrokenPipeError, pickle.UnpicklingError):
        pass  # the parent is done, or gone


if __name__ == "__main__":
    main()
