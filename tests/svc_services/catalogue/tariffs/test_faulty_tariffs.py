"""Invalid tariffs and invalid queries are refused."""

from typing import Any

import httpx
import pytest

from chassis.db import Database
from chassis.testing import Tokens, once
from tests.svc_services.catalogue.tariffs.test_tariffs import listed, tariff
from tests.svc_services.companies import TARIFFS, approved


@pytest.fixture
def database(shared_database: Database) -> Database:
    return shared_database


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"kind": "gas"}, 403, "foreign_kind"),
        ({"unit": "kWh"}, 422, "unit_does_not_fit"),
        ({"unit": "litre"}, 422, "invalid_request"),
        ({"customer_class": "friends"}, 422, "invalid_request"),
        ({"effective_from": "2030-02-30"}, 422, "invalid_request"),
        ({"effective_from": "2030-13-01"}, 422, "invalid_request"),
        ({"effective_from": "soon"}, 422, "invalid_request"),
        ({"effective_from": 1_893_456_000}, 422, "invalid_request"),
        ({"effective_from": "2030-01-01T00:00:00"}, 422, "invalid_request"),
        ({"tiers": [{"up_to": "180", "unit_price": "2.30"}]}, 422, "invalid_request"),
        ({"fixed_fee_fen": 2.5}, 422, "invalid_request"),
        ({"provider_id": "01900000-0000-7000-8000-000000000000"}, 422, "invalid_request"),
    ],
)
async def test_a_faulty_tariff_is_refused_by_its_fault(
    api: httpx.AsyncClient, tokens: Tokens, changes: dict[str, Any], status: int, code: str
) -> None:
    provider_id = await approved(api, tokens)
    headers = tokens.client(provider_id, "tariffs:write") | once()
    answer = await api.post(TARIFFS, json=tariff(**changes), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await listed(api, provider_id=str(provider_id)) == []


async def test_the_first_tariff_may_start_in_the_past_and_its_successor_today_at_the_earliest(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    provider_id = await approved(api, tokens)
    headers = tokens.client(provider_id, "tariffs:write")
    first = await api.post(TARIFFS, json=tariff(effective_from="2020-01-01"), headers=headers | once())
    second = await api.post(TARIFFS, json=tariff(effective_from="2021-01-01"), headers=headers | once())
    assert first.status_code == 201
    assert (second.status_code, second.json()["code"]) == (422, "effective_from_in_the_past")


@pytest.mark.parametrize(
    "filters", [{"on": "2030-02-30"}, {"on": "0"}, {"kind": "wood"}, {"provider_id": "7"}, {"division_code": "65400"}]
)
async def test_an_invalid_filter_is_refused(api: httpx.AsyncClient, filters: dict[str, str]) -> None:
    answer = await api.get(TARIFFS, params=filters)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
