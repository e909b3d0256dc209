"""What the data check found: what is kept, what is not and why, and whether it is enough."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from manifests.labels import write_labels
from training.checks.faults import Fault, Kind

if TYPE_CHECKING:
    from manifests.labels import LabelledUtterance

MAX_SHARE = 0.1
_SHOWN = 120


@dataclass(frozen=True, kw_only=True)
class Quarantined:
    """An utterance that is left out, as it was labelled, and all that is wrong with it."""

    split: str
    utterance: LabelledUtterance
    faults: tuple[Fault, ...]


@dataclass(frozen=True, kw_only=True)
class DataCheck:
    """The outcome of ``check_labels``."""

    kept: Mapping[str, list[LabelledUtterance]]
    """By split, with cleaned texts and measured durations."""
    faults: tuple[Fault, ...]
    """In the order of the labels; warnings among them."""
    quarantined: tuple[Quarantined, ...]

    @cached_property
    def checked(self) -> Mapping[str, int]:
        """Utterances of each split before the check."""
        left_out = Counter(one.split for one in self.quarantined)
        return {split: len(kept) + left_out[split] for split, kept in self.kept.items()}

    @property
    def hours(self) -> Mapping[str, float]:
        """Hours of kept sound, by split."""
        return {
            split: sum(one.duration or 0.0 for one in kept) / 3600
            for split, kept in self.kept.items()
        }

    @property
    def speakers(self) -> Mapping[str, int]:
        """Speakers that the kept labels name, by split."""
        return {
            split: len({one.speaker for one in kept} - {None}) for split, kept in self.kept.items()
        }

    def refused(self, max_share: float = MAX_SHARE) -> str | None:
        """Why the data is not fit to be trained on, and what to do; None where it is.

        A split is refused where more than `max_share` of its utterances are quarantined, or all.
        """
        for split, checked in self.checked.items():
            bad = checked - len(self.kept[split])
            if checked and (bad > max_share * checked or bad == checked):
                return self._refusal(split, bad, checked, max_share)
        return None

    def _refusal(self, split: str, bad: int, checked: int, max_share: float) -> str:
        kinds = Counter(
            kind
            for one in self.quarantined
            if one.split == split
            for kind in {fault.kind for fault in one.faults if fault.quarantined}
        )
        worst = ", ".join(f"{kind} {n}" for kind, n in _most_common(kinds)[:3])
        return (
            f"{split}: {bad} of {checked} utterances ({bad / checked:.1%}) cannot be used; the "
            f"limit is {max_share:.1%}. Most: {worst}. Mend the labels in the quarantine list, "
            "change the text rules or the check's limits, or raise the limit"
        )

    def by_kind(self) -> Mapping[Kind, list[Fault]]:
        """The faults of each kind that was found, the most frequent first."""
        counts = Counter(fault.kind for fault in self.faults)
        return {
            kind: [fault for fault in self.faults if fault.kind is kind]
            for kind, _ in _most_common(counts)
        }

    def as_json(self) -> dict[str, Any]:
        """The figures for machines; no transcripts."""
        hours, speakers = self.hours, self.speakers
        return {
            "splits": {
                split: {
                    "utterances": checked,
                    "kept": len(self.kept[split]),
                    "hours": round(hours[split], 4),
                    "speakers": speakers[split],
                }
                for split, checked in self.checked.items()
            },
            "faults": {
                str(kind): {
                    "count": len(faults),
                    "quarantined": sum(fault.quarantined for fault in faults),
                    "splits": dict(Counter(fault.split for fault in faults)),
                    "example": _plain(faults[0]),
                }
                for kind, faults in self.by_kind().items()
            },
        }

    def lines(self) -> list[str]:
        """A table for the terminal: the splits, then each kind with its count and one example."""
        hours, speakers = self.hours, self.speakers
        table = [
            f"{split:<12}{len(self.kept[split]):>8} of {checked} utterances kept, "
            f"{_length(hours[split])}, {_speakers(speakers[split])}"
            for split, checked in self.checked.items()
        ]
        for title, quarantined in (("quarantined", True), ("warnings", False)):
            rows = [
                _row(kind, chosen)
                for kind, faults in self.by_kind().items()
                if (chosen := [one for one in faults if one.quarantined is quarantined])
            ]
            table += [title, *rows] if rows else []
        return table

    def quarantine_jsonl(self) -> bytes:
        """The quarantined labels as manifest lines, texts included, each with its reasons."""
        lines = []
        for one in self.quarantined:
            row = json.loads(write_labels([one.utterance]))
            row["split"] = one.split
            row["source"] = one.utterance.source
            row["faults"] = [
                {"kind": str(fault.kind), "found": fault.found, "expected": fault.expected}
                for fault in one.faults
            ]
            lines.append(json.dumps(row, ensure_ascii=False) + "\n")
        return "".join(lines).encode()


def _most_common(counts: Counter[Kind]) -> list[tuple[Kind, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _plain(fault: Fault) -> dict[str, Any]:
    return {**asdict(fault), "kind": str(fault.kind)}


def _row(kind: Kind, faults: Sequence[Fault]) -> str:
    first = faults[0]
    where = (first.source or first.key).rpartition("/")[2]
    example = f"{where}: {first.found}; expected {first.expected}"
    if len(example) > _SHOWN:
        example = example[: _SHOWN - 1] + "…"
    return f"  {kind:<20}{len(faults):>6}  {example}"


def _length(hours: float) -> str:
    return f"{hours:.2f} h" if hours >= 1 else f"{hours * 60:.1f} min"


def _speakers(number: int) -> str:
    if not number:
        return "speakers unknown"
    return "1 speaker" if number == 1 else f"{number} speakers"
