"""Whoever asks for codes of somebody else's phone keeps its owner out of no browser that the owner has used."""

import asyncio
import secrets
import time
from datetime import timedelta

import httpx
import time_machine
from sqlalchemy import func, select

from chassis.db import Database
from svc_identity.fields import normalise_phone
from svc_identity.people.persons.service import phone_index
from svc_identity.settings import Settings
from svc_identity.sign_in.browser import COOKIE, COOKIE_LIFE
from svc_identity.sign_in.known_devices import DEVICES_OF_A_PHONE, know_device
from svc_identity.sign_in.models import KnownDevice, SignIn
from svc_identity.worker import prune_what_expired
from tests.svc_identity.app_client import AppClient
from tests.svc_identity.conftest import NewAppClient, browser_on, new_phone, running


async def asked(client: AppClient, phone: str) -> int:
    return (await client.type_phone(await client.begin(), phone)).status_code


async def exhausted_by_strangers(new_app_client: NewAppClient, phone: str, start: float) -> None:
    """Codes are asked for until a day's worth is used up."""
    for turn in range(1, 22):
        with time_machine.travel(start + turn * 3_600):
            answer = await asked(new_app_client(), phone)
    assert answer == 429


async def test_strangers_use_up_no_code_of_the_owner(new_app_client: NewAppClient, phone: str) -> None:
    owner, start = new_app_client(), time.time()
    await owner.sign_in(phone)
    await exhausted_by_strangers(new_app_client, phone, start)
    with time_machine.travel(start + 21 * 3_600 + 60):
        assert await asked(new_app_client(), phone) == 429
        assert "access_token" in await owner.tokens(phone)


async def test_a_known_device_has_limits_of_its_own(new_app_client: NewAppClient, phone: str) -> None:
    owner, start = new_app_client(), time.time()
    await owner.sign_in(phone)
    answers = []
    for turn in range(1, 23):
        with time_machine.travel(start + turn * 600):
            answers.append(await asked(owner, phone))
    assert answers == [*[303] * 20, 429, 429]


async def test_its_limit_holds_for_requests_at_once(new_app_client: NewAppClient, phone: str) -> None:
    owner = new_app_client()
    await owner.sign_in(phone)
    page = await owner.begin()
    answers = await asyncio.gather(*(owner.type_phone(page, phone) for _ in range(8)))
    messages = (await owner.sms.get("/messages", params={"phone": phone})).json()["items"]
    assert ({answer.status_code for answer in answers}, len(messages)) == ({303}, 2)


async def test_a_device_is_known_to_its_own_phone_only(new_app_client: NewAppClient, phone: str) -> None:
    stranger, start = new_app_client(), time.time()
    await stranger.sign_in(new_phone())
    await exhausted_by_strangers(new_app_client, phone, start)
    with time_machine.travel(start + 21 * 3_600 + 60):
        assert await asked(stranger, phone) == 429


async def test_a_cookie_that_was_made_up_is_not_known(new_app_client: NewAppClient, phone: str) -> None:
    owner, forger, start = new_app_client(), new_app_client(), time.time()
    await owner.sign_in(phone)
    secret, _, mac = owner.api.cookies[COOKIE].partition(".")
    await exhausted_by_strangers(new_app_client, phone, start)
    forger.api.cookies.set(COOKIE, f"{secret}.{mac[::-1]}", path="/identity/v1/oauth/authorize")
    with time_machine.travel(start + 21 * 3_600 + 60):
        assert await asked(forger, phone) == 429


async def test_a_code_that_was_not_typed_makes_no_device_known(
    new_app_client: NewAppClient, database: Database, phone: str
) -> None:
    await new_app_client().code_page(phone)
    assert await known(database, phone) == 0


async def test_an_address_that_others_used_up_does_not_keep_the_owner_out(
    settings: Settings, sms: httpx.AsyncClient, phone: str
) -> None:
    async with running(settings, codes_per_address=3) as app, browser_on(app) as home, browser_on(app) as other:
        for api in (home, other):
            api._transport.client = ("203.0.113.77", 1)  # type: ignore[attr-defined]  # noqa: SLF001 - its own setting
        await AppClient(home, sms).sign_in(phone)
        strangers = [await asked(AppClient(other, sms), new_phone()) for _ in range(3)]
        assert (strangers, await asked(AppClient(home, sms), phone)) == ([303, 303, 429], 303)


async def test_the_devices_of_a_phone_are_bounded_and_forgotten(
    new_app_client: NewAppClient, database: Database, phone: str
) -> None:
    start = time.time()
    for turn in range(DEVICES_OF_A_PHONE + 1):
        with time_machine.travel(start + turn * 7_200):
            await new_app_client().sign_in(phone)
    assert await known(database, phone) == DEVICES_OF_A_PHONE
    with time_machine.travel(start + COOKIE_LIFE.total_seconds() + timedelta(days=2).total_seconds()):
        await prune_what_expired(database)
    assert await known(database, phone) == 0


async def test_the_devices_of_a_phone_are_bounded_for_sign_ins_at_once(database: Database, phone: str) -> None:
    async def signed_in() -> None:
        async with database.transaction() as tx:
            await know_device(tx, SignIn(phone=normalise_phone(phone), browser_hash=secrets.token_bytes(32)))

    await asyncio.gather(*(signed_in() for _ in range(20)))
    assert await known(database, phone) == DEVICES_OF_A_PHONE


async def known(database: Database, phone: str) -> int:
    of_phone = KnownDevice.phone_index == phone_index(normalise_phone(phone))
    async with database.read() as tx:
        return await tx.scalar(select(func.count()).select_from(KnownDevice).where(of_phone)) or 0
