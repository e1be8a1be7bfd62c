"""Whoever withdraws the consent to proofing represents and helps nobody any more, whatever they prove later."""

from typing import Any

import httpx
import pytest_asyncio
from sqlalchemy import select

from chassis.db import Database
from chassis.testing import emitted
from svc_identity.organisations.lost_identities.models import IdentityNotice
from svc_identity.settings import Settings
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.identities import id_number
from tests.svc_identity.oauth.acting.scene import ME, Actor, Firm
from tests.svc_identity.organisations.test_organisations import refusal
from tests.svc_identity.people.families.relatives import Relative, accepted, relative

Json = dict[str, Any]


@pytest_asyncio.fixture
async def firm(new_app_client: NewAppClient, settings: Settings) -> Firm:
    representative = await Actor(new_app_client(), "张三").proofed()
    return await Firm(representative, settings).claimed_by(representative)


async def lose(person: Actor) -> httpx.Response:
    """Withdraw the consent under which the person proved their identity."""
    items = (await person.call("GET", f"{ME}/consents")).json()["items"]
    consent = next(each for each in items if each["activity"] == "identity_proofing")
    return await person.call("POST", f"{ME}/consents/{consent['consent_id']}/withdraw")


async def become(person: Actor, name: str) -> None:
    """Lose the identity and prove another one."""
    assert (await lose(person)).status_code == 200
    person.name, person.number = name, id_number()
    await person.proofed()


async def events_of(database: Database, key: str) -> list[tuple[str, Json]]:
    async with database.read() as tx:
        found = [event for event in await emitted(tx) if event.key == key]
    return [(event.type.removeprefix("cn.ili.identity."), event.data) for event in found]


async def notices_of(database: Database, person: Actor) -> list[str]:
    person_id = (await person.call("GET", ME)).json()["person_id"]
    async with database.read() as tx:
        return [*await tx.scalars(select(IdentityNotice.what).where(IdentityNotice.person_id == person_id))]


async def test_a_representative_who_proves_another_identity_represents_nothing(firm: Firm, database: Database) -> None:
    person = firm.representative
    await become(person, "李四")
    assert (await person.call("GET", f"{ME}/organisations")).json()["items"] == []
    asked = {"phone": person.phone, "name": "王五", "scopes": ["applications"], "division_codes": ["654002"]}
    assert refusal(await person.call("POST", f"{ME}/organisations/{firm.id}/mandates", json=asked)) == (
        404,
        "not_found",
    )
    assert (await person.act(firm.id)).json()["error"] == "invalid_request"
    claimed, ended = await events_of(database, firm.id)
    assert (claimed[0], ended[0]) == ("organisation.claimed.v1", "organisation.representation_ended.v1")
    assert (ended[1]["uscc"], ended[1]["revision"]) == (firm.uscc, claimed[1]["revision"] + 1)
    ((authority, _),) = await events_of(database, f"{firm.id}/1")
    assert authority == "authority.ended.v1"
    assert await notices_of(database, person) == ["identity_lost"]


async def test_the_mandates_that_a_representative_gave_end_too(
    firm: Firm, new_app_client: NewAppClient, database: Database
) -> None:
    agent = await Actor(new_app_client()).proofed()
    mandate = await firm.mandate(agent)
    await lose(firm.representative)
    assert (await agent.act(firm.id)).json()["error"] == "invalid_request"
    assert (await agent.call("GET", f"{ME}/mandates")).json()["items"][0]["status"] == "withdrawn"
    said = dict(await events_of(database, mandate["mandate_id"]))
    assert said["mandate.ended.v1"]["status"] == "withdrawn"
    assert "authority.ended.v1" in said


async def test_a_successor_claims_the_organisation_anew(
    firm: Firm, new_app_client: NewAppClient, database: Database
) -> None:
    await lose(firm.representative)
    successor = await Actor(new_app_client(), "赵六").proofed()
    known = firm.id
    firm = await firm.claimed_by(successor)
    assert firm.id == known
    assert [data["revision"] for _, data in await events_of(database, firm.id)] == [1, 2, 3]


async def test_an_agent_who_proves_another_identity_holds_no_mandate(firm: Firm, new_app_client: NewAppClient) -> None:
    agent = await Actor(new_app_client()).proofed()
    await firm.mandate(agent)
    await become(agent, "孙七")
    assert (await agent.act(firm.id)).json()["error"] == "invalid_request"
    (held,) = (await agent.call("GET", f"{ME}/mandates")).json()["items"]
    assert (held["status"], held["ended_by"]) == ("withdrawn", None)


async def test_a_helper_who_proves_another_identity_helps_nobody(new_app_client: NewAppClient) -> None:
    helped: Relative = await relative(new_app_client, "张三")
    helper: Relative = await relative(new_app_client, "王五")
    account = await accepted(helped, helper)
    await become(helper, "孙七")
    assert (await helper.help(account)).json()["error"] == "invalid_request"
    assert [each["status"] for each in await helped.listed()] == ["withdrawn"]


async def test_tokens_of_before_are_refused_at_once_and_the_end_is_announced(firm: Firm, database: Database) -> None:
    person = firm.representative
    before = person.token
    assert (await lose(person)).status_code == 200
    assert refusal(await person.call("GET", ME, token=before)) == (401, "token_invalid")
    async with database.read() as tx:
        ended = [event for event in await emitted(tx) if event.type.endswith(".sign_in.ended.v1")]
    assert ended[-1].data["sign_in_id"]
