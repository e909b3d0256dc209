"""A recording's alignment as a page shows it: scored tokens with original spelling and times.

Everything is kept in columns, and a token is made when it is walked: a report holds the alignments
of all its recordings.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import TYPE_CHECKING, Any, Literal

from batch.report.words import TimedWord, TimedWords, known, numbers
from training.scoring import (
    UNIT,
    Aligner,
    Steps,
    TracedTokens,
    WrittenErrors,
    align,
    align_traced,
    raw_tokens,
    written_errors,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from training.scoring import Normalizer

Kind = Literal["S", "D", "I"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownToken:
    """A scored token: as scored, as written, and when it was said (None where not known).

    It was made from the written words ``first`` to ``last`` of its text, counted from 0.
    """

    text: str
    written: str
    start: float | None = None
    end: float | None = None
    first: int = 0
    last: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownTokens:
    """Tokens in columns; ``respelled`` has the spellings that the normaliser changed, by place.

    ``starts`` and ``ends`` are seconds, NaN where not known; they are empty for a reference.
    """

    texts: tuple[str, ...] = ()
    respelled: Mapping[int, str] = field(default_factory=dict)
    first: Sequence[int] = ()
    last: Sequence[int] = ()
    starts: array[float] = field(default_factory=numbers)
    ends: array[float] = field(default_factory=numbers)

    def __reduce__(self) -> tuple[Any, ...]:
        columns = (self.respelled, self.first, self.last, self.starts, self.ends)
        return _restored, (" ".join(self.texts), *columns)

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[ShownToken]:
        return map(self.token, range(len(self)))

    def token(self, at: int) -> ShownToken:
        """The token at a place."""
        return ShownToken(
            text=self.texts[at],
            written=self.written(at),
            start=self.start(at),
            end=self.end(at),
            first=self.first[at],
            last=self.last[at],
        )

    def written(self, at: int) -> str:
        """A token as it was written."""
        return self.respelled.get(at, self.texts[at])

    def start(self, at: int) -> float | None:
        """When a token begins, in seconds."""
        return known(self.starts[at]) if self.starts else None

    def end(self, at: int) -> float | None:
        """When a token ends, in seconds."""
        return known(self.ends[at]) if self.ends else None


def _restored(texts: str, respelled: Mapping[int, str], *columns: Any) -> ShownTokens:
    """Tokens from another process: equal ones are one string, however many recordings have them."""
    first, last, starts, ends = columns
    return ShownTokens(
        texts=tuple(map(intern, texts.split())),
        respelled=respelled,
        first=first,
        last=last,
        starts=starts,
        ends=ends,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignedRecording:
    """Both sides of one recording and the steps between them.

    ``confidences`` are those of the written words of the hypothesis, NaN where not known;
    ``written`` the errors between the texts as written, each formatting or recognition.
    """

    reference: ShownTokens
    hypothesis: ShownTokens
    steps: Steps
    confidences: array[float] = field(default_factory=numbers)
    written: WrittenErrors = field(default_factory=WrittenErrors)

    def confidence(self, at: int) -> float | None:
        """The lowest confidence of the words behind the token of the hypothesis at a place."""
        heard = self.hypothesis
        behind = self.confidences[heard.first[at] : heard.last[at] + 1]
        return min((one for one in map(known, behind) if one is not None), default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class WordError:
    """One substitution, deletion or insertion, with seconds where the words have times.

    The times of a deletion are those of the gap that it left: from the end of the word before
    to the start of the word after.
    """

    kind: Kind
    reference_word: str | None
    hypothesis_word: str | None
    start: float | None
    end: float | None


def align_recording(
    reference: str,
    hypothesis: str,
    words: Iterable[TimedWord],
    normalizer: Normalizer,
    aligner: Aligner = UNIT,
) -> AlignedRecording:
    """Align the normalised texts as the scores do, with spelling and times beside the tokens."""
    said, written = raw_tokens(reference), raw_tokens(hypothesis)
    timed_words = TimedWords.of(words)
    places = word_places(written, timed_words.texts)
    found = align_traced(said, written, normalizer, aligner)
    starts, ends, confidences = (
        _taken(column, places)
        for column in (timed_words.starts, timed_words.ends, timed_words.confidences)
    )
    return AlignedRecording(
        reference=_shown(said, found.reference),
        hypothesis=_shown(written, found.hypothesis, (starts, ends)),
        steps=found.ops,
        confidences=confidences,
        written=written_errors(said, written, found, normalizer, aligner),
    )


def word_places(written: Sequence[str], timed: Sequence[str]) -> Sequence[int | None]:
    """For each word of a text which timed word it comes from, None where they disagree."""
    if timed == written:
        return range(len(written))
    parts = [(part, at) for at, word in enumerate(timed) for part in raw_tokens(word)]
    found: list[int | None] = [None] * len(written)
    for step in align([part for part, _ in parts], written).ops:
        if step.op == "hit" and step.ref_index is not None and step.hyp_index is not None:
            found[step.hyp_index] = parts[step.ref_index][1]
    return found


def word_errors(aligned: AlignedRecording) -> Iterator[WordError]:
    """The errors of one recording, in the order of the alignment."""
    said, heard = aligned.reference.texts, aligned.hypothesis
    for letter, ref, hyp in aligned.steps.errors():
        if letter == "D":
            before = heard.end(hyp - 1) if hyp else None
            after = heard.start(hyp) if hyp < len(heard) else None
            yield _error("D", said[ref], None, before, after)
        else:
            kind: Kind = "I" if letter == "I" else "S"
            reference = None if letter == "I" else said[ref]
            yield _error(kind, reference, heard.texts[hyp], heard.start(hyp), heard.end(hyp))


def _error(
    kind: Kind,
    reference: str | None,
    hypothesis: str | None,
    start: float | None,
    end: float | None,
) -> WordError:
    return WordError(
        kind=kind,
        reference_word=reference,
        hypothesis_word=hypothesis,
        start=start,
        end=end,
    )


def _taken(column: array[float], places: Sequence[int | None]) -> array[float]:
    """The values of timed words for written ones."""
    if isinstance(places, range):
        return column
    return numbers(None if at is None else column[at] for at in places)


def _shown(
    written: tuple[str, ...],
    traced: TracedTokens,
    times: tuple[array[float], array[float]] | None = None,
) -> ShownTokens:
    one_to_one = len(traced) == len(written) and isinstance(traced.first, range)
    starts, ends = times or (numbers(), numbers())
    if times and not one_to_one:
        starts = array("d", [starts[at] for at in traced.first])
        ends = array("d", [ends[at] for at in traced.last])
    return ShownTokens(
        texts=traced.texts,
        respelled={} if traced.texts == written else dict(_respelled(written, traced)),
        first=traced.first,
        last=traced.last,
        starts=starts,
        ends=ends,
    )


def _respelled(written: Sequence[str], traced: TracedTokens) -> Iterator[tuple[int, str]]:
    columns = zip(traced.texts, traced.first, traced.last, strict=True)
    for at, (text, first, last) in enumerate(columns):
        spelling = written[first] if first == last else " ".join(written[first : last + 1])
        if spelling != text:
            yield at, spelling
