"""What scores depend on besides the transcripts: when it changes, the archive is scored again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple

from batch.config import Config
from batch.report.verdict_file import Verdicts, read_verdicts
from manifests.reference_forms import load_references


def scored_by(config: Config) -> str:
    """A hash of the references' content, the rules of scoring, and the verdicts that are applied.

    The rules by their names too, which have versions: another version of nightscribe may have
    others, and runs that were scored by different ones cannot be compared.

    Raises:
        InputError: one of the files cannot be read.
    """
    verdicts = configured_verdicts(config)
    content = {
        "references": _references(config),
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


def _rules(config: Config) -> tuple[str, str]:
    rules = config.scoring.rules
    return rules.normalizer_for(config.archive.language).name, rules.aligner.name


def _references(config: Config) -> list[tuple[object, ...]] | None:
    if config.references is None:
        return None
    found = load_references(config.references.uri, scored=config.references.scored)
    spoken = (
        (one.recording, one.text, one.channel, one.unscored, tuple(map(astuple, one.utterances)))
        for one in found
    )
    return sorted(spoken, key=repr)
