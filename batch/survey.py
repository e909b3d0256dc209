"""What there is, and what a run would take on: the archive beside the ledger. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from batch.account.regions import check_regions
from batch.bundles import Bundle, configured_bundle
from batch.config import Config
from batch.durations import DurationModel
from batch.forgotten import forgotten_ids
from batch.ledger import Ledger, read_ledger
from batch.moves import Move, found_again
from batch.scored_by import configured_verdicts
from batch.selection import Selection, Settings, select
from manifests.errors import InputError
from manifests.listing import inventoried, list_archive
from manifests.matching import Matching
from manifests.metadata import load_metadata
from manifests.parallel import in_order
from manifests.recordings import Recording, list_recordings, recording_of
from manifests.reference_forms import load_references
from manifests.references import match_references
from manifests.storage import Store, StoredObject

# More are looked at by the handler: what is gone or has changed becomes a row that says so.
MOST_LOOKED_AT = 20_000


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What there is, and what a run would take on."""

    recordings: list[Recording]
    bundle: Bundle
    meta: Mapping[str, Mapping[str, str]]
    durations: DurationModel
    ledger: Ledger
    found: tuple[Move, ...]
    """Recordings that the ledger knows under a path which is gone."""
    settings: Settings
    settled_by: datetime | None
    forgotten: frozenset[str]
    on_model_change: Literal["new-only", "all"]

    @cached_property
    def selection(self) -> Selection:
        """What a run takes on."""
        return select(
            [one for one in self.recordings if one.id not in self.carried],
            self.ledger,
            self.settings,
            on_model_change=self.on_model_change,
            settled_by=self.settled_by,
            forgotten=self.forgotten,
        )

    @cached_property
    def carried(self) -> dict[str, Mapping[str, str]]:
        """The metadata of moved recordings that keep their transcript, by id."""
        ours = (self.settings.channels, self.settings.model_digest, self.settings.decode_digest)
        return {
            move.recording.id: self.meta.get(move.recording.path, {})
            for move in self.found
            if self.on_model_change == "new-only" or move.before.made_with == ours
        }

    def carrying(self, ids: frozenset[str]) -> Survey:
        """With no other recordings that keep the transcript of an older path."""
        return replace(self, found=tuple(m for m in self.found if m.recording.id in ids))

    @cached_property
    def gone(self) -> int:
        """Recordings that have a result, and are not listed any more; those moved are not gone."""
        return self.ledger.unlisted([one.id for one in self.recordings]) - len(self.found)

    @property
    def reasons(self) -> dict[str, int]:
        """How many recordings for each reason."""
        moved = {"moved": len(self.carried)} if self.carried else {}
        return {**self.selection.reasons, **moved}

    def what_stays(self) -> Iterator[str]:
        """A sentence for each kind of recording that a person may have expected to be taken on."""
        if self.selection.waiting:
            yield (
                f"{self.selection.waiting} recordings keep the transcript of another model or "
                'setting; [run] on_model_change = "all" would transcribe them again'
            )
        if self.selection.settling:
            yield (
                f"{self.selection.settling} recordings are younger than [archive] settle_minutes; "
                "the next run takes them"
            )
        if self.selection.failed:
            yield f"{self.selection.failed} recordings keep their error row"

    def seconds(self, recording: Recording) -> float:
        """Predicted length."""
        return self.durations.predict(recording.path, recording.size)

    @property
    def audio_seconds(self) -> float:
        """Predicted sound of all that would be transcribed."""
        return sum(self.seconds(chosen.recording) for chosen in self.selection.chosen)


