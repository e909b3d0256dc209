"""Where recordings come from and rows go to: there, in the right region, readable, writable."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from batch.account.doctor import Finding, Patient, fail, ok, warn
from batch.account.regions import bucket_of
from batch.claim import last_holder, working
from batch.layout import CLAIM
from batch.platforms.aws import client, region_of, translated
from manifests.errors import NightscribeError
from manifests.recordings import list_recordings
from manifests.s3_store import bucket_region
from manifests.storage import open_store

_PROBE = "doctor/"


def archive(patient: Patient) -> Iterator[Finding]:
    """Whether recordings can be listed, and one of them read."""
    section = patient.config.archive
    store = open_store(section.uri)
    found = list_recordings(store, include=section.include, exclude=section.exclude)
    first = next(iter(found), None)
    if first is None:
        mend = f"check [archive] uri and include ({', '.join(section.include)})"
        yield fail("archive", f"{store.uri}: no recording there", mend)
        return
    with store.open(first.path) as file:
        file.read(1)
    yield ok("archive", f"{store.uri} can be listed and read")
    yield from _region("archive region", store.uri, patient)


def golden(patient: Patient) -> Iterator[Finding]:
    """Whether the golden set can be listed, where there is one."""
    place = patient.config.report.golden
    if place is None:
        return
    store, section = open_store(place), patient.config.archive
    found = sum(1 for _ in list_recordings(store, include=section.include, exclude=section.exclude))
    if found:
        yield ok("golden set", f"{found} recordings in {store.uri}")
        yield from _region("golden set region", store.uri, patient)
    else:
        yield fail("golden set", f"{store.uri}: no recording there", "check [report] golden")


def output(patient: Patient) -> Iterator[Finding]:
    """Whether an object can be written on condition, read and deleted."""
    store = open_store(patient.config.output.uri)
    key = f"{_PROBE}{secrets.token_hex(8)}"
    written = store.put_if_absent(key, b"probe")
    again = store.put_if_absent(key, b"probe")
    store.read(key)
    store.delete(key)
    if written and not again:
        yield ok("output", f"{store.uri} can be written, read and deleted")
    else:
        mend = "use S3 itself: claims need conditional writes (If-None-Match)"
        yield fail("output", f"{store.uri} does not keep to conditional writes", mend)
    yield from _region("output region", store.uri, patient)


def _region(subject: str, uri: str, patient: Patient) -> Iterator[Finding]:
    """Jobs read and write in their own region only."""
    if not uri.startswith("s3://") or not patient.types:
        return
    bucket, wanted = bucket_of(uri), region_of(patient.region)
    found = bucket_region(bucket)
    if found is None:
        mend = f"aws s3api head-bucket --bucket {bucket} says it; the jobs are in {wanted}"
        yield warn(subject, f"where bucket {bucket} lies is not known", mend)
    elif found == wanted:
        yield ok(subject, f"bucket {bucket} is in {found}")
    else:
        mend = "let [sagemaker] region name the bucket's, or take a bucket of that region"
        yield fail(subject, f"bucket {bucket} is in {found}, the jobs in {wanted}", mend)


def bucket(patient: Patient) -> Iterator[Finding]:
    """What a bucket that holds what was said in meetings should have."""
    uri = patient.config.output.uri
    if not uri.startswith("s3://"):
        return
    name, s3 = bucket_of(uri), client("s3", patient.region)
    mend = "'nightscribe deploy' makes a bucket that has it"
    lacks = [what for what, has in _GUARDS.items() if not has(s3, name)]
    if lacks:
        yield warn("output bucket", f"{name} has no {', no '.join(lacks)}", mend)
    else:
        yield ok("output bucket", f"{name} is versioned, encrypted and not public")


def _versioned(s3: Any, name: str) -> bool:
    with translated(f"the versioning of bucket {name}"):
        return bool(s3.get_bucket_versioning(Bucket=name).get("Status") == "Enabled")


def _encrypted(s3: Any, name: str) -> bool:
    return _has(s3, "get_bucket_encryption", name, "ServerSideEncryptionConfigurationNotFoundError")


def _private(s3: Any, name: str) -> bool:
    return _has(s3, "get_public_access_block", name, "NoSuchPublicAccessBlockConfiguration")


def _has(s3: Any, question: str, name: str, absent: str) -> bool:
    """Whether a bucket has a configuration, of which S3 says with an error that it is not there."""
    try:
        with translated(f"{question} of bucket {name}"):
            answer = getattr(s3, question)(Bucket=name)
    except NightscribeError as error:
        if absent in str(error):
            return False
        raise
    rules = answer.get("PublicAccessBlockConfiguration", {"": True})
    return all(rules.values())


_GUARDS = {
    "versioning": _versioned,
    "encryption by default": _encrypted,
    "block of public access": _private,
}


def claim(patient: Patient) -> Iterator[Finding]:
    """Who works on the output, or died there."""
    store = open_store(patient.config.output.uri)
    holder = last_holder(store, CLAIM)
    if holder is None:
        yield ok("claim", f"nobody works on {store.uri}")
        return
    who = f"process {holder['pid']} on {holder['host']}"
    if working(store, CLAIM):
        yield ok("claim", f"{who} works on {store.uri} now")
    else:
        mend = "nothing to do: the next run takes it over and goes on"
        yield warn("claim", f"{who} died while it worked on {store.uri}", mend)
