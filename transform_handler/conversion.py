"""What a bundle's card says of a network that was converted, and of what ``fast`` costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from transform_handler.engine.converted import Form

AnyForm = Form | Literal["half"]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The sound by which 8-bit ranges were found; ``sha256`` is that of its 16 kHz samples."""

    source: str
    utterances: int
    seconds: float
    sha256: str


@dataclass(frozen=True, kw_only=True)
class PrecisionCheck:
    """``fast`` against ``exact`` on labelled speech that neither was trained on.

    Rates are shares of ``words`` reference words. ``delta`` is WER(fast) − WER(exact), ``low`` and
    ``high`` its interval at ``level`` by the paired bootstrap over ``blocks`` (``unit``: what was
    drawn). ``problem`` says why the check refuses, None if it does not; ``accepted``: the user
    takes the bundle all the same.
    """

    problem: str | None
    accepted: bool
    labels: str | None
    words: int
    utterances: int
    seconds: float
    limit: float
    exact_wer: float | None = None
    fast_wer: float | None = None
    delta: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    blocks: int = 0
    unit: str | None = None


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """How the network was converted, for which devices, with which tools, and how it was checked.

    ``half`` is no other network: GPUs read the weights in float16, or bfloat16 if that overflows.
    ``form`` is None where the model cannot be converted and its weights run as they are; ``note``
    says why.
    """

    form: AnyForm | None
    devices: tuple[str, ...]
    tools: Mapping[str, str]
    note: str | None = None
    calibration: Calibration | None = None
    check: PrecisionCheck | None = None

    def as_json(self) -> dict[str, Any]:
        """The record as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``as_json`` gave.

        Raises:
            TypeError: keys that are not known.
            KeyError: keys that are missing.
        """
        calibration, check = data["calibration"], data["check"]
        return cls(
            **{
                **data,
                "devices": tuple(data["devices"]),
                "calibration": calibration and Calibration(**calibration),
                "check": check and PrecisionCheck(**check),
            }
        )
