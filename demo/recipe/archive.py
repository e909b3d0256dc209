"""The demo archive: meetings, their references, and the files that go wrong in every archive."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, replace
from itertools import cycle
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from demo.recipe.encode import encode, write
from demo.recipe.meetings import MEETINGS, Meeting
from demo.recipe.synthesise import SAMPLE_RATE, Delivery, speak_timed, varied
from demo.recipe.texts import SEED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from demo.recipe.synthesise import Sound
    from demo.recipe.timing import Word

SILENT = "2026-11-19/empty room.flac"
DAMAGED = "2026-11-17/damaged upload.flac"
_SILENT_SECONDS = 30
_SILENT_LEVEL = 10 ** (-84 / 20)
_LONG_PAUSE_SHARE = 0.06


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A sentence as it is said in a meeting; times in seconds."""

    speaker: int
    voice: str
    words: tuple[Word, ...]
    start: float
    sound: Sound


def write_archive(sentences: tuple[str, ...], folder: Path) -> None:
    """Write `archive/`, `references.tsv`, `meetings.csv` and `words.jsonl` under `folder`."""
    stream = iter(sentences)
    spoken: dict[str, list[Turn]] = {SILENT: []}
    for number, meeting in enumerate(MEETINGS):
        rng = Random(f"{SEED}:{meeting.path}")
        turns = list(_turns(meeting, stream, rng))
        sound = _recorded(meeting, turns, np.random.default_rng([SEED, number]))
        path = folder / "archive" / meeting.path
        write(path, sound, source_rate=SAMPLE_RATE, rate=meeting.rate, kind=meeting.kind)
        spoken[meeting.path] = turns
    _write_troublesome(folder / "archive")
    _write_references(spoken, folder / "references.tsv")
    _write_metadata(folder / "meetings.csv")
    _write_words(spoken, folder / "words.jsonl")


def _turns(meeting: Meeting, sentences: Iterator[str], rng: Random) -> Iterator[Turn]:
    """Speakers in turn, one to three sentences each, until the meeting is long enough."""
    speakers = [_delivery(voice, rng) for voice in meeting.voices]
    clock = rng.uniform(0.4, 1.2)
    order = cycle(meeting.turns or range(len(speakers)))
    while clock < meeting.seconds:
        speaker = next(order)
        for _ in range(rng.randint(1, 3)):
            delivery = speakers[speaker]
            speech = speak_timed(next(sentences), delivery)
            level = np.float32(10 ** (rng.uniform(-4, 2) / 20))
            yield Turn(
                speaker=speaker,
                voice=delivery.voice,
                words=tuple(_shifted(word, clock) for word in speech.words),
                start=clock,
                sound=speech.sound * level,
            )
            clock += len(speech.sound) / SAMPLE_RATE + rng.uniform(0.3, 0.9)
            if clock >= meeting.seconds:
                break
        clock += rng.uniform(2.5, 4) if rng.random() < _LONG_PAUSE_SHARE else rng.uniform(0, 0.6)


def _delivery(voice: str, rng: Random) -> Delivery:
    """A speaker keeps one delivery for the meeting; the held-out voice stays nearly itself."""
    return varied(voice, rng, size=0.0 if voice == "awb" else 0.04, range_=0.05)


def _shifted(word: Word, by: float) -> Word:
    return replace(word, start=word.start + by, end=word.end + by)


def _recorded(meeting: Meeting, turns: list[Turn], rng: np.random.Generator) -> Sound:
    """The room's sound, shape (n_samples,) or, for a stereo meeting, (n_samples, 2)."""
    end = turns[-1].start + len(turns[-1].sound) / SAMPLE_RATE + 0.8
    tracks = np.zeros((round(end * SAMPLE_RATE), 2 if meeting.stereo else 1), np.float32)
    for turn in turns:
        first = round(turn.start * SAMPLE_RATE)
        tracks[first : first + len(turn.sound), turn.speaker % tracks.shape[1]] += turn.sound
    power = float(np.mean(tracks[tracks != 0] ** 2))
    level = (power / 10 ** (meeting.noise_db / 10)) ** 0.5
    for channel in range(tracks.shape[1]):
        tracks[:, channel] += _room(len(tracks), rng) * np.float32(level)
    return np.clip(tracks if meeting.stereo else tracks[:, 0], -0.99, 0.99)


def _room(length: int, rng: np.random.Generator) -> Sound:
    """Room noise of unit power: mostly low, as ventilation is."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum /= np.maximum(np.arange(len(spectrum)) / len(spectrum), 0.01) ** 0.5
    noise = np.fft.irfft(spectrum, length)
    return (noise / noise.std()).astype(np.float32)


def _write_troublesome(folder: Path) -> None:
    rng = np.random.default_rng([SEED, 999])
    hiss = rng.standard_normal(_SILENT_SECONDS * SAMPLE_RATE) * _SILENT_LEVEL
    write(folder / SILENT, hiss, source_rate=SAMPLE_RATE, rate=SAMPLE_RATE, kind="flac")
    # The first bytes of a real file, then noise where its header should go on.
    whole = encode(rng.standard_normal(SAMPLE_RATE) * 0.1, SAMPLE_RATE, "flac")
    (folder / DAMAGED).write_bytes(whole[:6] + rng.bytes(12_000))


def _write_references(spoken: dict[str, list[Turn]], path: Path) -> None:
    rows = [
        f"{name}\t{' '.join(word.text for turn in turns for word in turn.words)}\n"
        for name, turns in sorted(spoken.items())
    ]
    path.write_text("".join(["recording\ttext\n", *rows]), "utf-8")


def _write_metadata(path: Path) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["recording", "team", "room", "date", "speakers", "speaker_voices"])
    rows = [
        [m.path, m.team, m.room, m.path[:10], len(m.voices), " ".join(sorted(set(m.voices)))]
        for m in MEETINGS
    ]
    rows += [
        [SILENT, "operations", "oslo", SILENT[:10], 0, ""],
        [DAMAGED, "engineering", "geneva", DAMAGED[:10], 2, "rms slt"],
    ]
    writer.writerows(sorted(rows, key=lambda row: str(row[0])))
    path.write_text(table.getvalue(), "utf-8")


def _write_words(spoken: dict[str, list[Turn]], path: Path) -> None:
    stereo = {meeting.path for meeting in MEETINGS if meeting.stereo}
    with path.open("w", encoding="utf-8") as file:
        for name, turns in sorted(spoken.items()):
            words = [
                {
                    **{k: round(v, 3) if k != "text" else v for k, v in asdict(word).items()},
                    "channel": turn.speaker % 2 if name in stereo else None,
                    "speaker": f"{turn.voice}-{turn.speaker}",
                }
                for turn in turns
                for word in turn.words
            ]
            file.write(json.dumps({"recording": name, "words": words}) + "\n")
