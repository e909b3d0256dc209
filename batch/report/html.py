"""The report as one HTML page: no network, no server, every string escaped."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from batch.report.breakdown import confusions, spread
from batch.report.confidence import LEAST_WORDS
from batch.report.figures import clock, deep_link, points
from batch.report.lines import left_out_text, orc_text
from batch.report.meetings import INTERVAL_RULE
from batch.report.model import EDITED_RULE, UNSCORED_RULE
from batch.report.payload import MAX_RECORDINGS, payload
from batch.report.tables import costs_of, storable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batch.report.model import Report
    from batch.report.places import Clip

_SCRIPTS = ("page", "alignment", "sound", "verdicts", "review", "detail", "list", "rows", "report")
_STYLES = ("report", "recordings", "figures")
_TOP_WORDS = 20
_TOP_PLACES = 15
_MAX_LISTED = 500


def render(report: Report, clips: Sequence[Clip] = ()) -> str:
    """The page of a run: coverage, WER, recordings worst first, alignments, slices, words.

    One self-contained document that opens from a file; ``clips`` are short sounds that lie beside
    it. Text from the archive and the model is
    escaped wherever it stands, and a content security policy lets no script run but the page's
    own, known by its hash (W3C CSP 3, section 8.3).

    Raises:
        ValueError: this installation lacks the normaliser that the run was scored with.
    """
    confused = {kind: confusions(report, kind, top=_TOP_WORDS) for kind in ("S", "D", "I")}
    columns = [table.column for table in report.slices]
    several = report.several_speakers
    style, script = (
        "".join(_asset(f"{name}.css") for name in _STYLES),
        "".join(_asset(f"{name}.js") for name in _SCRIPTS),
    )
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            facts=report.facts,
            coverage=report.coverage,
            confused=confused,
            spread=spread(report),
            payload=Markup(payload(report, confused, columns, clips)),  # noqa: S704
            style=Markup(style),  # noqa: S704 (the page's own files)
            script=Markup(script),  # noqa: S704
            policy=_policy(style, script),
            unscored_rule=UNSCORED_RULE,
            edited_rule=EDITED_RULE,
            not_counted=left_out_text(asdict(report.left_out)),
            orc=several and orc_text(several.as_json()),
            interval_rule=INTERVAL_RULE,
            costs=costs_of(report.facts),
            max_listed=_MAX_LISTED,
            top_places=_TOP_PLACES,
            least_words=LEAST_WORDS,
            left_out=max(0, len(report.recordings) - MAX_RECORDINGS),
        )
    )
    return storable(page) or ""


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("batch.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "points": points,
        "count": count,
        "counted": counted,
        "spoken": spoken,
        "utc": utc,
        "clock": clock,
        "deep_link": deep_link,
    }
    return environment


def _asset(name: str) -> str:
    return files("batch.report").joinpath("templates", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "media-src 'self' file: http: https: data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def percent(rate: float | None, digits: int = 1) -> str:
    """A rate as per cent, with a narrow no-break space; a dash for none."""
    return "–" if rate is None else f"{rate * 100:.{digits}f}\u202f%"


def count(number: int) -> str:
    """A count with narrow spaces between thousands."""
    return f"{number:,}".replace(",", "\u202f").replace("-", "\u2212")


def counted(number: int, noun: str) -> str:
    """A count with its noun: 1 error, 2 errors."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def utc(moment: str) -> str:
    """An ISO 8601 moment to the minute, in UTC; anything else as it stands."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return moment


def spoken(seconds: float | None) -> str:
    """A length of sound as a person says it: 42 s, 7 min, 3 h 05 min; a dash for none."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
