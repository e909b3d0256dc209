"""Labels in the forms that people keep them, read into one."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from manifests.errors import InputError, StoreError
from manifests.label_forms.common_voice import COMMON_VOICE
from manifests.label_forms.hub_datasets import read_dataset
from manifests.label_forms.kaldi import KALDI
from manifests.label_forms.lhotse import LHOTSE
from manifests.label_forms.librispeech import LIBRISPEECH
from manifests.label_forms.manifest import OWN_MANIFEST
from manifests.label_forms.place import LabelForm, Place, split_named
from manifests.label_forms.stm import STM
from manifests.label_forms.table import AUDIOFOLDER, TABLE
from manifests.label_forms.texts import TEXTS
from manifests.labels import LabelledUtterance, checked

FORMS = (
    OWN_MANIFEST,
    LHOTSE,
    KALDI,
    AUDIOFOLDER,
    LIBRISPEECH,
    COMMON_VOICE,
    STM,
    TABLE,
    TEXTS,
)
_DATASET = "dataset"


def load_labels(location: str) -> list[LabelledUtterance]:
    """The labelled utterances of a file or a folder, whatever form it has.

    ``location`` is a path, a ``file://`` or an ``s3://`` URI, or ``dataset:NAME[/CONFIG]#SPLIT``.
    The form is found by looking; ``kaldi:PATH`` says which it is. A recording that is not there
    is still an utterance: a data check reports it with the others. A ``split`` that is called dev
    or train-clean-100, say, comes as ``validation`` or ``train``.

    Raises:
        InputError: naming the file, the line, what was found and what is expected.
    """
    name, rest = _form_named(location)
    try:
        if name == _DATASET:
            found = read_dataset(rest)
        else:
            place = Place.at(rest)
            form = _FORM_BY_NAME[name] if name else _form_of(place)
            found = form.read(place)
    except StoreError as error:
        raise InputError(f"labels: {error}") from error
    if not found:
        raise InputError(f"labels: {location}: no labelled utterance found in it")
    return [_with_split(checked(one)) for one in found]


def _with_split(one: LabelledUtterance) -> LabelledUtterance:
    known = split_named(one.split) if one.split else None
    return one if known in (None, one.split) else replace(one, split=known)


_FORM_BY_NAME = {form.name: form for form in FORMS}


def _form_named(location: str) -> tuple[str | None, str]:
    name, mark, rest = location.partition(":")
    if mark and (name in _FORM_BY_NAME or name == _DATASET):
        if not rest:
            raise InputError(f"labels: {location!r} names a form; a path is expected after it")
        return name, rest
    return None, location


def _form_of(place: Place) -> LabelForm:
    # A folder that has a manifest is settled: what else lies there may be where it came from.
    if OWN_MANIFEST.fits(place):
        return OWN_MANIFEST
    fitting = [form for form in FORMS if form.fits(place)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = [form.name for form in fitting]
        raise InputError(
            f"labels: {place.location} has labels in {len(names)} forms ({', '.join(names)}); "
            f"say which, as in {names[0]}:{place.location}"
        )
    raise InputError(f"labels: {place.location}: {_found(place)}; {_known()}")


def _found(place: Place) -> str:
    if place.file is not None:
        line = place.first_line(place.file)
        return f"its form is not known; its first line is {line[:60]!r}"
    top = sorted({key.partition("/")[0] for key in place.keys})
    more = f" and {len(top) - 5} more" if len(top) > 5 else ""
    return f"no labels found beside {', '.join(map(posixpath.basename, top[:5]))}{more}"


def _known() -> str:
    forms = "; ".join(f"{form.name} ({form.looks_like})" for form in FORMS)
    return f"known forms: {forms}; {_DATASET}:NAME#SPLIT (Hugging Face datasets)"
