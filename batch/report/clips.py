"""Short Opus sounds of the worst places, beside the page: a mailed folder can be listened to.

Sound is read by the decoding child, as the handler reads it. A report never fails for want of
sound: what cannot be read, or not in time, has no clip.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from batch.report.places import CLIPS, Clip, Place
from manifests.errors import NightscribeError
from manifests.parallel import in_order, put_all, read_ahead
from manifests.storage import Store
from transform_handler.audio.decoder_process import DecoderProcess, SoundRequest
from transform_handler.audio.layout import SAMPLE_RATE
from transform_handler.records import RecordingError

INDEX = "index.json"
BUDGET_SECONDS = 120.0
"""All clips of a report together; the worst places come first."""
STALL_SECONDS = 20.0
PEAKS_PER_SECOND = 12
_LEVELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

Samples = npt.NDArray[np.float32]


def write_clips(
    store: Store,
    folder: str,
    places: Sequence[Place],
    *,
    earlier: str | None = None,
    budget: float = BUDGET_SECONDS,
    now: Callable[[], float] = time.monotonic,
) -> tuple[Clip, ...]:
    """Write the clips of ``places`` below ``folder``; those that are there already stay.

    What is there and no longer wanted is removed. ``earlier`` is the folder of a report whose clips
    are copied where they are of the same places. ``budget`` is in seconds of ``now``.
    """
    below = f"{folder}{CLIPS}/"
    there = {entry.key for entry in store.list(below)}
    ready = _copied(store, earlier, below, places, there) | _kept(store, below, there)
    ends = now() + budget
    with DecoderProcess(stall_seconds=min(STALL_SECONDS, budget)) as decoder:
        sounds = (
            (place, _heard(decoder, place, lambda: now() < ends))
            for place in places
            if place.name not in ready and now() < ends
        )
        # Opus takes longer than reading: it is made on several cores, while the next is read.
        for clip in in_order(lambda heard: _written(store, below, *heard), sounds):
            if clip is not None:
                ready[clip.name] = clip
    clips = [ready[place.name] for place in places if place.name in ready]
    _tidy(store, below, clips, there)
    return tuple(clips)


def peaks_of(samples: Samples) -> str:
    """The loudest sample of each twelfth of a second, 0 to 63 for silence to full scale."""
    steps = max(1, round(len(samples) / SAMPLE_RATE * PEAKS_PER_SECOND))
    loudest = [float(np.abs(part).max(initial=0.0)) for part in np.array_split(samples, steps)]
    # A square root lifts quiet speech out of the ground line, as a decibel scale would.
    return "".join(_LEVELS[round(63 * min(1.0, peak) ** 0.5)] for peak in loudest)


def _heard(decoder: DecoderProcess, place: Place, in_time: Callable[[], bool]) -> Samples | None:
    """A place's sound, shape (n_samples,), 16 kHz; None where it cannot be read in time."""
    request = SoundRequest(
        uri=place.uri,
        etag=None,
        mode="mix" if place.channel is None else "split",
        offset=place.start,
        duration=place.end - place.start,
    )
    try:
        with decoder.open(request) as sound:
            blocks = []
            for block in sound.blocks:
                if not in_time():
                    return None
                blocks.append(block[:, place.channel or 0])
    except (RecordingError, NightscribeError, OSError, IndexError):
        return None
    return np.concatenate(blocks) if blocks else None


def _written(store: Store, below: str, place: Place, samples: Samples | None) -> Clip | None:
    if samples is None or not len(samples):
        return None
    # Opus clips what is louder than full scale.
    loud = max(1.0, float(np.abs(samples).max()))
    store.put(below + place.name, opus(samples / np.float32(loud)))
    return Clip(
        name=place.name,
        recording=place.recording,
        channel=place.channel,
        start=place.start,
        end=place.start + round(len(samples) / SAMPLE_RATE, 3),
        peaks=peaks_of(samples),
    )


def opus(samples: Samples) -> bytes:
    """Ogg Opus (RFC 7845) of 16 kHz sound, shape (n_samples,)."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="OGG", subtype="OPUS")
    return file.getvalue()


def _kept(store: Store, below: str, there: Container[str]) -> dict[str, Clip]:
    """The clips that a report wrote, by name."""
    if store.stat(below + INDEX) is None:
        return {}
    try:
        content: dict[str, Any] = json.loads(store.read(below + INDEX))
        clips = [Clip(**entry) for entry in content["clips"]]
        return {clip.name: clip for clip in clips if below + clip.name in there}
    except (ValueError, TypeError, KeyError):
        return {}


def _copied(
    store: Store, earlier: str | None, below: str, places: Iterable[Place], there: Container[str]
) -> dict[str, Clip]:
    """Clips that an earlier report has of the same places, put beside this one."""
    if earlier is None:
        return {}
    source = f"{earlier}{CLIPS}/"
    known = _kept(store, source, {entry.key for entry in store.list(source)})
    wanted = [place.name for place in places if below + place.name not in there]
    names = [name for name in wanted if name in known]
    put_all(
        store,
        zip(
            (below + name for name in names),
            read_ahead(store, (source + name for name in names)),
            strict=True,
        ),
    )
    return {name: known[name] for name in names}


def _tidy(store: Store, below: str, clips: Iterable[Clip], there: Iterable[str]) -> None:
    wanted = {below + clip.name: clip for clip in clips}
    for key in _unwanted(there, wanted, below):
        store.delete(key)
    if wanted:
        content = {"clips": [asdict(clip) for clip in wanted.values()]}
        store.put(below + INDEX, (json.dumps(content) + "\n").encode())


def _unwanted(there: Iterable[str], wanted: Mapping[str, Clip], below: str) -> Iterator[str]:
    index = below + INDEX
    yield from (key for key in there if key not in wanted and (key != index or not wanted))
