"""The golden set: fixed recordings with references, transcribed once for each model and setting.

Nights share no recordings, so two nights cannot be compared; the golden set can. It is an archive
of its own with an output of its own below ``golden/``: one for each set, model digest and decode
digest. What is planned, transcribed, collected and scored there is so by the same steps as any run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from batch.comparison.sides import Side
from batch.config import (
    ArchiveSection,
    Config,
    DecodeSection,
    ModelSection,
    OutputSection,
    ReferencesSection,
    ReportSection,
    RunSection,
)
from batch.layout import GOLDEN, RunKeys
from batch.ledger import Result, read_ledger
from batch.selection import MAX_ATTEMPTS
from manifests.errors import InputError
from manifests.hashing import sha256_of
from manifests.json_files import json_file
from manifests.storage import Store, open_store, parent_store
from transform_handler.records import ErrorKind

if TYPE_CHECKING:
    from batch.bundles import Bundle
    from batch.comparison.comparison import Comparison

MARK = "golden.json"
_REFERENCES = tuple(f"references.{kind}" for kind in ("tsv", "csv", "jsonl", "stm"))
_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class GoldenSet:
    """The set under one model and setting; ``config`` is that of a run over it."""

    config: Config
    output: Store
    state: str
    """Digest of all that the scores rest on besides the model: recordings, references, rules."""

    @classmethod
    def of(cls, config: Config, bundle: Bundle) -> GoldenSet | None:
        """The set of ``[report] golden``; None where there is none.

        Raises:
            InputError: there is nothing in it.
            StoreError: it cannot be read.
        """
        if config.report.golden is None:
            return None
        recordings = open_store(config.report.golden)
        if _root(config).startswith(recordings.uri):
            raise InputError(
                f"[report] golden {recordings.uri!r}: the results of the set would lie in the set; "
                "give it, or [output], a folder of its own"
            )
        references = config.report.golden_references or _references_in(recordings)
        place = _folder(config, bundle.model_digest, bundle.decode_digest)
        return cls(
            config=_config(config, bundle, references, place),
            output=open_store(place),
            state=_state(config, recordings, references),
        )

    def is_done(self) -> bool:
        """Whether the set was transcribed and scored as it is now."""
        mark = _mark(self.output)
        return mark is not None and mark["state"] == self.state

    def done(self, run_id: str) -> None:
        """Note that run ``run_id`` of the set's output holds the scores, if nothing is left to try.

        A recording that may do in the next run is transcribed then, and only then is the set done.
        """
        if any(_may_do(one) for one in read_ledger(self.output).values()):
            return
        earlier = _mark(self.output)
        content = {
            "run_id": run_id,
            "state": self.state,
            "first_at": earlier["first_at"] if earlier else _now(),
        }
        self.output.put(MARK, json_file(content))

    def before(self) -> GoldenSet | None:
        """The set under the model that was new before this one; None where none was."""
        output = _before(self.output)
        if output is None:
            return None
        section = OutputSection(uri=output.uri)
        config = self.config.model_copy(update={"output": section})
        return replace(self, config=config, output=output)


def _may_do(one: Result) -> bool:
    if one.error_kind is None:
        return False
    return not ErrorKind(one.error_kind).final and one.attempts < MAX_ATTEMPTS


def on_golden_set(config: Config, a: Side, b: Side) -> tuple[Side, Side] | None:
    """The two sides on the golden set; None where it says nothing about them.

    It says nothing where there is none, where both sides are of one model and setting, or where
    one of them was never run on it.
    """
    digests = [(side.summary["model"]["digest"], side.summary["decode_digest"]) for side in (a, b)]
    if config.report.golden is None or digests[0] == digests[1]:
        return None
    found = [_side(open_store(_folder(config, *both))) for both in digests]
    return (found[0], found[1]) if found[0] is not None and found[1] is not None else None


def against_the_last(config: Config, model_digest: str, decode_digest: str) -> Comparison | None:
    """A model on the golden set against the one that was new before it; None where none was."""
    from batch.comparison.comparison import compare  # noqa: PLC0415 - it needs pandas

    if config.report.golden is None:
        return None
    own = open_store(_folder(config, model_digest, decode_digest))
    earlier = _before(own)
    before, after = _side(earlier) if earlier is not None else None, _side(own)
    if before is None or after is None:
        return None
    return compare(before, after, threshold=config.report.threshold)


def _before(output: Store) -> Store | None:
    """The output of the model or setting that was first done on the set before this one's."""
    own = _mark(output)
    if own is None:
        return None
    root = open_store(output.uri.rstrip("/").rpartition("/")[0])
    earlier = []
    for entry in root.list():
        folder, _, name = entry.key.partition("/")
        if name == MARK:
            mark = json.loads(root.read(entry.key))
            if mark["first_at"] < own["first_at"]:
                earlier.append((mark["first_at"], root.uri_of(f"{folder}/")))
    return open_store(max(earlier)[1]) if earlier else None


