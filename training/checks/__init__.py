"""The data check: what is wrong with labelled speech, found before any hour of training is paid."""

from training.checks.check import check_labels
from training.checks.faults import CheckLimits, Fault, Kind
from training.checks.report import DataCheck, Quarantined

__all__ = ["CheckLimits", "DataCheck", "Fault", "Kind", "Quarantined", "check_labels"]
