"""The archive of hostile files, with good recordings between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.conftest import speechlike, write_sound
from tests.hostile.damaged import joined_up, shot_through, truncated
from tests.hostile.disguised import other_files, other_names
from tests.hostile.hostile_file import HostileFile
from tests.hostile.large import large
from tests.hostile.lying_containers import lying_flacs, lying_mp3s, lying_mp4s, lying_oggs
from tests.hostile.lying_riff import lying_aiffs, lying_wavs
from tests.hostile.strange_places import no_files, strange_names
from tests.hostile.strange_samples import strange_samples

_SHARE = 3
_MAKERS = (
    truncated, shot_through, joined_up, other_files, other_names, lying_wavs, lying_aiffs,
    lying_flacs, lying_oggs, lying_mp3s, lying_mp4s, strange_samples, strange_names,
)  # fmt: skip


def hostile_files(outside: Path, *, long: bool = False) -> Iterator[HostileFile]:
    """Every hostile file, in a folder for each group, with names that no two share."""
    made = [one for maker in _MAKERS for one in maker()] + list(no_files(outside))
    for one in [*made, *(large() if long else ())]:
        if one.large and not long:
            continue
        yield replace(one, name=f"{one.group.replace(' ', '-')}/{one.name}")


def sampled(files: list[HostileFile], *, seed: int = 1) -> list[HostileFile]:
    """All that is no file, and every third of the others."""
    return [
        one
        for number, one in enumerate(files)
        if one.group == "no file" or number % _SHARE == seed % _SHARE
    ]


def write_hostile(archive: Path, files: list[HostileFile]) -> None:
    """Put them where they belong."""
    for one in files:
        path = archive / one.name
        path.parent.mkdir(parents=True, exist_ok=True)
        one.make(path)


def write_good(archive: Path, folders: list[str]) -> list[str]:
    """Good recordings, first and last in each folder; their paths."""
    names = [f"{folder}/{place}" for folder in folders for place in ("0-good-0.wav", "zz-good.wav")]
    for number, name in enumerate(names):
        write_sound(archive / name, speechlike(2 + number % 3, seed=number))
    return names
