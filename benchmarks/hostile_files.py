"""Hostile files through the decoding child: how each kind ends, how long it takes, what it needs.

``python -m benchmarks.hostile_files`` makes the small ones, ``… large`` those of gigabytes and
hours. Printed by kind of file: how many, their ends, the slowest in seconds, and the most
resident memory of the child (MB) while one of them was decoded.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from manifests.local_store import uri_of_path
from tests.hostile.archive import hostile_files, write_good, write_hostile
from transform_handler.allowed import AllowedPrefixes
from transform_handler.audio.decoder_process import DecoderProcess, SoundRequest
from transform_handler.records import RecordingError


@dataclass(kw_only=True)
class Line:
    """A kind of file in the table."""

    ends: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    peak: float = 0.0


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as scratch, DecoderProcess() as decoder:
        home = Path(scratch)
        large = sys.argv[1:] == ["large"]
        files = [one for one in hostile_files(home / "outside", long=large) if one.large == large]
        folders = sorted({one.name.partition("/")[0] for one in files})
        write_good(home / "archive", folders)
        write_hostile(home / "archive", files)
        allowed = AllowedPrefixes(prefixes=(uri_of_path(home / "archive") + "/",))
        lines: dict[str, Line] = defaultdict(Line)
        for one in files:
            line, began = lines[one.group], time.monotonic()
            line.ends[_end(decoder, allowed, uri_of_path(home / "archive" / one.name))] += 1
            line.slowest = max(line.slowest, time.monotonic() - began)
            line.peak = max(line.peak, _peak(decoder))
    print("| kind | files | ends | slowest | most memory |\n|---|---|---|---|---|")
    for group, line in lines.items():
        ends = ", ".join(f"{count} {end}" for end, count in sorted(line.ends.items()))
        cost = f"{line.slowest:.1f} s | {line.peak:.0f} MB"
        print(f"| {group} | {line.ends.total()} | {ends} | {cost} |")


def _end(decoder: DecoderProcess, allowed: AllowedPrefixes, uri: str) -> str:
    request = SoundRequest(uri=uri, etag=None, mode="mix", offset=0.0, duration=None)
    try:
        allowed.check(uri)
        with decoder.open(request) as sound:
            samples = sum(map(len, sound.blocks))
    except RecordingError as error:
        return str(error.kind)
    return "sound" if samples else "no sample"


def _peak(decoder: DecoderProcess) -> float:
    """The child's peak since the last look (proc(5): VmHWM, clear_refs); 0 where it has died."""
    with suppress(OSError, AttributeError, StopIteration):
        folder = Path(f"/proc/{decoder._child.pid}")
        status = (folder / "status").read_text("ascii", "replace").splitlines()
        (folder / "clear_refs").write_text("5")
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
