"""How a recording is cut for a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WindowLayout:
    """The rule by which windows lie on a recording, for a model with ``hop`` samples a frame.

    Borders are nominally ``step_seconds`` apart; each moves to the quietest place within
    ``reach_seconds``. A window hears ``context_seconds`` more on each side than it keeps.
    """

    hop: int
    step_seconds: float
    context_seconds: float
    reach_seconds: float
    shortest_seconds: float = 0.1
