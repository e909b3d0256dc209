"""lhotse manifests, ``.jsonl`` or ``.jsonl.gz``: recordings with supervisions, or cuts.

Fields as in lhotse's documentation (https://lhotse.readthedocs.io/en/latest/corpus.html).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from manifests.errors import InputError
from manifests.label_forms.lhotse_sound import LhotseRecording
from manifests.label_forms.place import LabelForm, Place, extension
from manifests.labels import LabelledUtterance

_MOST_SECONDS = 1e9
_EXPECTED = "a supervision with recording_id, start, duration and text is expected"


def _kind(place: Place, key: str) -> str | None:
    """``recordings``, ``supervisions`` or ``cuts``, by the first line."""
    if extension(key) != "jsonl":
        return None
    keys = place.first_object(key).keys()
    if "sources" in keys:
        return "recordings"
    if "supervisions" in keys or "tracks" in keys:
        return "cuts"
    return "supervisions" if {"recording_id", "start"} <= keys else None


def _files(place: Place) -> dict[str, str]:
    """Files of lhotse in the place itself, by key, with their kinds."""
    keys = place.named(lambda key: "/" not in key and extension(key) == "jsonl")
    kinds = {key: _kind(place, key) for key in keys}
    return {key: kind for key, kind in kinds.items() if kind is not None}


def _fits(place: Place) -> bool:
    return bool(_files(place))


def _read(place: Place) -> list[LabelledUtterance]:
    files = _files(place)
    if place.file is None:
        # Supervisions and cuts of one folder may be the same speech twice: which is for a person.
        labels = [key for key, kind in files.items() if kind != "recordings"]
        if len(labels) != 1:
            raise InputError(
                f"labels: {place.location}: lhotse files {', '.join(files) or '(none)'} found; "
                "expected one of supervisions (with its recordings) or one of cuts: name it"
            )
        key = labels[0]
    else:
        key = place.file
    kind = files.get(key)
    if kind == "cuts":
        return _from_cuts(place, key)
    if kind in ("supervisions", "recordings"):
        return _from_supervisions(place, *_pair(place, key, kind))
    raise InputError(f"{place.shown(key)}, line 1: no lhotse recording, supervision or cut found")


def _pair(place: Place, key: str, kind: str) -> tuple[str, str]:
    """The files of recordings and of supervisions, where one of them is known.

    lhotse calls them alike but for the word: ``ami_recordings_train`` for
    ``ami_supervisions_train``; a folder's only other one will do too.
    """
    other = "recordings" if kind == "supervisions" else "supervisions"
    alike = [name for ending in ("", ".gz") if (name := _renamed(key, kind, other, ending))]
    found = next((name for name in alike if name in place.keys), None)
    if found is None:
        others = [name for name in place.keys if "/" not in name and _kind(place, name) == other]
        if len(others) != 1:
            raise InputError(
                f"{place.shown(key)}: its {other} are not beside it: {len(others)} such files "
                f"found; expected {alike[0] if alike else f'one .jsonl file of {other}'}"
            )
        found = others[0]
    return (found, key) if kind == "supervisions" else (key, found)


def _renamed(key: str, kind: str, other: str, ending: str) -> str | None:
    name = posixpath.basename(key)
    return name.replace(kind, other).removesuffix(".gz") + ending if kind in name else None


def _from_supervisions(place: Place, recordings: str, supervisions: str) -> list[LabelledUtterance]:
    rows = list(place.objects(recordings))
    known = {one.id: one for one in LhotseRecording.read_all(rows, place.store)}
    return [
        _utterance(row, where, _recording(row, known, where, recordings), cut_start=0.0)
        for where, row in place.objects(supervisions)
    ]


def _recording(
    row: Mapping[str, Any], known: Mapping[str, LhotseRecording], where: str, file: str
) -> LhotseRecording:
    name = str(row.get("recording_id"))
    if name not in known:
        raise InputError(f"{where}: recording_id is {name!r}, which {file} does not have")
    return known[name]


def _from_cuts(place: Place, key: str) -> list[LabelledUtterance]:
    rows = list(place.objects(key))
    sounds = [(where, _cut_recording(row, where)) for where, row in rows]
    recordings = LhotseRecording.read_all(sounds, place.store)
    found = (
        one
        for (where, row), recording in zip(rows, recordings, strict=True)
        for one in _of_cut(row, where, recording)
    )
    # A supervision that two cuts overlap stands in both, and is one utterance.
    return list({replace(one, source=""): one for one in found}.values())


def _cut_recording(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    recording = row.get("recording")
    if "tracks" in row or not isinstance(recording, dict):
        raise InputError(
            f"{where}: cut {row.get('id')!r} ({row.get('type', 'no type')}) has no recording of "
            "its own; only plain cuts are read: write mixed and padded ones to sound first "
            "(lhotse's CutSet.save_audios)"
        )
    return recording


def _of_cut(
    row: Mapping[str, Any], where: str, recording: LhotseRecording
) -> Iterator[LabelledUtterance]:
    for supervision in row.get("supervisions") or ():
        if not isinstance(supervision, dict):
            raise InputError(f"{where}: found {supervision!r}; {_EXPECTED}")
        # A supervision's start counts from its cut's, and it may begin before the cut does.
        yield _utterance(supervision, where, recording, cut_start=_number(row, "start", where))


def _utterance(
    row: Mapping[str, Any], where: str, recording: LhotseRecording, *, cut_start: float
) -> LabelledUtterance:
    if not isinstance(row.get("text"), str):
        raise InputError(f"{where}: text is {row.get('text')!r}; {_EXPECTED}")
    sound = recording.channel(row.get("channel"), where)
    return LabelledUtterance(
        audio=sound.uri,
        text=row["text"],
        duration=_number(row, "duration", where),
        offset=round(cut_start + _number(row, "start", where), 6),
        channel=sound.channel,
        speaker=row.get("speaker") or None,
        recording=recording.id,
        language=row.get("language") or None,
        source=where,
    )


def _number(row: Mapping[str, Any], key: str, where: str) -> float:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: {key} is {value!r}; {_EXPECTED}")
    if not abs(value) < _MOST_SECONDS:
        raise InputError(f"{where}: {key} is {value:g}; seconds of a recording are expected")
    return float(value)


LHOTSE = LabelForm(
    name="lhotse",
    looks_like="lhotse's recordings and supervisions, or cuts, as .jsonl or .jsonl.gz",
    fits=_fits,
    read=_read,
)
