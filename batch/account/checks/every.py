"""Every check, in the order that a person mends things in."""

from __future__ import annotations

from collections.abc import Sequence

from batch.account.account import account_of
from batch.account.checks import capacity, identity, machine, network, nightly, places
from batch.account.doctor import Check, Finding, Patient, examined, fail, warn
from batch.config import Config, SageMakerSection
from manifests.errors import NightscribeError
from manifests.storage import open_store

_STACK = "'nightscribe deploy' makes it; or let [sagemaker] name another"
_MODEL = "let [model] uri name a model folder, a bundle or a hub's model"
_IMAGE = "pip install 'nightscribe[sagemaker]', or name the images in [sagemaker]"

MACHINE = (Check(subject="packages", look=machine.packages),)
LOCAL = (
    Check(subject="machine", look=machine.room),
    Check(subject="model loads", look=machine.model_loads, needed=True, mend=_MODEL),
)
PLACES = (
    Check(subject="archive", look=places.archive, needed=True, mend="check [archive] uri"),
    Check(subject="golden set", look=places.golden, mend="check [report] golden"),
    Check(subject="output", look=places.output, needed=True, mend="check [output] uri"),
    Check(subject="output bucket", look=places.bucket),
    Check(subject="claim", look=places.claim),
    Check(subject="model", look=machine.model, needed=True, mend=_MODEL),
)
CALLER = (
    Check(subject="region", look=identity.region, needed=True),
    Check(subject="clock", look=identity.clock),
    Check(subject="credentials", look=identity.credentials, needed=True),
)
ACCOUNT = (
    Check(subject="stack", look=identity.stack, mend=_STACK),
    Check(subject="role", look=identity.no_role),
    *(Check(subject=key, look=identity.role_check(key), mend=_STACK) for key in identity.ROLES),
    Check(subject="golden set access", look=identity.golden_readers),
    Check(subject="key", look=identity.key, mend="name a key of this account and region"),
    Check(subject="quotas", look=capacity.quotas),
    Check(subject="images", look=capacity.images, needed=True, mend=_IMAGE),
    Check(subject="network", look=network.network, mend=_STACK),
    Check(subject="endpoints", look=capacity.endpoints),
    Check(subject="schedules", look=nightly.schedules),
    Check(subject="schedule group", look=nightly.group, mend=_STACK),
    Check(subject="dead letters", look=nightly.dead_letters, mend=_STACK),
    Check(subject="topic", look=nightly.topic, mend=_STACK),
)


def everything(config: Config) -> list[Finding]:
    """All that concerns this configuration: this machine, the places, the account."""
    section = config.sagemaker or SageMakerSection()
    patient = Patient(config=config, account=section)
    # Stores share a client, which threads must not make at the same time.
    for location in (config.archive.uri, config.output.uri):
        open_store(location)
    found = examined(patient, MACHINE)
    if config.platform.name == "local":
        found += examined(patient, LOCAL)
    if not patient.types:
        return found + examined(patient, PLACES)
    found += (caller := examined(patient, CALLER))
    if any(one.verdict == "fail" for one in caller):
        mend = "mend that first"
        return [*found, warn("account", "not looked at, because AWS does not know who asks", mend)]
    patient, trouble = _made_whole(config, section)
    return found + trouble + examined(patient, [*PLACES, *ACCOUNT])


def _made_whole(config: Config, section: SageMakerSection) -> tuple[Patient, list[Finding]]:
    """The patient with what the stack says; what is known without it where it cannot be read."""
    try:
        return Patient(config=config, account=account_of(config)), []
    except NightscribeError as error:
        mend = "'nightscribe deploy' makes a stack with all of it"
        trouble = [fail("account", str(error), mend)]
        return Patient(config=config, account=section), trouble


def verdict(found: Sequence[Finding]) -> bool:
    """Whether a run can be expected to work."""
    return all(one.verdict != "fail" for one in found)
