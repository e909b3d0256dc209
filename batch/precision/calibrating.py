"""The sound by which 8-bit ranges are found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from batch.precision.converting import Sound
from manifests.errors import InputError, StoreError
from manifests.labels import LabelledUtterance
from manifests.local_store import uri_of_path
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.audio.reading import read_audio
from transform_handler.conversion import Calibration
from transform_handler.records import RecordingError

DEMO_SOUND = Path(__file__).parents[2] / "demo" / "finetune" / "sound"
_DEMO_UTTERANCES = 60
_LONGEST_SECONDS = 10.0
_SHORTEST_SECONDS = 0.5


def demo_speech() -> tuple[LabelledUtterance, ...]:
    """Synthesised speech that lies beside the project, for who has no labels.

    Raises:
        InputError: this installation has none.
    """
    files = sorted(DEMO_SOUND.glob("*.opus"))[:_DEMO_UTTERANCES]
    if not files:
        raise InputError(
            '[model] precision "fast" needs speech to find its ranges with, and this installation '
            "has no demo beside it: name labelled speech in [model] held_out"
        )
    return tuple(LabelledUtterance(audio=uri_of_path(path), text="") for path in files)


def calibration_sound(
    utterances: Sequence[LabelledUtterance], *, source: str
) -> tuple[list[Sound], Calibration]:
    """The first ten seconds of each utterance at 16 kHz, and what the card says of them.

    Raises:
        InputError: none of them can be read.
    """
    sounds = list(_readable(utterances))
    if not sounds:
        raise InputError(
            f"{source}: none of {len(utterances)} utterances for calibration can be read; "
            '[model] precision "fast" needs speech to find its ranges with'
        )
    whole = hashlib.sha256()
    for sound in sounds:
        whole.update(sound.tobytes())
    return sounds, Calibration(
        source=source,
        utterances=len(sounds),
        seconds=round(sum(map(len, sounds)) / SAMPLE_RATE, 2),
        sha256=whole.hexdigest(),
    )


def _readable(utterances: Sequence[LabelledUtterance]) -> Iterator[Sound]:
    for one in utterances:
        seconds = min(_LONGEST_SECONDS, one.duration or _LONGEST_SECONDS)
        try:
            with one.open() as file:
                sound = read_audio(file, offset=one.offset, duration=seconds, channel=one.channel)
        except (RecordingError, StoreError):
            continue
        if len(sound) >= _SHORTEST_SECONDS * SAMPLE_RATE:
            yield sound