def _side(output: Store) -> Side | None:
    mark = _mark(output)
    if mark is None:
        return None
    folder = open_store(output.uri_of(RunKeys(run_id=mark["run_id"]).reports))
    return Side.read(folder, named="[report] golden")


def _mark(output: Store) -> dict[str, Any] | None:
    if output.stat(MARK) is None:
        return None
    found: dict[str, Any] = json.loads(output.read(MARK))
    return found


def _root(config: Config) -> str:
    """Where the set's outputs are; another set has another place."""
    assert config.report.golden is not None
    name = sha256_of(open_store(config.report.golden).uri.encode())[:_DIGITS]
    return open_store(config.output.uri).uri_of(f"{GOLDEN}/{name}/")


def _folder(config: Config, model_digest: str, decode_digest: str) -> str:
    return f"{_root(config)}{model_digest[:_DIGITS]}-{decode_digest[:_DIGITS]}/"


def _config(config: Config, bundle: Bundle, references: str, output: str) -> Config:
    section = config.report
    archive = ArchiveSection(
        **{
            **config.archive.model_dump(),
            "uri": section.golden,
            "metadata": section.golden_metadata,
        }
    )
    meeting = section.meeting if section.golden_metadata else None
    return config.model_copy(
        update={
            "archive": archive,
            "references": ReferencesSection(uri=references),
            # The bundle brings its decoding, and was checked when it was made.
            "model": ModelSection(
                uri=bundle.uri, precision=config.model.precision, accept=config.model.accept
            ),
            "decode": DecodeSection(),
            "output": OutputSection(uri=output),
            "run": RunSection(on_model_change="all"),
            "report": ReportSection(meeting=meeting),
        }
    )


def _references_in(recordings: Store) -> str:
    """A file of references at the set's top; else the texts beside the recordings."""
    found = (name for name in _REFERENCES if recordings.stat(name) is not None)
    name = next(found, None)
    return recordings.uri if name is None else recordings.uri_of(name)


def _state(config: Config, recordings: Store, references: str) -> str:
    listing = _listing(recordings)
    if not listing:
        raise InputError(f"[report] golden {recordings.uri!r}: there is nothing there")
    section = config.report
    normalizer = config.scoring.rules.normalizer_for(config.archive.language)
    rules = [normalizer.name, config.scoring.aligner, str(section.meeting)]
    for place in (references, section.golden_metadata):
        listing += _version(place) if place else [""]
    return sha256_of("\n".join([*listing, *rules]).encode("utf-8", "backslashreplace"))[:_DIGITS]


def _listing(store: Store) -> list[str]:
    return [f"{one.key}\t{one.etag}\t{one.size}" for one in store.list()]


def _version(place: str) -> list[str]:
    """What changes when a file, or anything in a folder, does."""
    store, name = parent_store(place)
    entry = store.stat(name) if name else None
    return _listing(open_store(place)) if entry is None else [f"{place}\t{entry.etag}"]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
