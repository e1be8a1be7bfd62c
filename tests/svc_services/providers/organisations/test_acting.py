"""Agents apply with a token in which they act for their organisation; it is good for that one, where it says."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from svc_services.providers.applications.models import ProviderApplication
from tests.svc_services.companies import APPLICATIONS, application, apply, uscc
from tests.svc_services.providers.organisations.test_organisations import claimed, file, status


def acting(tokens: Tokens, organisation: str, actor: UUID | None = None, **changes: Any) -> dict[str, str]:  # noqa: ANN401 - claims
    """The header of a person who acts for an organisation."""
    usual: dict[str, Any] = {"kind": "organisation", "scope": "applications", "authority": str(new_id())}
    usual |= {"act": {"sub": str(actor or new_id())}, "division_codes": ["654002", "654021"]}
    return {"Authorization": f"Bearer {tokens.sign(sub=organisation, **{**usual, **changes})}"}


async def test_an_agent_applies_by_a_token_of_the_organisation_and_both_are_kept(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, organisation, agent = uscc(), str(new_id()), new_id()
    stranger = await apply(api, uscc=code)
    await claimed(database, code, new_id(), organisation=organisation)
    own = await file(api, code, acting(tokens, organisation, agent))
    assert (own.status_code, own.json()["proved"]) == (201, True)
    assert await status(api, stranger) == "displaced"
    kept = select(ProviderApplication).where(ProviderApplication.id == UUID(own.json()["application_id"]))
    async with database.read() as tx:
        application = (await tx.scalars(kept)).one()
    assert (application.uscc, application.proved_by) == (code, agent)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"sub": str(UUID(int=1))}, "not_for_organisation"),
        ({"division_codes": ["654002"]}, "beyond_mandate"),
        ({"division_codes": None}, "beyond_mandate"),
        ({"scope": "bills"}, "not_allowed"),
    ],
)
async def test_it_is_good_for_that_organisation_there_and_for_this(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, changes: dict[str, Any], refusal: str
) -> None:
    code, organisation = uscc(), str(new_id())
    await claimed(database, code, new_id(), organisation=organisation)
    subject = changes.get("sub", organisation)
    rest = {name: value for name, value in changes.items() if name != "sub"}
    answer = await file(api, code, acting(tokens, subject, **rest), division_codes=["654002", "654021"])
    assert (answer.status_code, answer.json()["code"]) == (403, refusal)


async def test_one_who_acts_within_an_act_is_nobody(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> None:
    code, organisation = uscc(), str(new_id())
    await claimed(database, code, new_id(), organisation=organisation)
    nested = {"sub": str(new_id()), "act": {"sub": str(new_id())}}
    answer = await file(api, code, acting(tokens, organisation, act=nested))
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


async def test_an_organisation_is_no_person(api: httpx.AsyncClient, tokens: Tokens) -> None:
    headers = acting(tokens, str(new_id()), scope="accounts staff", assurance_level=3)
    for path in ("/services/v1/account-bindings", APPLICATIONS):
        answer = await api.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), path


async def test_two_agents_with_the_same_key_do_not_get_each_others_answer(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, organisation = uscc(), str(new_id())
    await claimed(database, code, new_id(), organisation=organisation)
    key, body = once(), application(uscc=code)
    first, second = [
        await api.post(APPLICATIONS, json=body, headers=acting(tokens, organisation) | key) for _ in range(2)
    ]
    assert (first.status_code, second.status_code) == (201, 409)
    assert second.json()["code"] == "application_exists"
