"""What instance types are like, as far as a request must know it."""

from __future__ import annotations

# Families with NVMe disks; so have those whose name ends in "d".
_WITH_DISK = ("p3dn", "p4", "p5", "p6", "g4", "g5", "g6", "g7", "trn")


def has_local_disk(instance_type: str) -> bool:
    """Whether an instance type brings a disk of its own: SageMaker refuses a volume key there."""
    family = instance_type.split(".")[1]
    return family.endswith("d") or family.startswith(_WITH_DISK)
