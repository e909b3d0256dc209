"""What instance types are like, as far as a request must know it."""

from __future__ import annotations

import re

# Families with NVMe disks; so have those whose name ends in "d".
_WITH_DISK = ("p3dn", "p4", "p5", "p6", "g4", "g5", "g6", "g7", "trn")


def has_local_disk(instance_type: str) -> bool:
    """Whether an instance type brings a disk of its own: SageMaker refuses a volume key there."""
    family = instance_type.split(".")[1]
    return family.endswith("d") or family.startswith(_WITH_DISK)


def has_gpus(instance_type: str) -> bool:
    """Whether an instance type has GPUs: families p and g."""
    return instance_type.split(".")[1][0] in "gp"


def cores_of(instance_type: str) -> int:
    """The cores of an instance type, of which AWS counts two threads each."""
    match = re.fullmatch(r"(\d*)xlarge", instance_type.rpartition(".")[2])
    return 2 * int(match[1] or 1) if match else 1


def has_x86_cpu_only(instance_type: str) -> bool:
    """Whether an instance type computes on CPUs of Intel's or AMD's, and on nothing else."""
    family = instance_type.split(".")[1]
    attributes = re.match(r"[a-z]+\d+(\w*)", family)
    graviton = attributes is not None and "g" in attributes[1]
    return not has_gpus(instance_type) and not graviton and not family.startswith(("inf", "trn"))
