"""An operator suspends a person or a client at once, a second one lifts it, and meanwhile nothing of theirs works."""

import asyncio
import time
from typing import Any

import httpx
import pytest
import time_machine
from sqlalchemy import select

from chassis.db import Database, new_id
from chassis.testing import emitted, once
from svc_identity.fields import normalise_phone
from svc_identity.oauth.models import TokenFamily
from svc_identity.people.persons.service import registered
from tests.svc_identity.app_client import AUTHORIZE, AppClient, Page, bearer
from tests.svc_identity.conftest import Browsers, NewAppClient, new_phone
from tests.svc_identity.oauth.providers import ProviderSystem
from tests.svc_identity.oauth.test_client_credentials import INVALID_CLIENT
from tests.svc_identity.oauth.test_client_credentials import registered as registered_client
from tests.svc_identity.oauth.test_codes import refusal
from tests.svc_identity.organisations.role_changes.conftest import Platform, platform
from tests.svc_identity.organisations.role_changes.requests import Headers

__all__ = ["platform"]

SUSPENSIONS, ME, USERINFO = "/identity/v1/suspensions", "/identity/v1/me", "/identity/v1/oauth/userinfo"


async def suspend(api: httpx.AsyncClient, operator: Headers, **subject: str) -> httpx.Response:
    body = {"reason": "reported as taken over", **subject}
    return await api.post(SUSPENSIONS, json=body, headers=operator | once())


async def lift(api: httpx.AsyncClient, operator: Headers, suspension_id: str) -> httpx.Response:
    body = {"reason": "the owner was at the counter"}
    return await api.post(f"{SUSPENSIONS}/{suspension_id}/lift", json=body, headers=operator | once())


async def suspended(api: httpx.AsyncClient, operator: Headers, **subject: str) -> dict[str, Any]:
    answer = await suspend(api, operator, **subject)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def person_of(database: Database, phone: str) -> str:
    async with database.read() as tx:
        return str(await registered(tx, normalise_phone(phone)))


async def events_about(database: Database, subject: str) -> list[tuple[str, int]]:
    async with database.read() as tx:
        return [
            (each.type.removeprefix("cn.ili.identity.").removesuffix(".v1"), each.data["revision"])
            for each in await emitted(tx)
            if each.key == subject and "revision" in each.data
        ]


async def test_nothing_of_a_suspended_person_works_until_a_second_operator_lifts_it(
    app_client: AppClient, database: Database, operator: Headers, second_operator: Headers, phone: str
) -> None:
    api, tokens = app_client.api, await app_client.tokens(phone)
    said = await suspended(api, operator, subject="phone", phone=phone)
    person_id = await person_of(database, phone)
    assert (said["person_id"], said["client_id"], said["lifted_at"]) == (person_id, None, None)
    refused = await api.get(ME, headers=bearer(tokens))
    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")
    assert refused.headers["www-authenticate"].startswith('Bearer realm="myili", error="invalid_token"')
    assert refusal(await app_client.refresh(tokens["refresh_token"]))[:2] == (400, "invalid_grant")
    lifted = await lift(api, second_operator, said["suspension_id"])
    assert (lifted.status_code, lifted.json()["lift_reason"]) == (200, "the owner was at the counter")
    assert (await api.get(ME, headers=bearer(tokens))).status_code == 401
    with time_machine.travel(time.time() + 61):
        assert (await api.get(ME, headers=bearer(await app_client.tokens(phone)))).status_code == 200
    assert await events_about(database, person_id) == [("person.suspended", 1), ("person.resumed", 2)]


async def test_the_sign_in_page_says_what_a_suspended_person_does(
    app_client: AppClient, operator: Headers, phone: str
) -> None:
    await app_client.sign_in(phone)
    await suspended(app_client.api, operator, subject="phone", phone=phone)
    with time_machine.travel(time.time() + 61):
        page = await app_client.code_page(phone, ui_locales="en")
        answer = await app_client.type_code(page, await app_client.texted_code(phone))
    assert answer.status_code == 403
    assert "This account is suspended" in answer.text
    assert "service counter" in answer.text


async def test_a_suspension_is_lifted_by_another_operator_once(
    api: httpx.AsyncClient, app_client: AppClient, operator: Headers, second_operator: Headers, phone: str
) -> None:
    await app_client.sign_in(phone)
    suspension_id = (await suspended(api, operator, subject="phone", phone=phone))["suspension_id"]
    own = await lift(api, operator, suspension_id)
    assert (own.status_code, own.json()["code"]) == (403, "second_person_needed")
    answers = await asyncio.gather(*(lift(api, second_operator, suspension_id) for _ in range(6)))
    assert sorted(each.status_code for each in answers) == [200, *[409] * 5]
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"suspension_lifted"}


async def test_several_suspensions_at_once_are_one(
    api: httpx.AsyncClient, app_client: AppClient, operator: Headers, second_operator: Headers, phone: str
) -> None:
    await app_client.sign_in(phone)
    both = [operator, second_operator] * 4
    answers = await asyncio.gather(*(suspend(api, each, subject="phone", phone=phone) for each in both))
    assert sorted(each.status_code for each in answers) == [201, *[409] * 7]
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"already_suspended"}


async def test_a_code_of_a_suspended_person_gives_nothing(app_client: AppClient, operator: Headers, phone: str) -> None:
    code = await app_client.sign_in(phone)
    await suspended(app_client.api, operator, subject="phone", phone=phone)
    assert refusal(await app_client.redeem(code))[:2] == (400, "invalid_grant")


