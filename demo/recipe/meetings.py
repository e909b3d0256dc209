"""The recordings of the demo archive: who speaks, for how long, in what format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from demo.recipe.encode import Format


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """One recording to make; `seconds` is about how long it lasts."""

    path: str
    team: str
    room: str
    voices: tuple[str, ...]
    seconds: float
    kind: Format
    rate: int = 16_000
    turns: tuple[int, ...] = ()
    """Whose turn it is, as indices into `voices`, over and over; empty is one after the other."""
    stereo: bool = False
    """One speaker on each channel."""
    noise_db: float = 38.0
    """Signal-to-noise ratio of the room."""


MEETINGS = (
    Meeting(
        path="2026-11-17/andrew status update.ogg",
        team="logistics",
        room="remote",
        voices=("awb",),
        seconds=75,
        kind="vorbis",
    ),
    Meeting(
        path="2026-11-17/project kickoff.mp3",
        team="engineering",
        room="geneva",
        voices=("slt", "kal16", "rms"),
        seconds=80,
        kind="mp3",
        rate=44_100,
    ),
    Meeting(
        path="2026-11-18/support line 0412.wav",
        team="support",
        room="telephone",
        voices=("slt", "kal16"),
        seconds=55,
        kind="ulaw",
        rate=8_000,
    ),
    Meeting(
        path="2026-11-18/supplier call with andrew.opus",
        team="purchasing",
        room="remote",
        voices=("awb", "rms"),
        turns=(0, 0, 0, 1),
        seconds=80,
        kind="opus",
        noise_db=34,
    ),
    Meeting(
        path="2026-11-18/planning/week 47.wav",
        team="planning",
        room="oslo",
        voices=("rms", "slt"),
        seconds=14,
        kind="wav",
    ),
    Meeting(
        path="2026-11-19/customer interview.ogg",
        team="research",
        room="studio",
        voices=("slt", "rms"),
        seconds=70,
        kind="vorbis",
        stereo=True,
        noise_db=42,
    ),
    Meeting(
        path="2026-11-19/design review.opus",
        team="design",
        room="lisbon",
        voices=("kal16", "slt"),
        seconds=80,
        kind="opus",
    ),
    Meeting(
        path="2026-11-20/budget review.flac",
        team="finance",
        room="oslo",
        voices=("rms", "kal16"),
        seconds=35,
        kind="flac",
        noise_db=40,
    ),
    Meeting(
        path="2026-11-20/board/quarterly results.m4a",
        team="finance",
        room="boardroom",
        voices=("slt", "rms", "kal16"),
        seconds=90,
        kind="m4a",
        rate=44_100,
        noise_db=35,
    ),
    Meeting(
        path="2026-11-20/training plan (andrew).mp3",
        team="training",
        room="glasgow",
        voices=("awb",),
        seconds=75,
        kind="mp3",
        rate=32_000,
        noise_db=35,
    ),
    Meeting(
        path="2026-11-20/weekly all hands.opus",
        team="operations",
        room="geneva",
        voices=("slt", "rms", "kal16", "rms", "slt"),
        seconds=150,
        kind="opus",
        noise_db=34,
    ),
)
