"""What the account may start: quotas, images, and endpoints that cost money meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from batch.account.doctor import Finding, Patient, fail, ok, warn
from batch.endpoint.removing import names_of_all
from batch.endpoint.standing import Watch
from batch.platforms.aws import region_of
from batch.platforms.quotas import Quota, find_quotas, raising
from batch.platforms.sagemaker_images import (
    driver_image,
    inference_image,
    pinned,
    training_image,
)


def quotas(patient: Patient) -> Iterator[Finding]:
    """Whether the account may have one machine of each type that jobs ask for."""
    names = {f"{one} for {use} usage": use for use, types in patient.types.items() for one in types}
    if not names:
        return
    found = find_quotas(list(names), patient.region)
    for quota in found:
        yield _quota(quota, names[quota.name], patient)


def _quota(quota: Quota, use: str, patient: Patient) -> Finding:
    subject = f"quota: {use}"
    if quota.value is None:
        mend = "check the type's name; AWS lists no such quota"
        return warn(subject, f"{quota.name!r} is not known", mend)
    wanted = _wanted(use, patient)
    text = f"{quota.name!r} is {quota.value:g}"
    if quota.value >= wanted:
        return ok(subject, text)
    mend = "\n".join(raising(quota, patient.region, wanted))
    if use == "endpoint":
        return warn(subject, f"{text}; 'nightscribe endpoint' needs {wanted}", mend)
    return fail(subject, f"{text}, and {wanted} are needed", mend)


def _wanted(use: str, patient: Patient) -> int:
    config = patient.config
    if use == "transform job":
        return config.transform.instance_count
    if "training" in use and config.training:
        return config.training.instance_count
    return 1


def images(patient: Patient) -> Iterator[Finding]:
    """Whether there is an image for each job; ECR is asked for one that the config names."""
    account, region = patient.account, patient.region
    for use, types in patient.types.items():
        if use == "endpoint":
            continue  # the image that transcribes
        if use == "transform job":
            own, given = account.inference_image, partial(inference_image, region, types[0])
        elif use == "processing job":
            own, given = account.driver_image, partial(driver_image, region)
        else:
            own, given = account.training_image, partial(training_image, region, types[0])
        yield _own(f"image: {use}", own) if own else ok(f"image: {use}", given())


def _own(subject: str, image: str) -> Finding:
    said: list[str] = []
    found = pinned(image, said.append)
    if said:
        return warn(subject, "; ".join(said), "or give the caller ecr:BatchGetImage")
    return ok(subject, found)


def endpoints(patient: Patient) -> Iterator[Finding]:
    """Endpoints that somebody forgot."""
    names = names_of_all(Watch(region=patient.region))
    if names:
        mend = "'nightscribe endpoint list' says what they cost, 'endpoint delete' ends them"
        yield warn("endpoints", f"still there: {', '.join(names)}", mend)
    else:
        where = region_of(patient.region)
        yield ok("endpoints", f"none in {where}; nothing costs money there between runs")
