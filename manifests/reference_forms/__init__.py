"""References in the forms that people keep: one module a form, found by the file's extension.

TSV or CSV (recording, text), JSONL in NeMo's form, SegLST, STM, CTM, RTTM with words, WebVTT, SRT,
or a folder of texts and subtitles beside the recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from manifests.errors import InputError, ObjectNotFoundError, StoreError
from manifests.reference_forms.json_files import from_json
from manifests.reference_forms.nist import from_ctm, from_rttm, from_stm
from manifests.reference_forms.regions import scored_only
from manifests.reference_forms.subtitles import from_srt, from_webvtt
from manifests.reference_forms.tables import from_table
from manifests.references import Reference, twice
from manifests.storage import Store, open_store, parent_store
from manifests.tables import decode_utf8

ReadForm = Callable[[str, str], Iterator[Reference]]
"""From a file's text and its name."""

_FORMS: Mapping[str, ReadForm] = {
    "tsv": from_table,
    "csv": from_table,
    "jsonl": from_json,
    "json": from_json,
    "stm": from_stm,
    "ctm": from_ctm,
    "rttm": from_rttm,
    "vtt": from_webvtt,
    "srt": from_srt,
}
# In a folder these stand beside the recording whose name they have.
_BESIDE = frozenset({"vtt", "srt"})


def load_references(location: str, *, scored: str | None = None) -> list[Reference]:
    """Read references from a file's or a folder's URI or path.

    ``scored`` is a UEM file: what lies outside of its regions is not scored.

    Raises:
        InputError: naming the file, the line, what was found and what is expected; also where
            there is not a single reference.
    """
    found = _read(location)
    if not found:
        raise InputError(
            f"[references] uri {location!r}: no reference found there; a "
            f"{', '.join(f'.{kind}' for kind in _FORMS)} file, or a folder of .txt, .vtt or .srt "
            "files is expected"
        )
    if scored is None:
        return found
    text, name = _text(scored, "[references] scored")
    return scored_only(found, text, name)


def _read(location: str) -> list[Reference]:
    kind = _extension(location)
    if kind not in _FORMS:
        try:
            return list(_beside(open_store(location)))
        except StoreError as error:
            raise InputError(f"[references] uri {location!r}: {error}") from error
    text, name = _text(location, "[references] uri")
    return _unique(_FORMS[kind](text, name))


def _text(location: str, key: str) -> tuple[str, str]:
    store, name = parent_store(location)
    try:
        return decode_utf8(store.read(name), name=name), name
    except ObjectNotFoundError as error:
        raise InputError(f"references: {error}; check {key}") from error


def _beside(store: Store) -> Iterator[Reference]:
    for entry in store.list():
        kind = _extension(entry.key)
        if kind == "txt":
            text = decode_utf8(store.read(entry.key), name=entry.key)
            yield Reference(
                recording=entry.key[: -len(".txt")],
                text=" ".join(text.split()),
                source=entry.key,
            )
        elif kind in _BESIDE:
            yield from _FORMS[kind](decode_utf8(store.read(entry.key), name=entry.key), entry.key)


def _extension(location: str) -> str:
    return location.lower().rpartition(".")[2]


def _unique(found: Iterable[Reference]) -> list[Reference]:
    references: dict[tuple[str, int | None], Reference] = {}
    for reference in found:
        known = references.setdefault((reference.recording, reference.channel), reference)
        if known is not reference:
            raise twice(reference.recording, reference, known)
    return list(references.values())