@dataclass(frozen=True, kw_only=True)
class Surveyor:
    """Surveys an archive; ``warn`` gets a sentence that a person should know.

    ``step`` gets a line before each step of a model's conversion.
    """

    config: Config
    archive: Store
    output: Store
    warn: Callable[[str], None]
    step: Callable[[str], None]

    def survey(self, *, dry: bool) -> Survey:
        """Look at everything; a ``dry`` one writes nothing at all.

        Raises:
            InputError: nothing to transcribe, or references that match no recording.
        """
        recordings = self._recordings()
        self._check_regions()
        paths = [recording.path for recording in recordings]
        self._check_references(paths)
        configured_verdicts(self.config)
        location = self.config.archive.metadata
        meta = load_metadata(location, paths) if location else Matching()
        self._tell("metadata", meta)
        self._check_meeting(meta.by_path)
        bundle = configured_bundle(self.config, self.output, dry=dry, tell=self.step)
        ledger = read_ledger(self.output)
        forgotten = forgotten_ids(self.output)
        survey = Survey(
            recordings=recordings,
            bundle=bundle,
            meta=meta.by_path,
            durations=DurationModel.fit(*map(ledger.column, ("path", "size", "duration"))),
            ledger=ledger,
            found=found_again(
                [one for one in recordings if one.id not in forgotten], ledger, self.archive
            ),
            settings=Settings(
                channels=self.config.archive.channels,
                model_digest=bundle.model_digest,
                decode_digest=bundle.decode_digest,
            ),
            settled_by=settled_by(self.config),
            forgotten=forgotten,
            on_model_change=self.config.run.on_model_change,
        )
        return self._looked_at(survey) if self.config.archive.inventory else survey

    def _entries(self) -> Iterable[StoredObject]:
        section = self.config.archive
        if section.inventory is None:
            return list_archive(self.archive)
        if section.recent is None:
            raise InputError(
                "[archive] recent is missing: an inventory lags, and what came since is listed by "
                'the beginning of a path on its day, such as recent = "%Y/%m/%d/"'
            )
        now = datetime.now(UTC)
        return inventoried(self.archive, section.inventory, section.recent, now=now)

    def _looked_at(self, survey: Survey) -> Survey:
        """What a run would take on, as it is now: an inventory is a day old."""
        chosen = [one.recording.path for one in survey.selection.chosen]
        if len(chosen) > MOST_LOOKED_AT:
            return survey
        now = dict(zip(chosen, in_order(self.archive.stat, chosen), strict=True))
        recordings = [one for one in survey.recordings if one.path not in now]
        # A listing knows no versions; a result by version would be another one each night.
        found = (
            recording_of(self.archive, replace(one, version=None)) for one in now.values() if one
        )
        recordings = sorted((*recordings, *found), key=lambda one: one.path)
        return replace(survey, recordings=recordings)

    def _recordings(self) -> list[Recording]:
        section = self.config.archive
        found = [
            recording
            for recording in list_recordings(
                self.archive,
                include=section.include,
                exclude=section.exclude,
                entries=self._entries(),
            )
            # An output below the archive holds sound too: staged labels, clips.
            if not recording.uri.startswith(self.output.uri)
        ]
        if not found and not any(True for _ in self.archive.list()):
            raise InputError(f"[archive] uri {section.uri!r}: there is nothing there")
        if not found:
            raise InputError(
                f"[archive] uri {section.uri!r}: no recording there matches "
                f"{', '.join(section.include)}; check the place and [archive] include"
            )
        return found

    def _check_regions(self) -> None:
        if self.config.platform.name == "sagemaker" and self.config.sagemaker is not None:
            places = {"[archive] uri": self.archive.uri, "[output] uri": self.output.uri}
            check_regions(places, self.config.sagemaker.region)

    def _check_meeting(self, meta: Mapping[str, Mapping[str, str]]) -> None:
        name = self.config.report.meeting
        columns = {column for one in meta.values() for column in one}
        if name is not None and name not in columns:
            known = f"it has {', '.join(sorted(columns))}" if columns else "there is none"
            raise InputError(
                f"[report] meeting {name!r}: no column of that name in [archive] metadata; {known}"
            )

    def _check_references(self, paths: list[str]) -> None:
        if self.config.references is None:
            return
        section = self.config.references
        references = load_references(section.uri, scored=section.scored)
        matching = match_references(references, paths)
        if not matching.by_path:
            named = ", ".join(repr(one.recording) for one in references[:3])
            raise InputError(
                f"[references] uri {self.config.references.uri!r}: none of the "
                f"{len(references)} references matches a recording (they name {named}; the "
                f"archive has {', '.join(map(repr, paths[:3]))})"
            )
        self._tell("references", matching)

    def _tell(self, what: str, matching: Matching[Any]) -> None:
        for name, candidates in matching.ambiguous.items():
            fits = ", ".join(candidates[:4])
            self.warn(f"{what}: {name!r} fits several recordings ({fits}); left out")
        if matching.unmatched:
            named = ", ".join(map(repr, matching.unmatched[:3]))
            self.warn(
                f"{what}: {len(matching.unmatched)} name no recording of the archive ({named})"
            )


def settled_by(config: Config) -> datetime | None:
    """What came later may still be written to; None where nothing waits."""
    minutes = config.archive.settle_minutes
    return datetime.now(UTC) - timedelta(minutes=minutes) if minutes else None
