"""Labelled speech that a model was not trained on: a part calibrates, the rest judges.

Who needs a candidate's answers to held-out speech when a bundle is made finds here the labels, the
candidate as a folder (``candidate``), and its transcripts with their counts (``transcribed``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from manifests.errors import InputError
from manifests.hashing import sha256_of
from manifests.label_forms import load_labels
from manifests.labels import LabelledUtterance
from manifests.scratch import scratch_folder
from transform_handler.identity import CARD_NAME, model_files

if TYPE_CHECKING:
    from training.evaluating.scores import Evaluation

CALIBRATION_SECONDS = 300.0
CALIBRATION_SHARE = 0.2
CHECK_SECONDS = 2 * 3600.0
"""More speech than this is not heard twice: two hours are about 18,000 words."""
_USUAL_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The speech that calibrates and the speech that judges; they have no utterance in common."""

    calibration: tuple[LabelledUtterance, ...]
    check: tuple[LabelledUtterance, ...]

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of the labels, wherever their folder is."""
        rows = [_identity(one) for one in (*self.calibration, *self.check)]
        return sha256_of("\n".join(sorted(rows)).encode("utf-8", "backslashreplace"))[:12]


def held_out(location: str) -> HeldOut:
    """Read labels of any form and split them; the same labels are split the same way everywhere.

    Raises:
        InputError: there are no such labels; the message names the key.
    """
    try:
        return split(load_labels(location))
    except InputError as error:
        raise InputError(f"[model] held_out: {error}") from error


def split(utterances: Iterable[LabelledUtterance]) -> HeldOut:
    """By a hash of each utterance: up to a fifth and five minutes to calibrate, the rest to judge.

    One stretch of sound that several people labelled is on one side only.
    """
    ordered = sorted(dict.fromkeys(utterances), key=_hash)
    most = int(len(ordered) * CALIBRATION_SHARE)
    calibration = _first(ordered[:most], CALIBRATION_SECONDS)
    heard = {(one.audio, one.offset) for one in calibration}
    rest = [one for one in ordered if (one.audio, one.offset) not in heard]
    return HeldOut(calibration=calibration, check=_first(rest, CHECK_SECONDS))


@contextmanager
def candidate(folder: Path, files: Mapping[str, Path | bytes]) -> Iterator[Path]:
    """A model folder as a bundle would hold it: its own files, and ``files`` by their names there.

    Nothing is copied; the folder goes when the block ends.
    """
    with scratch_folder("candidate") as scratch:
        own = {path.relative_to(folder).as_posix(): path for path in model_files(folder)}
        own.pop(CARD_NAME, None)
        for name, path in {**own, **files}.items():
            link = scratch / name
            link.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(path, bytes):
                link.write_bytes(path)
            else:
                link.symlink_to(path.resolve())
        yield scratch


def transcribed(
    folder: Path, utterances: Sequence[LabelledUtterance], *, name: str, device: str = "cpu"
) -> Evaluation:
    """What a candidate writes for labelled speech, by the handler's own path, with its counts.

    Raises:
        InputError: no CTC model lies in the folder.
    """
    from training.evaluating.evaluation import evaluate  # noqa: PLC0415

    return evaluate(folder, utterances, name=name, device=device)


def _first(
    utterances: Sequence[LabelledUtterance], seconds: float
) -> tuple[LabelledUtterance, ...]:
    chosen: list[LabelledUtterance] = []
    for one in utterances:
        if seconds <= 0:
            break
        chosen.append(one)
        seconds -= one.duration or _USUAL_SECONDS
    return tuple(chosen)


def _hash(one: LabelledUtterance) -> str:
    return sha256_of(_identity(one).encode("utf-8", "backslashreplace"))


def _identity(one: LabelledUtterance) -> str:
    return f"{one.key}\t{one.duration}\t{one.text}"
