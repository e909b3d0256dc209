"""The VPC that jobs run in: its subnets and groups, and the way from there to S3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from batch.account.doctor import Finding, Patient, fail, ok, warn
from batch.platforms.aws import client, region_of, translated


def network(patient: Patient) -> Iterator[Finding]:
    """Whether subnets and security groups exist, in one VPC, with a gateway to S3."""
    account = patient.account
    if not account.subnets and not account.security_groups:
        return
    if not (account.subnets and account.security_groups):
        mend = "give both [sagemaker] subnets and security_groups, or neither"
        yield fail("network", "only one of subnets and security groups is given", mend)
        return
    ec2 = client("ec2", patient.region)
    with translated("[sagemaker] subnets and security_groups"):
        subnets = ec2.describe_subnets(SubnetIds=account.subnets)["Subnets"]
        groups = ec2.describe_security_groups(GroupIds=account.security_groups)["SecurityGroups"]
    vpcs = sorted({one["VpcId"] for one in (*subnets, *groups)})
    if len(vpcs) > 1:
        mend = "take subnets and groups of one VPC"
        yield fail("network", f"subnets and security groups lie in {', '.join(vpcs)}", mend)
        return
    yield ok("network", f"{len(subnets)} subnets and {len(groups)} security groups in {vpcs[0]}")
    yield _way_to_s3(ec2, vpcs[0], account.subnets, region_of(patient.region))


def _way_to_s3(ec2: Any, vpc: str, subnets: Sequence[str], region: str) -> Finding:
    gateway = {"vpc-endpoint-type": "Gateway", "service-name": f"com.amazonaws.{region}.s3"}
    with translated(f"the S3 endpoints of {vpc}"):
        found = ec2.describe_vpc_endpoints(Filters=_filters({**gateway, "vpc-id": vpc}))
        tables = ec2.describe_route_tables(Filters=_filters({"vpc-id": vpc}))["RouteTables"]
    reached = {table for one in found["VpcEndpoints"] for table in one.get("RouteTableIds", ())}
    cut_off = [one for one in subnets if _table_of(one, tables) not in reached]
    if not cut_off:
        return ok("way to S3", "a gateway endpoint serves every subnet")
    mend = (
        f"aws ec2 create-vpc-endpoint --vpc-id {vpc} --service-name {gateway['service-name']} "
        "--route-table-ids …; without one, and without a NAT gateway, jobs hang until they time out"
    )
    return warn("way to S3", f"no S3 gateway endpoint serves {', '.join(cut_off)}", mend)


def _table_of(subnet: str, tables: Sequence[Any]) -> str | None:
    """A subnet's own route table, else the VPC's main one."""
    for key, wanted in (("SubnetId", subnet), ("Main", True)):
        for table in tables:
            if any(one.get(key) == wanted for one in table.get("Associations", ())):
                return str(table["RouteTableId"])
    return None


def _filters(wanted: dict[str, str]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]} for name, value in wanted.items()]
