"""WER after adjudication: a reviewer's verdicts applied to the counts.

One rule for every error that is accepted, or whose reference is wrong: the reference is read as
if it said there what the transcript says. A substitution becomes a correct word, a deleted word
leaves the reference, an inserted one joins it. Each costs exactly one error less, as a new
alignment would find: k edits of the reference move an edit distance by at most k.

A recording that is excluded, or whose reference is wrong as a whole, leaves the figure; where the
reviewer wrote down what was really said, it is scored against that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batch.report.verdict_file import JudgedError, Verdict, Verdicts
from training.scoring import ErrorCounts, score_pair, sum_counts

if TYPE_CHECKING:
    from batch.report.alignment import AlignedRecording
    from batch.report.model import Report, ScoredRecording

Place = tuple[str, int, int]
"""Kind, position and nth of an error, as in ``JudgedError``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reviewer:
    """Who gave verdicts, how many of those that counted, and when the last of them."""

    name: str
    verdicts: int
    last: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Adjudication:
    """The normalised word counts after the verdicts, and what the verdicts did.

    ``rescored`` recordings were scored against a mended reference, ``left_out`` are not in
    ``counts``. ``not_found`` are verdicts about what this run does not have: another recording,
    another word there, or no error any more.
    """

    verdicts: Verdicts
    counts: ErrorCounts
    recordings: int
    accepted: int
    rescored: tuple[str, ...]
    left_out: tuple[str, ...]
    not_found: tuple[Verdict, ...]
    reviewers: tuple[Reviewer, ...]


def adjudicate(report: Report, verdicts: Verdicts) -> Adjudication:
    """Apply verdicts to the counts of a report.

    Raises:
        ValueError: this installation lacks the normaliser that the run was scored with.
    """
    given: defaultdict[tuple[str, int | None], list[Verdict]] = defaultdict(list)
    for verdict in verdicts.entries:
        given[verdict.recording, verdict.channel].append(verdict)
    judged = [
        _judged(report, index, given.pop((row.id, row.channel), ()))
        for index, row in enumerate(report.recordings)
        if row.scored
    ]
    applied = [verdict for one in judged for verdict in one.applied]
    elsewhere = [verdict for entries in given.values() for verdict in entries]
    return Adjudication(
        verdicts=verdicts,
        counts=sum_counts(one.counts for one in judged if one.counts is not None),
        recordings=sum(one.counts is not None for one in judged),
        accepted=sum(verdict.error is not None for verdict in applied),
        rescored=tuple(one.path for one in judged if one.rescored),
        left_out=tuple(one.path for one in judged if one.counts is None),
        not_found=tuple(verdict for one in judged for verdict in one.stale) + tuple(elsewhere),
        reviewers=_reviewers(applied),
    )


def adjudicated_summary(adjudication: Adjudication) -> dict[str, Any]:
    """The figures as JSON-able data: both sides of every rate are counts."""
    verdicts = adjudication.verdicts
    return {
        "wer": adjudication.counts.as_json(),
        "recordings": adjudication.recordings,
        "accepted_errors": adjudication.accepted,
        "rescored": list(adjudication.rescored),
        "left_out": list(adjudication.left_out),
        "not_found": [entry.as_json() for entry in adjudication.not_found],
        "reviewers": [
            {"name": one.name, "verdicts": one.verdicts, "last": one.last}
            for one in adjudication.reviewers
        ],
        "verdicts": {
            "run_id": verdicts.run_id,
            **{
                name.replace("-", "_"): sum(entry.verdict == name for entry in verdicts.entries)
                for name in ("acceptable", "reference-wrong", "excluded")
            },
        },
    }


