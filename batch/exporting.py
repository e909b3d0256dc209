"""A run's transcripts as files, one for each recording, channel and format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from batch.exports import FORMATS, Format, export, safe_name
from batch.plan import read_plan
from batch.reading import run_transcripts
from manifests.errors import InputError
from manifests.local_store import LocalStore
from manifests.storage import Store


def parse_formats(text: str) -> list[Format]:
    """Formats from a comma-separated list.

    Raises:
        InputError: one that is not known.
    """
    chosen: list[Format] = []
    for name in text.split(","):
        known = next((one for one in FORMATS if one == name.strip().lower()), None)
        if known is None:
            raise InputError(f"--to {text!r}: {name!r} is not one of {', '.join(FORMATS)}")
        chosen.append(known)
    return chosen


def export_run(
    output: Store, run_id: str, formats: Sequence[Format], folder: Path
) -> tuple[int, list[tuple[str, str]]]:
    """Write the files; returns how many, and the recordings without a text with the reason."""
    target = LocalStore(folder)
    written, skipped = 0, []
    for transcript in run_transcripts(output, read_plan(output, run_id)):
        if transcript.problem is not None:
            skipped.append((transcript.path, transcript.problem))
        channel = "" if transcript.channel is None else f".channel-{transcript.channel}"
        for to in formats:
            content = export(transcript, to)
            if content:
                target.put(f"{safe_name(transcript.path)}{channel}.{to}", content.encode())
                written += 1
    return written, skipped
