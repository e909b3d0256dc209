"""What an hour of an instance costs: the configuration's word, else AWS's Price List API.

A price has a date and a source, or there is none and a sentence says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from batch.capacity.used import JobUse
from batch.config import Config, TrainingSection
from batch.platforms.aws import client, region_of, translated
from batch.platforms.base import Document
from manifests.errors import NightscribeError

Usage = Literal["Tsform", "Train", "Host"]
"""How the usage types of SageMaker's price list begin: ``USE1-Tsform:ml.m5.xlarge``."""

# The API answers in a few regions, for all of them.
_API_REGION = "us-east-1"
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Price:
    """Dollars for an hour of one instance, None where it is not known; ``source`` says why."""

    per_hour: float | None
    source: str


def transform_price(config: Config, instance_type: str) -> Price:
    """The price of an instance type for transform jobs; an empty type is this machine."""
    section = config.transform
    if section.price_per_hour is not None and instance_type in ("", section.instances[0]):
        dated = f" of {section.price_date}" if section.price_date else ", without a price_date"
        return Price(per_hour=section.price_per_hour, source=f"[transform] price_per_hour{dated}")
    if not instance_type:
        return Price(
            per_hour=None, source="this machine's hour has no price in [transform] price_per_hour"
        )
    return listed_price(instance_type, "Tsform", _region(config))


def training_price(config: Config, section: TrainingSection, instance_type: str) -> Price:
    """The price of an instance type for training jobs; an empty type is this machine."""
    if section.price_per_hour is not None:
        return Price(per_hour=section.price_per_hour, source="[training] price_per_hour")
    if not instance_type:
        return Price(
            per_hour=None, source="this machine's hour has no price in [training] price_per_hour"
        )
    price = listed_price(instance_type, "Train", _region(config))
    if section.spot and price.per_hour is not None:
        return Price(per_hour=price.per_hour, source=f"{price.source}; spot machines cost less")
    return price


def used_summary(config: Config, jobs: Sequence[JobUse]) -> dict[str, Any]:
    """What a run's jobs cost together; dollars only where every one of them has a price."""
    kinds = sorted({job.instance_type for job in jobs})
    prices = {kind: transform_price(config, kind) for kind in kinds}
    dollars = [_dollars(job, prices[job.instance_type]) for job in jobs]
    known = [one for one in dollars if one is not None]
    return {
        "instance_hours": round(sum(job.instance_hours for job in jobs), 4),
        "dollars": round(sum(known), 4) if jobs and len(known) == len(jobs) else None,
        "prices": {kind or "this machine": asdict(price) for kind, price in prices.items()},
    }


def _dollars(job: JobUse, price: Price) -> float | None:
    return None if price.per_hour is None else job.instance_hours * price.per_hour


def listed_price(
    instance_type: str, usage: Usage, region: str | None, pricing: Any = None
) -> Price:
    """The on-demand price in a region, by the Price List API; asked once, and not for long."""
    try:
        where = region_of(region)
        with translated("the Price List API"):
            api = pricing or client(
                "pricing", _API_REGION, attempts=0, read_seconds=_PATIENCE_SECONDS
            )
            answer = api.get_products(**price_request(instance_type, where))
    except NightscribeError as error:
        return Price(per_hour=None, source=str(error))
    return _price_in(answer["PriceList"], instance_type, usage, where)


def price_request(instance_type: str, region: str) -> Document:
    """``get_products`` for everything that SageMaker does with an instance type."""
    wanted = {"regionCode": region, "instanceName": instance_type}
    return {
        "ServiceCode": "AmazonSageMaker",
        "FormatVersion": "aws_v1",
        "Filters": [
            {"Type": "TERM_MATCH", "Field": field, "Value": value}
            for field, value in wanted.items()
        ],
    }


def _price_in(products: Iterable[str], instance_type: str, usage: Usage, region: str) -> Price:
    for product in map(json.loads, products):
        kind = product["product"]["attributes"].get("usagetype", "")
        # us-east-1 has a prefix in some lists and none in others.
        if not f"-{kind}".endswith(f"-{usage}:{instance_type}"):
            continue
        for dollars in _on_demand(product):
            published = product.get("publicationDate", "")[:10] or "no date"
            return Price(per_hour=dollars, source=f"Price List API, {kind}, {published}")
    return Price(
        per_hour=None, source=f"the Price List API has no {usage}:{instance_type} in {region}"
    )


def _on_demand(product: Mapping[str, Any]) -> Iterable[float]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            dollars = float(dimension.get("pricePerUnit", {}).get("USD", 0))
            if dollars > 0:
                yield dollars


def _region(config: Config) -> str | None:
    return config.sagemaker.region if config.sagemaker else None
