"""Everything that a run needs, looked at before it is missed; each finding says how to mend it.

The checks know nothing of each other: what one cannot find out, or trips over, is its own finding.
"ok" stands for what was seen. A look that finds nothing out is a warning; what only a part of it
could not see is said behind its "ok".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

from batch.config import Config, SageMakerSection
from manifests.errors import AccessDeniedError, NightscribeError, UnavailableError

Verdict = Literal["ok", "warn", "fail"]
_AT_ONCE = 8
# Proxies answer with a page of HTML; EC2 adds a thousand letters that only IAM can read.
_NOISE = re.compile(
    r"<(!doctype|html).*>|Encoded authorization failure message: [\w-]+", re.IGNORECASE
)
_ASK = "give the caller that permission, or let somebody look who has it"
_AGAIN = "the same command may find it out in a minute"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found; ``mend`` is what to do about it."""

    subject: str
    verdict: Verdict
    found: str
    mend: str = ""


@dataclass(frozen=True, kw_only=True)
class Patient:
    """A configuration; ``account`` is made whole where the stack could be read."""

    config: Config
    account: SageMakerSection

    @property
    def region(self) -> str | None:
        """The region that the configuration names."""
        return self.account.region

    @property
    def types(self) -> dict[str, Sequence[str]]:
        """The instance types that jobs ask for, by what SageMaker's quotas call the use."""
        config = self.config
        wanted: dict[str, Sequence[str]] = {}
        if config.platform.name == "sagemaker":
            wanted["transform job"] = config.transform.instances
            wanted["endpoint"] = config.transform.instances
            wanted["processing job"] = [config.schedule.instance]
        if config.training and config.training.platform == "sagemaker":
            spot = "spot training job" if config.training.spot else "training job"
            wanted[spot] = config.training.instances
        return wanted


@dataclass(frozen=True, kw_only=True)
class Check:
    """One look at one thing.

    ``needed`` says that a run fails where this look does; any other look may be forbidden to a
    caller whose runs are well. ``mend`` is what to do where AWS says that something is not there.
    """

    subject: str
    look: Callable[[Patient], Iterable[Finding]]
    needed: bool = False
    mend: str = ""

    def findings(self, patient: Patient) -> list[Finding]:
        """What it found; that it found nothing out is a finding too."""
        report = partial(Finding, subject=self.subject)
        try:
            return list(self.look(patient))
        except (AccessDeniedError, UnavailableError) as error:
            if self.needed:
                return [report(verdict="fail", found=_line(error), mend=self.mend)]
            mend = _ASK if isinstance(error, AccessDeniedError) else _AGAIN
            return [report(verdict="warn", found=f"not looked at: {_line(error)}", mend=mend)]
        except NightscribeError as error:
            return [report(verdict="fail", found=_line(error), mend=self.mend)]
        except Exception as error:  # noqa: BLE001 - a check that trips must not end the others
            found = f"the check itself failed ({type(error).__name__}: {error})"
            return [report(verdict="warn", found=found, mend="please report it")]


def _line(error: Exception) -> str:
    """An error as one line."""
    return _NOISE.sub("…", " ".join(str(error).split()))


def ok(subject: str, found: str) -> Finding:
    """All is well."""
    return Finding(subject=subject, verdict="ok", found=found)


def warn(subject: str, found: str, mend: str) -> Finding:
    """Runs go on, but somebody should know."""
    return Finding(subject=subject, verdict="warn", found=found, mend=mend)


def fail(subject: str, found: str, mend: str) -> Finding:
    """A run would fail."""
    return Finding(subject=subject, verdict="fail", found=found, mend=mend)


def examined(patient: Patient, checks: Sequence[Check]) -> list[Finding]:
    """The findings of all checks, several at a time, in the order of the checks."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        found = pool.map(lambda check: check.findings(patient), checks)
        return [finding for findings in found for finding in findings]
