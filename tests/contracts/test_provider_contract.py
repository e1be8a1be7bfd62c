"""The provider contract: exported from what the platform calls, and answered by the reference provider."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.documents import FOLDER, in_folder
from contracts.provider_calls import CALLS
from contracts.provider_contract import PATHS
from contracts.reference_provider.roster import account_holder
from gateway.routing import Defaults, read_contracts
from tests.contracts.reference_provider.processes import PROVIDER_ID, SEED, Platform, Provider

FILE = FOLDER / "openapi" / "provider.v1.json"
DOCUMENT = in_folder(FOLDER)["openapi/provider.v1.json"]
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]
KNOWN = {
    "provider_id": PROVIDER_ID,
    "account_number": account_holder(SEED, 3).account_number,
    "holder_name": account_holder(SEED, 3).holder_name,
}


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with Platform().running() as platform:
        yield platform


@pytest.fixture(scope="module")
def company(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with Provider(platform.url, tmp_path_factory.mktemp("company")).running() as client:
        yield client


def test_it_has_every_call_of_the_platform_at_its_own_path() -> None:
    calls = {name: call for calls in CALLS.values() for name, item in calls.items() for call in item.values()}
    assert PATHS.keys() == calls.keys()
    for name, call in calls.items():
        assert call["description"].split("`")[1].split()[1] == PATHS[name]
    assert {path for path, _ in OPERATIONS} == set(PATHS.values())
    assert len(OPERATIONS) == len(calls)


def test_the_gateway_shows_it_and_routes_none_of_it() -> None:
    services = ("identity", "services", "payments", "miniapps")
    (shown,) = [each for each in read_contracts(FILE.parent, services, Defaults(1, 1.0)) if each.service == "provider"]
    assert shown.operations == ()
    assert json.loads(shown.document) == DOCUMENT


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_reference_provider_answers_whatever_the_contract_allows(
    company: httpx.Client, platform: Platform, path: str, method: str
) -> None:
    operation = schemathesis.openapi.from_path(FILE)[path][method.upper()]
    statuses: set[int] = set()

    @settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=[*HealthCheck])
    @given(operation.as_strategy(), st.data())
    def answered(case: schemathesis.Case[Any], data: st.DataObject) -> None:
        statuses.add(_send(company, platform, case, data))

    answered()
    assert 200 in statuses


def _send(company: httpx.Client, platform: Platform, case: schemathesis.Case[Any], data: st.DataObject) -> int:
    """Send a generated call, signed; every answer is one of the contract, and none is a failure of the server."""
    path = case.path
    for name, value in (case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    body = b""
    if isinstance(case.body, dict):
        known = {name: value for name, value in KNOWN.items() if name in case.body and data.draw(st.integers(0, 4))}
        if "posting_id" in case.body and "posting_id" in (case.path_parameters or {}):
            known["posting_id"] = (case.path_parameters or {})["posting_id"]
        body = json.dumps(case.body | known).encode()
    url = f"{str(company.base_url).rstrip('/')}{path}"
    service = "services" if path in {PATHS["account-verification"], PATHS["delivery"]} else "payments"
    answer = company.request(case.method, url, content=body, headers=platform.signed(url, body, service, case.method))
    _validate(case, answer)
    return answer.status_code


def _validate(case: schemathesis.Case[Any], answer: httpx.Response) -> None:
    operation: dict[str, Any] = DOCUMENT["paths"][case.path][case.method.lower()]
    assert answer.status_code < 500, answer.text
    if answer.status_code == 200:
        jsonschema_rs.validate(operation["responses"]["200"]["content"]["application/json"]["schema"], answer.json())
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"]