def adjudicated_lines(figures: Mapping[str, Any]) -> list[str]:
    """What a terminal shows; ``figures`` are those of ``adjudicated_summary``."""
    wer = figures["wer"]
    rate = "none" if wer["rate"] is None else f"{wer['rate']:.2%}"
    lines = [
        (
            f"WER adjudicated {rate}  (S {wer['substitutions']}, D {wer['deletions']}, "
            f"I {wer['insertions']}, N {wer['reference']} words)"
        ),
        (
            f"verdicts        {figures['accepted_errors']} errors accepted, "
            f"{len(figures['rescored'])} references mended, "
            f"{len(figures['left_out'])} recordings left out"
            f"{_by(figures['reviewers'])}"
        ),
    ]
    if figures["not_found"]:
        lines.append(
            f"verdicts        {len(figures['not_found'])} are about what this run does not have: "
            "they stand in summary.json under adjudicated.not_found"
        )
    return lines


def _by(reviewers: Sequence[Mapping[str, Any]]) -> str:
    if not reviewers:
        return ""
    last = max(one["last"] for one in reviewers)
    return f"; by {', '.join(one['name'] for one in reviewers)}, last on {last[:10]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Judged:
    """One recording after its verdicts; no counts where it left the figure."""

    path: str
    counts: ErrorCounts | None
    applied: tuple[Verdict, ...] = ()
    stale: tuple[Verdict, ...] = ()
    rescored: bool = False


def _judged(report: Report, index: int, given: Iterable[Verdict]) -> _Judged:
    row, entries = report.recordings[index], list(given)
    whole = [entry for entry in entries if entry.error is None]
    if whole:
        mended = whole[0].reference
        if whole[0].verdict == "excluded" or mended is None:
            return _Judged(path=row.path, counts=None, applied=tuple(whole))
        counts = _against(report, row, mended)
        return _Judged(path=row.path, counts=counts, applied=tuple(whole), rescored=True)
    aligned = report.alignments[index]
    assert aligned is not None
    here = set(_errors(aligned)) if entries else set()
    applied = tuple(entry for entry in entries if _key(entry.error) in here)
    kinds: Counter[str] = Counter(entry.error.kind for entry in applied if entry.error)
    return _Judged(
        path=row.path,
        counts=_less(row.normalized, kinds),
        applied=applied,
        stale=tuple(entry for entry in entries if entry not in applied),
    )


def _against(report: Report, row: ScoredRecording, reference: str) -> ErrorCounts:
    facts = report.facts
    return score_pair(
        reference, row.hypothesis or "", facts.rule, aligner=facts.alignment_rule
    ).normalized


def _less(counts: ErrorCounts, accepted: Counter[str]) -> ErrorCounts:
    """The counts with the reference read as the transcript at the accepted errors."""
    return ErrorCounts(
        hits=counts.hits + accepted["S"] + accepted["I"],
        substitutions=counts.substitutions - accepted["S"],
        deletions=counts.deletions - accepted["D"],
        insertions=counts.insertions - accepted["I"],
    )


def _key(error: JudgedError | None) -> tuple[Place, tuple[str | None, str | None]]:
    assert error is not None
    return (error.kind, error.position, error.nth), (error.reference_word, error.hypothesis_word)


def _errors(
    aligned: AlignedRecording,
) -> Iterator[tuple[Place, tuple[str | None, str | None]]]:
    """Each error's place and its two words, as the page names them."""
    said, heard = aligned.reference.texts, aligned.hypothesis.texts
    inserted: Counter[int] = Counter()
    for letter, ref, hyp in aligned.steps.errors():
        if letter == "I":
            yield ("I", ref, inserted[ref]), (None, heard[hyp])
            inserted[ref] += 1
        else:
            yield (letter, ref, 0), (said[ref], None if letter == "D" else heard[hyp])


def _reviewers(applied: Iterable[Verdict]) -> tuple[Reviewer, ...]:
    found: defaultdict[str, list[Verdict]] = defaultdict(list)
    for entry in applied:
        found[entry.by].append(entry)
    return tuple(
        Reviewer(
            name=name,
            verdicts=len(entries),
            last=max(entry.given_at for entry in entries).isoformat().replace("+00:00", "Z"),
        )
        for name, entries in sorted(found.items())
    )
