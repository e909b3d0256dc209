"""What is still costing money: an endpoint is paid by the hour whether it is used or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from batch.endpoint.removing import names_of_all
from batch.endpoint.standing import Watch

PriceOf = Callable[[str], float | None]
"""Dollars for an hour of an instance type as an endpoint's machine; None where it is not known."""


@dataclass(frozen=True, kw_only=True)
class Costing:
    """An endpoint, or what is left of one (``status`` ``half made``, which costs nothing)."""

    name: str
    status: str
    kind: str = ""
    instance_type: str = ""
    instances: int = 0
    since: str = ""
    hours: float = 0.0
    dollars_per_hour: float | None = None
    dollars: float | None = None

    def line(self) -> str:
        """The endpoint in one line."""
        if not self.since:
            return f"{self.name}  {self.status}"
        machines = f"{self.instances} × {self.instance_type or 'unknown'}"
        money = "price not known" if self.instances else "no machine runs now"
        if self.dollars is not None:
            money = f"${self.dollars:.2f} so far (${self.dollars_per_hour:.3f} an hour)"
        kind = self.kind or "configuration deleted"
        return (
            f"{self.name}  {self.status}, {kind}, {machines}, since {self.since} "
            f"({self.hours:.1f} h), {money}"
        )


def costing(watch: Watch, price_of: PriceOf, now: datetime | None = None) -> list[Costing]:
    """Every endpoint of nightscribe's in the account and region, and what is left of others."""
    return [
        _costing(watch, name, price_of, now or datetime.now(UTC)) for name in names_of_all(watch)
    ]


def _costing(watch: Watch, name: str, price_of: PriceOf, now: datetime) -> Costing:
    standing = watch.standing(name)
    if standing is None:
        return Costing(name=name, status="half made")
    variant = watch.variant(standing.config)
    hours = (now - standing.created).total_seconds() / 3600
    price = price_of(variant.instance_type) if variant else None
    instances = 0 if standing.spent else standing.instances
    dollars = price * instances if instances and price is not None else None
    return Costing(
        name=name,
        status=standing.status,
        kind=variant.kind if variant else "",
        instance_type=variant.instance_type if variant else "",
        instances=instances,
        since=standing.created.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        hours=round(hours, 2),
        dollars_per_hour=dollars,
        dollars=None if dollars is None else round(dollars * hours, 2),
    )
