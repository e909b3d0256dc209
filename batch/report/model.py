"""What a report is made from: run facts, coverage and scored recordings, all of them plain values.

A *recording* here is one row of the transcripts: a recording, or one channel of it where the
archive is split. Corpus figures are sums of counts, never averages of rates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from batch.report.adjudication import Adjudication, adjudicate
from batch.report.alignment import AlignedRecording, align_recording
from batch.report.confidence import ConfidenceFigures, confidence_figures
from batch.report.error_places import ErrorPlaces, error_places
from batch.report.findings.joins import JoinGrid
from batch.report.meetings import corpus_interval
from batch.report.several_speakers import SeveralSpeakers, several_speakers
from batch.report.slices import SliceTable, slices_of
from batch.report.verdict_file import Verdicts
from batch.report.words import TimedWord
from training.scoring import (
    NO_RULES,
    NOTHING,
    Aligner,
    CustomRules,
    ErrorCounts,
    LeftOut,
    Normalizer,
    Unit,
    aligner_named,
    normalizer_named,
    sum_counts,
)
from training.scoring.bootstrap import Interval
from training.scoring.labels import Label

if TYPE_CHECKING:
    from batch.comparison.comparison import Comparison

Status = Literal["ok", "empty", "error", "missing"]
Channel = tuple[str, int | None]
"""Recording id and channel."""
UNSCORED_RULE = (
    "An empty transcript is scored, as deletions. A recording that ended in an error, or that has "
    "no transcript at all, is not in the WER: it stands in the coverage."
)

_EDITED_WORDS, _EDITED_SHARE = 50, 0.08
EDITED_RULE = (
    f"Of at least {_EDITED_WORDS} words, the model wrote {_EDITED_SHARE:.0%} more than the "
    "reference has, and made fewer other errors: the reference may leave out fillers, repetitions "
    "or asides."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sound:
    """What was measured of the sound, as ``docs/tables.md`` defines it; None where unknown."""

    level_dbfs: float | None = None
    clipped_share: float | None = None
    bandwidth_hertz: float | None = None
    snr_db: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredRecording:
    """One transcript beside its reference.

    ``reference`` is None where none was given, "" where the reference says that nobody speaks.
    ``hypothesis`` is None where there is no transcript. The counts stay zeros where ``scored`` is
    false. ``duration``, word times and ``unscored_seconds``, what the reference leaves out of
    scoring, are in seconds. ``overlap`` is the share of speech in which several speak, where the
    reference says who speaks when. ``calibrated`` says whether confidences are probabilities (None:
    not known), ``decode_digest`` how the recording was decoded.
    """

    id: str
    path: str
    channel: int | None = None
    status: Status
    error_kind: str | None = None
    error_message: str | None = None
    duration: float | None = None
    reference: str | None = None
    hypothesis: str | None = None
    raw: ErrorCounts = field(default_factory=ErrorCounts)
    normalized: ErrorCounts = field(default_factory=ErrorCounts)
    characters: ErrorCounts = field(default_factory=ErrorCounts)
    left_out: LeftOut = NOTHING
    confidence: float | None = None
    words: Sequence[TimedWord] = ()
    """Without them where the report has the recording's alignment, which holds their times."""
    run_id: str
    calibrated: bool | None = None
    decode_digest: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict)
    audio_href: str | None = None
    uri: str | None = None
    """Where the sound lies, for clips of it; never on the page."""
    previous: str | None = None
    """What an earlier run wrote, shown beside ``hypothesis``."""
    language: str | None = None
    sound: Sound = Sound()
    meeting_name: str | None = None
    unscored_seconds: float = 0.0
    overlap: float | None = None
    turns: tuple[int, ...] = ()
    """Of a mix whose reference names several speakers: the written words of each utterance."""

    @property
    def meeting(self) -> str:
        """The block that is drawn whole where an interval is made; the recording by default."""
        return self.meeting_name or self.id

    @property
    def looks_edited(self) -> bool:
        """Whether the reference seems to leave out what was said (``EDITED_RULE``)."""
        counts = self.normalized
        extra, other = counts.insertions, counts.substitutions + counts.deletions
        enough = counts.reference_words >= _EDITED_WORDS
        return enough and extra > other and extra >= _EDITED_SHARE * counts.reference_words

    @property
    def scored(self) -> bool:
        """Whether the counts are part of the WER (``UNSCORED_RULE``)."""
        return self.reference is not None and self.status in {"ok", "empty"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """How much of what should be scored was scored: the first line of any report.

    Of the ``recordings``, ``with_reference`` have one; of these, ``scored`` are in the WER (the
    ``empty`` ones among them), ``error`` and ``missing`` are not.
    """

    recordings: int
    with_reference: int
    scored: int
    empty: int
    error: int
    missing: int
    unscored_seconds: float = 0.0
    """Sound of scored recordings that their references leave out of scoring."""
    references_without_recording: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    """Paths of recordings whose reference seems to leave out what was said (``EDITED_RULE``)."""

    @classmethod
    def of(
        cls,
        recordings: Iterable[ScoredRecording],
        *,
        references_without_recording: Iterable[str] = (),
        ambiguous: Iterable[str] = (),
    ) -> Coverage:
        """Count the recordings; references that match none of them, or several, are named."""
        recordings = tuple(recordings)
        expected = Counter(row.status for row in recordings if row.reference is not None)
        return cls(
            recordings=len(recordings),
            with_reference=expected.total(),
            scored=expected["ok"] + expected["empty"],
            empty=expected["empty"],
            error=expected["error"],
            missing=expected["missing"],
            unscored_seconds=sum(row.unscored_seconds for row in recordings if row.scored),
            references_without_recording=tuple(references_without_recording),
            ambiguous=tuple(ambiguous),
            edited=tuple(row.path for row in recordings if row.scored and row.looks_edited),
        )

    @property
    def references(self) -> int:
        """Every reference that was given, matched or not."""
        return self.with_reference + len(self.references_without_recording) + len(self.ambiguous)

    @property
    def share(self) -> float | None:
        """Scored of all references, 0 to 1; None where there are no references."""
        return self.scored / self.references if self.references else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorRow:
    """A recording without a transcript: the kind of error and one sentence for a person."""

    path: str
    kind: str
    message: str


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """Where the transcripts come from and by which rules they were scored.

    ``dt`` is the night's date; ``started_at`` and ``finished_at`` are ISO 8601 in UTC;
    ``rtfx`` is seconds of audio for each second of work; ``statuses`` counts all rows of the run.
    ``normalizer`` and ``aligner`` are the names that the scoring modules give themselves,
    ``custom`` the project's own rules, without which the normaliser cannot be had again. ``joins``
    is where windows can join in recordings of this ``decode_digest``, None if not known.
    """

    run_id: str
    dt: str
    archive: str
    model_name: str
    model_digest: str
    decode_digest: str
    normalizer: str
    aligner: str
    custom: CustomRules = NO_RULES
    started_at: str
    finished_at: str
    audio_seconds: float
    rtfx: float | None = None
    statuses: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[ErrorRow, ...] = ()
    joins: JoinGrid | None = None

    @cached_property
    def rule(self) -> Normalizer:
        """The normaliser that the run was scored with.

        Raises:
            ValueError: this installation has no such rule.
        """
        return normalizer_named(self.normalizer, self.custom)

    @property
    def alignment_rule(self) -> Aligner:
        """The aligner that the run was scored with.

        Raises:
            ValueError: this installation has no such aligner.
        """
        return aligner_named(self.aligner)

    @property
    def unit(self) -> Unit:
        """What the headline rate counts: words, or characters in languages without spaces."""
        return self.rule.unit


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that the page, the tables and the summary are made from.

    ``second`` are another run's transcripts by id and channel, where there are any to compare.
    """

    facts: RunFacts
    coverage: Coverage
    recordings: tuple[ScoredRecording, ...]
    verdicts: Verdicts | None = None
    second: Mapping[Channel, str] | None = None
    golden: Comparison | None = None
    """The run's model on the golden set against the one before it."""
    aligned: Sequence[AlignedRecording | None] | None = field(default=None, repr=False)
    """The alignments of ``recordings``, where they were made with the counts."""
    scored_by: str = ""
    """What the scores depend on besides the transcripts (``batch/scored_by.py``)."""

    @cached_property
    def adjudication(self) -> Adjudication | None:
        """The figures after the verdicts, where there are some."""
        return None if self.verdicts is None else adjudicate(self, self.verdicts)

    @cached_property
    def scored(self) -> tuple[ScoredRecording, ...]:
        """The recordings in the WER."""
        return tuple(row for row in self.recordings if row.scored)

    @cached_property
    def raw(self) -> ErrorCounts:
        """Corpus word counts as written."""
        return sum_counts(row.raw for row in self.scored)

    @cached_property
    def normalized(self) -> ErrorCounts:
        """Corpus word counts after the normaliser."""
        return sum_counts(row.normalized for row in self.scored)

    @cached_property
    def interval(self) -> Interval:
        """Where the normalised WER lies, by a bootstrap over meetings."""
        return corpus_interval(self.scored)

    @cached_property
    def slices(self) -> tuple[SliceTable, ...]:
        """The scored recordings by the values of their columns."""
        return slices_of(self.scored)

    @cached_property
    def characters(self) -> ErrorCounts:
        """Corpus character counts after the normaliser."""
        return sum_counts(row.characters for row in self.scored)

    @cached_property
    def left_out(self) -> LeftOut:
        """What the references' marks keep out of the counts."""
        return sum((row.left_out for row in self.scored), start=NOTHING)

    @cached_property
    def written(self) -> Counter[Label]:
        """The errors between the texts as written, by what they are."""
        found: Counter[Label] = Counter()
        for aligned in filter(None, self.alignments):
            formatting = aligned.written.count("formatting")
            found["formatting"] += formatting
            found["recognition"] += len(aligned.written) - formatting
        return found

    @cached_property
    def alignments(self) -> Sequence[AlignedRecording | None]:
        """The alignment of each of ``recordings``; None for those not scored.

        Raises:
            ValueError: this installation lacks the normaliser that the run was scored with.
        """
        if self.aligned is not None:
            return self.aligned
        if not self.scored:
            return (None,) * len(self.recordings)
        normalizer, aligner = self.facts.rule, self.facts.alignment_rule
        return tuple(
            align_recording(
                row.reference or "", row.hypothesis or "", row.words, normalizer, aligner
            )
            if row.scored
            else None
            for row in self.recordings
        )

    @cached_property
    def several_speakers(self) -> SeveralSpeakers | None:
        """The mixes against several speakers, where there are any."""
        return several_speakers(self)

    @cached_property
    def confidence(self) -> ConfidenceFigures:
        """What the words' confidence is worth."""
        return confidence_figures(self)

    @cached_property
    def places(self) -> ErrorPlaces:
        """Where errors live."""
        return error_places(self)
