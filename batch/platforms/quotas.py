"""A quota that stands in the way: what it is called, how high it is, and how to raise it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batch.platforms.aws import client, region_of, translated
from manifests.errors import NightscribeError

# As SageMaker says it: "The account-level service limit 'ml.g5.xlarge for training job usage' is
# 0 Instances, with current utilization of 0 Instances and a request delta of 1 Instances."
_NAME = re.compile(r"The account-level service limit '([^']+)'")
_VALUE = re.compile(r"' is (\d+)")
_WANTED = re.compile(r"utilization of (\d+) .*request delta of (\d+)")
_SERVICE = "sagemaker"


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One of the account's quotas; ``code`` is empty where Service Quotas would not say it."""

    name: str
    value: float | None = None
    code: str = ""


def find_quota(name: str, region: str | None) -> Quota:
    """A quota of SageMaker by its name; whoever may not ask, or asks in vain, gets the name."""
    try:
        return find_quotas([name], region)[0]
    except NightscribeError:
        # The refusal itself is worth more than why it could not be explained.
        return Quota(name=name)


def find_quotas(names: Sequence[str], region: str | None) -> list[Quota]:
    """Quotas of SageMaker by their names; without a value where there is none of that name.

    Raises:
        NightscribeError: Service Quotas does not answer the caller.
    """
    # Hundreds of pages of quotas are no use to anybody who waits; nor is a service that hangs.
    quotas = client("service-quotas", region, attempts=3)
    found: dict[str, Quota] = {}
    for listing in ("list_service_quotas", "list_aws_default_service_quotas"):
        with translated(f"quota {names[0]!r}"):
            for page in quotas.get_paginator(listing).paginate(ServiceCode=_SERVICE):
                for one in page["Quotas"]:
                    name = one["QuotaName"]
                    if name in names and name not in found:
                        found[name] = Quota(name=name, value=one["Value"], code=one["QuotaCode"])
                if len(found) == len(set(names)):
                    return [found[name] for name in names]
    return [found.get(name, Quota(name=name)) for name in names]


def raising(quota: Quota, region: str | None, wanted: int) -> list[str]:
    """The ways to raise a quota to ``wanted``, a line each."""
    return list(_ways(quota, region_of(region), wanted))


def explained(said: str, *, usage: str, region: str | None) -> str:
    """AWS's refusal ``said``, as what stands in the way and the ways to raise it, a line each.

    ``usage`` names the quota where AWS does not, as ``ml.m5.xlarge for transform job usage``.
    """
    named, said_value, wanted = (one.search(said) for one in (_NAME, _VALUE, _WANTED))
    quota, place = find_quota(named[1] if named else usage, region), region_of(region)
    value = float(said_value[1]) if said_value else quota.value
    used, more = (int(wanted[1]), int(wanted[2])) if wanted else (0, 1)
    sentence = said[: named.start()] if named else f"{said} "
    sentence += f"the account's quota {quota.name!r} is "
    sentence += "too low" if value is None else f"{value:g}"
    sentence += f" in {place}"
    if used:
        sentence += f", and {used} are in use; wait until they are free, or raise it"
    else:
        sentence += "; raise it"
    return "\n  ".join([f"{sentence}:", *_ways(quota, place, used + more)])


def _ways(quota: Quota, region: str, wanted: int) -> Iterator[str]:
    aws = f"aws service-quotas {{}} --region {region} --service-code {_SERVICE}"
    if not quota.code:
        query = f"Quotas[?QuotaName=='{quota.name}'].QuotaCode"
        yield f'CODE=$({aws.format("list-service-quotas")} --query "{query}" --output text)'
    request = aws.format("request-service-quota-increase")
    yield f"{request} --quota-code {quota.code or '$CODE'} --desired-value {wanted}"
    place = f"https://{region}.console.aws.amazon.com/servicequotas/home/services/{_SERVICE}/quotas"
    yield f"(or in the console, Service Quotas: {f'{place}/{quota.code}'.rstrip('/')})"
