"""LibriSpeech's layout (https://www.openslr.org/12): a ``*.trans.txt`` beside each chapter's sound.

``speaker/chapter/speaker-chapter.trans.txt`` has lines of ``speaker-chapter-utterance TEXT``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from manifests.errors import InputError
from manifests.label_forms.place import LabelForm, Place, split_named
from manifests.labels import LabelledUtterance
from manifests.matching import without_extension

_SUFFIX = ".trans.txt"
_NAME = re.compile(r"(?P<speaker>[^-]+)-(?P<chapter>[^-]+)-[^-]+")


def _is_transcript(key: str) -> bool:
    return key.lower().endswith(_SUFFIX)


def _fits(place: Place) -> bool:
    return bool(place.named(_is_transcript))


def _read(place: Place) -> list[LabelledUtterance]:
    keys = place.named(_is_transcript)
    if not keys:
        raise InputError(f"labels: {place.location}: no *{_SUFFIX} found in it or below")
    sounds = {without_extension(key): key for key in place.sounds}
    return place.with_sound([one for key in keys for one in _chapter(place, key, sounds)])


def _chapter(place: Place, key: str, sounds: dict[str, str]) -> Iterator[LabelledUtterance]:
    folder, file = posixpath.split(key)
    for where, line in place.lines(key):
        name, _, text = line.strip().partition(" ")
        path = posixpath.join(folder, name)
        known = _NAME.fullmatch(name)
        yield LabelledUtterance(
            audio=place.store.uri_of(sounds.get(path, path + ".flac")),
            text=text.strip(),
            speaker=known["speaker"] if known else None,
            recording=f"{known['speaker']}-{known['chapter']}" if known else file[: -len(_SUFFIX)],
            split=split_named(folder.partition("/")[0]),
            source=where,
        )


LIBRISPEECH = LabelForm(
    name="librispeech",
    looks_like="*.trans.txt beside the sound of each chapter",
    fits=_fits,
    read=_read,
)
