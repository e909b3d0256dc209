"""From a configuration to the documents of an endpoint, one for each machine that may carry it."""

from __future__ import annotations

from batch.account.account import account_of
from batch.bundles import configured_bundle
from batch.config import Config, SageMakerSection
from batch.endpoint.documents import EndpointDocuments, Kind, endpoint_documents, endpoint_name
from batch.transform_machines import check_network, machines_on
from manifests.errors import InputError
from manifests.storage import open_store


def prepared(
    config: Config, *, name: str, kind: Kind, instance: str | None = None
) -> tuple[SageMakerSection, list[EndpointDocuments]]:
    """The account, and the candidates in order; the model's bundle is uploaded if it is new.

    Raises:
        InputError: an endpoint cannot be made of this configuration.
    """
    endpoint_name(name)
    account = account_of(config)
    check_network(account)
    if not config.output.uri.startswith("s3://"):
        raise InputError(
            f"[output] uri {config.output.uri!r}: an endpoint loads its model from S3; expected "
            "s3://bucket/prefix/"
        )
    output = open_store(config.output.uri)
    bundle = configured_bundle(config, output)
    types = [instance] if instance else config.transform.instances
    return account, [
        endpoint_documents(
            name=name,
            kind=kind,
            bundle_uri=bundle.uri,
            machines=machines_on(one, config.transform, account),
            output_uri=output.uri,
        )
        for one in types
    ]
