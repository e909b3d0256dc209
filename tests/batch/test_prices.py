"""A price has a source and a date, or there is none and a sentence says why."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber
from botocore.validate import ParamValidator

from batch.capacity.prices import (
    listed_price,
    price_request,
    training_price,
    transform_price,
    used_summary,
)
from batch.capacity.used import JobUse
from batch.config import Config
from batch.platforms.aws import client


def product(usage: str, dollars: str) -> str:
    attributes = {"usagetype": usage, "instanceName": "ml.m5.xlarge", "regionCode": "eu-central-1"}
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": dollars}}
    terms = {"OnDemand": {"A.B": {"priceDimensions": {"A.B.C": dimension}}}}
    content = {"product": {"attributes": attributes}, "terms": terms}
    return json.dumps({**content, "publicationDate": "2026-11-20T03:00:00Z"})


@pytest.fixture
def pricing(aws: str) -> Any:
    return client("pricing", "us-east-1", attempts=1)


def asked(pricing: Any, products: list[str], usage: Any = "Tsform") -> Any:
    with Stubber(pricing) as stubber:
        expected = dict(price_request("ml.m5.xlarge", "eu-central-1"))
        stubber.add_response("get_products", {"PriceList": products}, expected)
        return listed_price("ml.m5.xlarge", usage, "eu-central-1", pricing)


def configured(**sections: dict[str, Any]) -> Config:
    places = {name: {"uri": "/x"} for name in ("archive", "model", "output")}
    return Config.model_validate({**places, **sections})


def test_the_price_is_that_of_the_use_with_the_lists_date(pricing: Any) -> None:
    products = [
        product("EUC1-Host:ml.m5.xlarge", "9.0"),
        product("EUC1-Tsform:ml.m5.xlarge", "0.2760000000"),
        product("EUC1-Train:ml.m5.xlarge", "8.0"),
    ]
    found = asked(pricing, products)
    assert found.per_hour == 0.276
    assert found.source == "Price List API, EUC1-Tsform:ml.m5.xlarge, 2026-11-20"
    assert asked(pricing, products, "Train").per_hour == 8.0


@pytest.mark.parametrize(
    "products",
    [
        [],
        [product("EUC1-AsyncTsform:ml.m5.xlarge", "1.0")],
        [product("EUC1-Tsform:ml.m5.xlarge.x", "1.0")],
        [product("EUC1-Tsform:ml.m5.xlarge", "0.0")],
    ],
)
def test_no_match_is_a_sentence_and_no_number(pricing: Any, products: list[str]) -> None:
    found = asked(pricing, products)
    assert found.per_hour is None
    assert found.source == "the Price List API has no Tsform:ml.m5.xlarge in eu-central-1"


def test_a_missing_permission_is_a_sentence_and_no_number(pricing: Any) -> None:
    with Stubber(pricing) as stubber:
        stubber.add_client_error("get_products", "AccessDeniedException", "no pricing:GetProducts")
        found = listed_price("ml.m5.xlarge", "Tsform", "eu-central-1", pricing)
    assert found.per_hour is None
    assert found.source.startswith("the Price List API: not allowed (no pricing:GetProducts)")


def test_botocore_accepts_the_request() -> None:
    model = botocore.session.get_session().get_service_model("pricing")
    shape = model.operation_model("GetProducts").input_shape
    request = dict(price_request("ml.m5.xlarge", "eu-central-1"))
    assert ParamValidator().validate(request, shape).generate_report() == ""


def test_the_configured_price_is_that_of_the_first_type_and_of_this_machine() -> None:
    section = {"price_per_hour": 0.23, "price_date": "2026-11-01"}
    config = configured(transform=section)
    for kind in ("", "ml.m5.xlarge"):
        price = transform_price(config, kind)
        assert price.per_hour == 0.23
        assert price.source == "[transform] price_per_hour of 2026-11-01"
    assert transform_price(configured(), "").per_hour is None


def test_a_training_jobs_price_is_its_own() -> None:
    config = configured(training={"train": "/x", "price_per_hour": 1.4})
    assert config.training is not None
    assert training_price(config, config.training, "ml.g5.xlarge").per_hour == 1.4


def test_a_run_has_dollars_only_where_every_job_has_a_price() -> None:
    here = JobUse(name="a", status="Completed", created_at="", billed_seconds=1800.0)
    config = configured(transform={"price_per_hour": 2.0})
    found = used_summary(config, [here, here])
    assert (found["instance_hours"], found["dollars"]) == (1.0, 2.0)
    assert used_summary(configured(), [here])["dollars"] is None
    assert used_summary(config, []) == {"instance_hours": 0, "dollars": None, "prices": {}}
