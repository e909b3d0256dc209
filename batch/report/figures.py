"""How the page writes times, differences and links."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from batch.report.model import ScoredRecording

# What encodeURIComponent leaves as it is (ECMA-262, section 19.2.6.5).
_UNESCAPED = "-_.!~*'()"


def clock(seconds: float | None) -> str:
    """A place in a recording, 4:07 or 1:02:09; a dash for none."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def points(rate: float | None) -> str:
    """A difference of rates in percentage points, with its sign; a dash for none."""
    if rate is None:
        return "–"
    text = f"{100 * rate:+.2f}"
    return "0.00" if float(text) == 0 else text.replace("-", "\u2212")


def deep_link(row: ScoredRecording, word: int, side: str = "hyp") -> str:
    """The fragment by which the page opens a recording at a word, as report.js makes it.

    ``word`` is a place among the tokens of the hypothesis, or of the reference (``side="ref"``).
    """
    channel = "" if row.channel is None else f":{row.channel}"
    place = f"{'r' if side == 'ref' else ''}{word}"
    return f"#r={quote(row.id, safe=_UNESCAPED, errors='replace')}{channel}&w={place}"