async def test_what_is_issued_at_the_same_time_leaves_nothing_that_works(
    new_app_client: NewAppClient, database: Database, operator: Headers, phone: str
) -> None:
    first, phones = new_app_client(), (phone, new_phone())
    tokens, second = await first.tokens(phones[0]), new_app_client()
    code = await second.sign_in(phones[1])
    answers = await asyncio.gather(
        first.refresh(tokens["refresh_token"]),
        second.redeem(code),
        *(suspend(first.api, operator, subject="phone", phone=each) for each in phones),
        first.refresh(tokens["refresh_token"]),
    )
    assert [each.status_code for each in answers[2:4]] == [201, 201]
    for answer in (*answers[:2], answers[4]):
        if answer.status_code == 200:
            assert (await first.api.get(ME, headers=bearer(answer.json()))).status_code == 401
            assert (await first.refresh(answer.json()["refresh_token"])).status_code == 400
    persons = [await person_of(database, each) for each in phones]
    async with database.read() as tx:
        lasting = select(TokenFamily.id).where(TokenFamily.person_id.in_(persons), TokenFamily.ended_at.is_(None))
        assert list(await tx.scalars(lasting)) == []


async def test_nobody_suspends_the_client_of_all_staff(api: httpx.AsyncClient, operator: Headers) -> None:
    refused = await suspend(api, operator, subject="client", client_id="myili-staff")
    assert (refused.status_code, refused.json()["code"]) == (409, "staff_console")
    assert (await api.get("/identity/v1/suspensions", headers=operator)).status_code == 200


async def test_a_suspended_system_gets_no_token_and_its_own_is_refused(
    api: httpx.AsyncClient, database: Database, operator: Headers, second_operator: Headers
) -> None:
    provider = await registered_client(database, ProviderSystem())
    said = await suspended(api, operator, subject="client", client_id=provider.provider_id)
    assert refusal(await provider.token(api)) == INVALID_CLIENT
    again = await suspend(api, second_operator, subject="client", client_id=provider.provider_id)
    assert (again.status_code, again.json()["code"]) == (409, "already_suspended")
    assert (await lift(api, second_operator, said["suspension_id"])).status_code == 200
    assert (await provider.token(api)).status_code == 200
    told = await events_about(database, provider.provider_id)
    assert told == [("client.suspended", 1), ("client.resumed", 2)]


async def test_a_suspended_app_signs_nobody_in(platform: Platform, phone: str) -> None:
    client = AppClient(platform.api, platform.sms)
    tokens = await client.tokens(phone)
    await suspended(platform.api, platform.first, subject="client", client_id="myili-app")
    assert (await client.api.get(USERINFO, headers=bearer(tokens))).status_code == 401
    assert refusal(await client.refresh(tokens["refresh_token"])) == INVALID_CLIENT
    answer = await client.api.get(AUTHORIZE, params=client.request(ui_locales="en"))
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert "suspended by the platform" in Page(answer).answer.text


async def test_the_last_two_operators_are_not_suspended(platform: Platform) -> None:
    for actor, subject in ((platform.first, platform.second), (platform.second, platform.first)):
        person_id = (await platform.api.get(ME, headers=subject)).json()["person_id"]
        refused = await suspend(platform.api, actor, subject="person", person_id=person_id)
        assert (refused.status_code, refused.json()["code"]) == (409, "last_operators")
    assert (await platform.api.get(ME, headers=platform.second)).status_code == 200


async def test_a_suspended_operator_no_longer_counts_as_one(platform: Platform) -> None:
    client, phone, _ = await platform.person()
    await platform.appoint(phone)
    third = bearer(await client.renewed())
    person_id = (await platform.api.get(ME, headers=third)).json()["person_id"]
    await suspended(platform.api, platform.first, subject="person", person_id=person_id)
    assert (await suspend(platform.api, third, subject="phone", phone=phone)).status_code == 401
    first_id = (await platform.api.get(ME, headers=platform.first)).json()["person_id"]
    refused = await suspend(platform.api, platform.second, subject="person", person_id=first_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "last_operators")


@pytest.mark.parametrize(
    "subject", [{"subject": "person", "person_id": str(new_id())}, {"subject": "client", "client_id": "nobody"}]
)
async def test_who_is_not_known_is_not_suspended(
    api: httpx.AsyncClient, operator: Headers, subject: dict[str, str]
) -> None:
    assert (await suspend(api, operator, **subject)).status_code == 404


async def test_suspensions_are_listed_for_operators_and_nobody_else(
    app_client: AppClient, new_app_client: NewAppClient, browsers: Browsers, operator: Headers, phone: str
) -> None:
    resident, api = bearer(await app_client.tokens(phone)), browsers()
    said = await suspended(api, operator, subject="phone", phone=phone)
    for lasting, listed in (("true", True), ("false", False)):
        answer = await api.get(SUSPENSIONS, params={"lasting": lasting, "limit": 200}, headers=operator)
        assert (said in answer.json()["items"]) is listed
    assert (await api.get(SUSPENSIONS, headers=resident)).status_code == 401
    other = bearer(await new_app_client().tokens(new_phone()))
    assert (await api.get(SUSPENSIONS, headers=other)).status_code == 403
    assert (await suspend(api, other, subject="phone", phone=phone)).status_code == 403
