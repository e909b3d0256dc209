"""What scores depend on besides the transcripts: when it changes, the archive is scored again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import astuple

from batch.config import Config
from batch.report.verdict_file import Verdicts, read_verdicts
from manifests.reference_forms import load_references
from manifests.references import Reference


def scored_by(config: Config, references: Iterable[Reference] | None = None) -> str:
    """A hash of the references' content, the rules of scoring, and the verdicts that are applied.

    ``references`` are those of the configuration, where they were read already. The rules count by
    their names too, which have versions: another version of nightscribe may have others, and runs
    that were scored by different ones cannot be compared.

    Raises:
        InputError: one of the files cannot be read.
    """
    verdicts = configured_verdicts(config)
    found = configured_references(config) if references is None else references
    content = {
        "references": None if config.references is None else _digest(found),
        "scoring": config.scoring.model_dump(),
        "rules": None if config.references is None else _rules(config),
        "language": config.archive.language,
        "meeting": config.report.meeting,
        "verdicts": [one.as_json() for one in verdicts.entries] if verdicts else None,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def configured_verdicts(config: Config) -> Verdicts | None:
    """The verdicts that ``[report] verdicts`` names."""
    return None if config.report.verdicts is None else read_verdicts(config.report.verdicts)


def configured_references(config: Config) -> list[Reference]:
    """The references that ``[references]`` names, none where there is no such section.

    Raises:
        InputError: they cannot be read.
    """
    section = config.references
    return [] if section is None else load_references(section.uri, scored=section.scored)


def _rules(config: Config) -> tuple[str, str]:
    rules = config.scoring.rules
    return rules.normalizer_for(config.archive.language).name, rules.aligner.name


def _digest(references: Iterable[Reference]) -> str:
    """A hash of all references, in whichever order they stand."""
    hashes = sorted(hashlib.sha256(_content(one)).digest() for one in references)
    return hashlib.sha256(b"".join(hashes)).hexdigest()


def _content(one: Reference) -> bytes:
    times = tuple(map(astuple, one.utterances))
    return json.dumps((one.recording, one.text, one.channel, one.unscored, times)).encode()
