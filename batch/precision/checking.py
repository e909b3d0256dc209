"""Whether ``fast`` may stand in for ``exact``: decided on labels, not on trust.

The difference of the two word error rates is bounded by the paired block bootstrap
(``training.scoring.bootstrap``). Upper bound over ``LIMIT``: refused. Fewer than ``LEAST_WORDS``:
refused, because nothing is known. Were no word in n different, up to 3/n of them could still be at
95 % (the rule of three, Hanley & Lippman-Hand 1983), so at 1,500 words the limit cannot be shown to
hold at all; at 2,000 it can, if no more than about one word in 500 changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.errors import InputError
from transform_handler.conversion import PrecisionCheck

if TYPE_CHECKING:
    from training.evaluating.scores import Evaluation
    from training.scoring.bootstrap import Difference

LIMIT = 0.002
"""What the upper bound of WER(fast) − WER(exact) may be: 0.2 points."""
LEAST_WORDS = 2000
_UNKNOWN = "no labelled speech is named by which it could be checked"


def unchecked() -> PrecisionCheck:
    """The outcome where there are no labels."""
    return PrecisionCheck(
        problem=_UNKNOWN,
        accepted=False,
        labels=None,
        words=0,
        utterances=0,
        seconds=0.0,
        limit=LIMIT,
    )


def checked(exact: Evaluation, fast: Evaluation, *, labels: str) -> PrecisionCheck:
    """The outcome on labels (``labels`` is their digest) that both have transcribed."""
    difference = fast.difference_to(exact) if exact.utterances and fast.utterances else None
    words = exact.total.normalized.reference_words
    problem = _problem(difference, words)
    return PrecisionCheck(
        problem=problem,
        accepted=False,
        labels=labels,
        words=words,
        utterances=len(exact.utterances),
        seconds=round(exact.seconds, 2),
        limit=LIMIT,
        exact_wer=exact.total.normalized.rate,
        fast_wer=fast.total.normalized.rate,
        delta=difference.delta if difference else None,
        low=difference.low if difference else None,
        high=difference.high if difference else None,
        level=difference.level if difference else None,
        blocks=difference.blocks if difference else 0,
        unit=exact.unit,
    )


def refusal(model: str, check: PrecisionCheck) -> InputError:
    """The one sentence that a person gets."""
    return InputError(
        f'[model] precision "fast" is refused for {model}: {check.problem}; set precision = '
        '"exact", or name more labelled speech that the model was not trained on in [model] '
        "held_out, or take it as it is with [model] accept = true"
    )


def _problem(difference: Difference | None, words: int) -> str | None:
    if difference is None or difference.delta is None:
        return "none of the labelled speech in held_out could be transcribed"
    found = _found(difference, words)
    if words < LEAST_WORDS:
        return f"{found}, and {LEAST_WORDS} words are the least that can tell"
    if difference.high is None:
        return f"{found}: all of one block, which says nothing of others"
    if difference.high > LIMIT:
        return f"{found}, and at most {_points(LIMIT)} are taken at its upper end"
    return None


def _found(difference: Difference, words: int) -> str:
    low, high = difference.low, difference.high
    delta = difference.delta or 0.0
    interval = ""
    if low is not None and high is not None:
        interval = f" (95 % interval {100 * low:+.2f} to {100 * high:+.2f})"
    return f"its WER differs from exact by {_points(delta)}{interval} on {words} words"


def _points(share: float) -> str:
    return f"{100 * share:+.2f} points"
