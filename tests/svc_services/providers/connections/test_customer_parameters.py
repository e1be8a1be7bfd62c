"""A connected company declares other account numbers: itself with two secrets, or two operators for it."""

from typing import Any

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from contracts.reference_provider.numbering import NUMBERINGS
from kit.fields.customer_parameters import TEN_DIGITS
from svc_services.providers.connections.models import Action
from tests.svc_services.providers.applications.test_customer_parameters import kept
from tests.svc_services.providers.connections.companies import CHANGES, Company, connected, new_key

WANTED: dict[str, Any] = {
    "action": Action.DECLARE_CUSTOMER_PARAMETERS,
    "customer_parameters": NUMBERINGS["electricity"].customer_parameters,
}


async def shown(api: httpx.AsyncClient, company: Company) -> object:
    return (await api.get(company.path)).json()["customer_parameters"]


async def test_the_company_declares_them_and_the_event_carries_them(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    company = await connected(api, tokens)
    changed = await company.change(api, **WANTED)
    assert (changed.status_code, changed.json()["status"]) == (201, "approved")
    assert changed.json()["details"] == {"customer_parameters": kept("electricity")}
    assert await shown(api, company) == kept("electricity")
    connection = await api.get(f"{company.path}/connection", headers=tokens.staff("operator"))
    assert connection.json()["customer_parameters"] == kept("electricity")
    async with database.read() as tx:
        (event,) = [each for each in await emitted(tx) if each.type == "cn.ili.services.provider.updated.v1"]
    assert (event.data["revision"], event.data["customer_parameters"]) == (1, kept("electricity"))


async def test_other_changes_carry_them_too(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> None:
    company = await connected(api, tokens, customer_parameters=NUMBERINGS["cable_tv"].customer_parameters)
    assert (await company.suspend(api)).status_code == 200
    assert (await company.change(api, action=Action.RESUME)).status_code == 201
    async with database.read() as tx:
        events = [each for each in await emitted(tx) if each.type.startswith("cn.ili.services.provider.")]
    assert [each.data["customer_parameters"] for each in events] == [kept("cable_tv")] * 3


async def test_an_operator_alone_changes_nothing_and_a_second_one_approves(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    company = await connected(api, tokens)
    first, second = (tokens.staff("operator", person_id=new_id()) for _ in range(2))
    body = {"reason": "the company has renumbered its customers", **WANTED}
    proposed = await api.post(f"{company.path}/changes", json=body, headers=first | once())
    assert (proposed.status_code, proposed.json()["status"]) == (201, "proposed")
    assert await shown(api, company) == TEN_DIGITS.model_dump(mode="json")
    path = f"{CHANGES}/{proposed.json()['provider_change_id']}/approve"
    own = await api.post(path, headers=first | once())
    assert (own.status_code, own.json()["code"]) == (403, "second_person_needed")
    assert (await api.post(path, headers=second | once())).status_code == 200
    assert await shown(api, company) == kept("electricity")


@pytest.mark.parametrize("guessed", ["token", "key"])
async def test_a_thief_of_one_secret_declares_nothing(api: httpx.AsyncClient, tokens: Tokens, guessed: str) -> None:
    company = await connected(api, tokens)
    content = {"reason": "mine now", **WANTED}
    path = f"{company.path}/changes"
    answer = (
        await company.post(api, path, content, application_token="guessed")  # noqa: S106 - a wrong one
        if guessed == "token"
        else await company.post(api, path, content, key=new_key("k1"))
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "company_proof_invalid")
    assert await shown(api, company) == TEN_DIGITS.model_dump(mode="json")


async def test_a_faulty_declaration_is_refused(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company = await connected(api, tokens)
    parameters = NUMBERINGS["electricity"].customer_parameters | {"pattern": "0[0-9]*"}
    answer = await company.change(api, action=Action.DECLARE_CUSTOMER_PARAMETERS, customer_parameters=parameters)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_customer_parameters")
    assert answer.json()["reason"] == "pattern"
