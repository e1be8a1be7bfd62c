"""An agent acts for an organisation by a mandate that the representative proposes and the agent accepts."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import update

from chassis.db import Database, now
from chassis.testing import emitted, once
from svc_identity.organisations.mandates import service
from svc_identity.organisations.mandates.models import Mandate
from svc_identity.settings import Settings
from tests.svc_identity.app_client import bearer
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.identities import id_number, new_uscc, proof
from tests.svc_identity.organisations.representation.test_representation import (
    OWN,
    Person,
    appoint,
    claim,
    proved,
)
from tests.svc_identity.organisations.test_organisations import refusal

MANDATES = "/identity/v1/me/mandates"
Json = dict[str, Any]


class Firm:
    """An organisation with its representative, and the phone of an agent."""

    def __init__(self, api: httpx.AsyncClient, representative: Person, organisation_id: str) -> None:
        self.api, self.representative = api, representative
        self.path = f"{OWN}/{organisation_id}/mandates"
        self.phone = new_phone()

    async def propose(self, headers: dict[str, str] | None = None, **changes: object) -> httpx.Response:
        usual = {"phone": self.phone, "name": "王五", "scopes": ["applications"], "division_codes": ["654002"]}
        return await self.api.post(
            self.path, json={**usual, **changes}, headers=(headers or self.representative[0]) | once()
        )

    async def proposed(self) -> Json:
        answer = await self.propose()
        assert answer.status_code == 201, answer.text
        mandate: Json = answer.json()
        return mandate

    async def step(self, mandate: Json, step: str, headers: dict[str, str]) -> httpx.Response:
        return await self.api.post(f"{MANDATES}/{mandate['mandate_id']}/{step}", headers=headers | once())


@pytest_asyncio.fixture
async def firm(new_app_client: NewAppClient, api: httpx.AsyncClient, settings: Settings) -> Firm:
    representative, uscc = await proved(new_app_client), new_uscc()
    appoint(settings, uscc, representative)
    return Firm(api, representative, (await claim(api, representative, uscc)).json()["organisation_id"])


async def agent(new_app_client: NewAppClient, phone: str, name: str = "王五") -> dict[str, str]:
    client = new_app_client()
    headers = bearer(await client.tokens(phone))
    proving = await client.api.post("/identity/v1/me/proofing", json=proof(name, id_number()), headers=headers | once())
    assert proving.status_code == 200, proving.text
    return bearer(await client.renewed())


async def mandate_events(database: Database, mandate: Json) -> list[tuple[str, Json]]:
    async with database.read() as tx:
        of_it = [event for event in await emitted(tx) if event.key == mandate["mandate_id"]]
    events = [event for event in of_it if ".mandate." in event.type]
    return [(event.type.split(".")[-2], event.data) for event in events]


async def test_a_mandate_is_proposed_accepted_and_withdrawn_by_either(
    firm: Firm, new_app_client: NewAppClient, database: Database
) -> None:
    headers = await agent(new_app_client, firm.phone)
    for by_agent in (False, True):
        mandate = await firm.proposed()
        assert (mandate["status"], mandate["agent_id"]) == ("proposed", None)
        accepted = await firm.step(mandate, "accept", headers)
        assert (accepted.status_code, accepted.json()["status"]) == (200, "active")
        ended = await firm.step(mandate, "withdraw", headers if by_agent else firm.representative[0])
        assert ended.json()["status"] == "withdrawn"
        (_, accepted_event), (_, ended_event) = await mandate_events(database, mandate)
        assert accepted_event["agent_id"] == ended_event["agent_id"] == accepted.json()["agent_id"]
        assert (accepted_event["scopes"], accepted_event["division_codes"]) == (["applications"], ["654002"])
        assert "王五" not in str(accepted_event)


async def test_both_sides_list_it(firm: Firm, new_app_client: NewAppClient) -> None:
    mandate = await firm.proposed()
    headers = await agent(new_app_client, firm.phone)
    for path, who in ((MANDATES, headers), (firm.path, firm.representative[0])):
        items = (await firm.api.get(path, headers=who)).json()["items"]
        assert [item["mandate_id"] for item in items] == [mandate["mandate_id"]]
        assert firm.phone not in str(items)


async def test_a_recycled_phone_does_not_inherit_a_mandate(firm: Firm, new_app_client: NewAppClient) -> None:
    mandate = await firm.proposed()
    stranger = await agent(new_app_client, firm.phone, "赵六")
    assert refusal(await firm.step(mandate, "accept", stranger)) == (403, "mandate_for_other")


async def test_a_phone_alone_accepts_nothing(firm: Firm, new_app_client: NewAppClient) -> None:
    mandate = await firm.proposed()
    headers = bearer(await new_app_client().tokens(firm.phone))
    assert refusal(await firm.step(mandate, "accept", headers)) == (403, "assurance_too_low")


async def test_others_neither_see_nor_move_it(firm: Firm, new_app_client: NewAppClient) -> None:
    mandate = await firm.proposed()
    other = await agent(new_app_client, new_phone())
    for step in ("accept", "decline", "withdraw"):
        assert refusal(await firm.step(mandate, step, other)) == (404, "not_found")
    assert refusal(await firm.propose(other)) == (404, "not_found")
    assert refusal(await firm.api.get(firm.path, headers=other)) == (404, "not_found")


async def test_a_declined_mandate_is_over_and_another_may_follow(firm: Firm, new_app_client: NewAppClient) -> None:
    mandate = await firm.proposed()
    assert refusal(await firm.propose()) == (409, "mandate_exists")
    headers = await agent(new_app_client, firm.phone)
    assert (await firm.step(mandate, "decline", headers)).json()["status"] == "declined"
    assert refusal(await firm.step(mandate, "accept", headers)) == (409, "illegal_move")
    assert (await firm.propose()).status_code == 201


async def test_it_ends_on_its_last_day(firm: Firm, new_app_client: NewAppClient, database: Database) -> None:
    mandate = await firm.proposed()
    headers = await agent(new_app_client, firm.phone)
    await firm.step(mandate, "accept", headers)
    async with database.transaction() as tx:
        past = now() - timedelta(seconds=1)
        await tx.execute(update(Mandate).where(Mandate.id == UUID(mandate["mandate_id"])).values(valid_until=past))
        await service.expire(tx)
    assert [(kind, data.get("status")) for kind, data in await mandate_events(database, mandate)] == [
        ("accepted", None),
        ("ended", "expired"),
    ]


async def test_of_proposals_and_acceptances_at_once_one_counts(
    firm: Firm, new_app_client: NewAppClient, database: Database
) -> None:
    answers = await asyncio.gather(*(firm.propose() for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    mandate = next(answer.json() for answer in answers if answer.status_code == 201)
    headers = await agent(new_app_client, firm.phone)
    taken = await asyncio.gather(*(firm.step(mandate, "accept", headers) for _ in range(3)))
    assert sorted(answer.status_code for answer in taken) == [200, 409, 409]
    assert len(await mandate_events(database, mandate)) == 1


async def test_a_displaced_representative_gives_no_mandates(
    firm: Firm, new_app_client: NewAppClient, settings: Settings
) -> None:
    uscc = (await firm.api.get(OWN, headers=firm.representative[0])).json()["items"][0]["uscc"]
    new = await proved(new_app_client, "李四")
    appoint(settings, uscc, new)
    await claim(firm.api, new, uscc)
    assert refusal(await firm.propose()) == (404, "not_found")
    assert (await firm.propose(new[0])).status_code == 201


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"division_codes": ["650100"]}, "unknown_division"),
        ({"division_codes": []}, "invalid_request"),
        ({"scopes": ["pay"]}, "invalid_request"),
        ({"until": "2020-01-01"}, "invalid_request"),
    ],
)
async def test_what_no_mandate_can_say_is_refused(firm: Firm, changes: Json, code: str) -> None:
    assert refusal(await firm.propose(None, **changes)) == (422, code)


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("zh", "最后一天最早为今天"),
        ("en", "the last day is today at the earliest"),
        ("kk-Arab", "سوڭعى كۇن ەڭ ەرتە بۇگىن"),
        ("ug", "ئاخىرقى كۈن ئەڭ بالدۇر بۈگۈن"),
    ],
)
async def test_a_last_day_in_the_past_is_refused_without_speaking_of_roles(
    firm: Firm, language: str, says: str
) -> None:
    refused = await firm.propose(firm.representative[0] | {"Accept-Language": language}, until="2020-01-01")
    assert says in refused.text
