"""The Model Registry: a version of a model, with its metrics, for a person to approve."""

from __future__ import annotations

from typing import Any

from batch.platforms.aws import client, translated
from batch.platforms.base import Document
from transform_handler.identity import digest_of


def register_package(package: Document, *, region: str | None = None, sagemaker: Any = None) -> str:
    """Create a model package, and its group where there is none; returns the package's ARN.

    Raises:
        NightscribeError: AWS refuses it; with AWS's own words.
    """
    api = sagemaker or client("sagemaker", region)
    group = package["ModelPackageGroupName"]
    with translated(f"model package group {group}"):
        pages = api.get_paginator("list_model_package_groups").paginate(NameContains=group)
        names = {
            one["ModelPackageGroupName"] for p in pages for one in p["ModelPackageGroupSummaryList"]
        }
        if group not in names:
            api.create_model_package_group(ModelPackageGroupName=group)
    with translated(f"model package in {group}"):
        # A driver that died after this call makes it again: the same token, no second version.
        answer = api.create_model_package(**package, ClientToken=digest_of(package))
        return str(answer["ModelPackageArn"])
