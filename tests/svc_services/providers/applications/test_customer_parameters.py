"""How a company declares its account numbers in its application, and who gets to see it."""

from typing import Any

import httpx
import pytest

from chassis.db import Database
from chassis.testing import Tokens, emitted, once
from contracts.reference_provider.numbering import NUMBERINGS
from kit.fields.customer_parameters import TEN_DIGITS
from tests.svc_services.companies import APPLICATIONS, application, apply, approved

PROVIDERS = "/services/v1/providers"
LABEL = NUMBERINGS["telecom"].label


def kept(kind: str) -> dict[str, Any]:
    """A sample declaration as the platform shows it."""
    written = NUMBERINGS[kind].customer_parameters
    return written | {"pattern": f"^{written['pattern']}$"}


@pytest.mark.parametrize("kind", sorted(NUMBERINGS))
async def test_a_declaration_goes_from_the_application_to_clients_and_to_the_event(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, kind: str
) -> None:
    parameters = NUMBERINGS[kind].customer_parameters
    filed = await apply(api, kind=kind, customer_parameters=parameters)
    assert filed["customer_parameters"] == kept(kind)
    path = f"{APPLICATIONS}/{filed['application_id']}/approve"
    answer = await api.post(path, headers=tokens.staff("operator") | once())
    provider_id = answer.json()["provider_id"]
    listed = (await api.get(PROVIDERS, params={"kind": kind})).json()["items"]
    one = (await api.get(f"{PROVIDERS}/{provider_id}")).json()
    assert one["customer_parameters"] == kept(kind)
    assert [each["customer_parameters"] for each in listed if each["provider_id"] == provider_id] == [kept(kind)]
    async with database.read() as tx:
        (event,) = [each for each in await emitted(tx) if each.type == "cn.ili.services.provider.approved.v1"]
    assert event.data["customer_parameters"] == kept(kind)


async def test_a_company_that_declares_nothing_has_the_rule_of_before(api: httpx.AsyncClient, tokens: Tokens) -> None:
    provider_id = await approved(api, tokens)
    shown = (await api.get(f"{PROVIDERS}/{provider_id}")).json()["customer_parameters"]
    assert shown == TEN_DIGITS.model_dump(mode="json")


@pytest.mark.parametrize(
    ("changes", "code", "reason"),
    [
        ({"pattern": "([0-9]+)+"}, "bad_customer_parameters", "pattern"),
        ({"pattern": "[0-9]{1,20}[0-9]{1,12}"}, "bad_customer_parameters", "pattern"),
        ({"pattern": ""}, "bad_customer_parameters", "pattern"),
        ({"min_length": 10}, "bad_customer_parameters", "length"),
        ({"check_rule": "luhn"}, "bad_customer_parameters", "example"),
        ({"example": "12800138000"}, "bad_customer_parameters", "example"),
        ({"label": {**LABEL, "kk": "ұялы телефон"}}, "bad_customer_parameters", "label"),
        ({"label": {**LABEL, "ug": "yanfon"}}, "bad_customer_parameters", "label"),
        ({"label": {"zh": "手机号码", "en": "Mobile number"}}, "invalid_request", None),
        ({"label": {**LABEL, "zh": "  "}}, "invalid_request", None),
        ({"label": {**LABEL, "en": "x" * 41}}, "invalid_request", None),
        ({"label": {**LABEL, "en": "Mobile\u202enumber"}}, "invalid_request", None),
        ({"check_rule": "mod_10"}, "invalid_request", None),
        ({"pattern": "[0-9]" * 50}, "invalid_request", None),
        ({"min_length": "11"}, "invalid_request", None),
        ({"max_length": 33}, "invalid_request", None),
        ({"example": None}, "invalid_request", None),
    ],
)
async def test_a_faulty_declaration_is_refused_by_its_fault(
    api: httpx.AsyncClient, changes: dict[str, Any], code: str, reason: str | None
) -> None:
    parameters = NUMBERINGS["telecom"].customer_parameters | changes
    answer = await api.post(
        APPLICATIONS, json=application(kind="telecom", customer_parameters=parameters), headers=once()
    )
    assert (answer.status_code, answer.json()["code"], answer.json().get("reason")) == (422, code, reason)


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_refusal_says_what_a_declaration_needs(api: httpx.AsyncClient, language: str) -> None:
    parameters = NUMBERINGS["telecom"].customer_parameters | {"pattern": "1[0-9]+"}
    headers = {"Accept-Language": language} | once()
    answer = await api.post(APPLICATIONS, json=application(customer_parameters=parameters), headers=headers)
    assert "1[3-9][0-9]{9}" in answer.json()["detail"]
