"""Limits over all phones: IPv6 lines, codes in a minute, and guesses that are spread over many phones."""

import asyncio

import httpx
import pytest
from sqlalchemy import URL

from chassis.db import Database
from kit.network_lines import counted
from svc_identity.settings import Settings
from svc_identity.starter import load_starter_data
from tests.databases import cloned
from tests.svc_identity.app_client import AppClient
from tests.svc_identity.conftest import browser_on, new_phone, running
from tests.svc_identity.sign_in.test_known_devices import asked
from tests.svc_identity.sign_in.test_wrong_codes import wrong


@pytest.mark.parametrize(
    ("address", "as_counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", ""),
        ("", ""),
    ],
)
def test_an_ipv6_address_counts_by_its_line(address: str, as_counted: str) -> None:
    assert counted(address) == as_counted


async def test_the_addresses_of_one_ipv6_line_share_a_limit(settings: Settings, sms: httpx.AsyncClient) -> None:
    async with running(settings, codes_per_address=3) as app:
        answers = []
        for number in range(5):
            async with browser_on(app) as api:
                api._transport.client = (f"2001:db8:77:1::{number:x}", 1)  # type: ignore[attr-defined]  # noqa: SLF001
                answers.append(await asked(AppClient(api, sms), new_phone()))
        async with browser_on(app) as api:
            api._transport.client = ("2001:db8:77:2::1", 1)  # type: ignore[attr-defined]  # noqa: SLF001
            answers.append(await asked(AppClient(api, sms), new_phone()))
    assert answers == [303, 303, 303, 429, 429, 303]


async def test_codes_in_a_minute_are_limited_for_requests_at_once_and_owners_go_on(
    template: URL, settings: Settings, sms: httpx.AsyncClient
) -> None:
    async with cloned(template) as url:
        database = Database(url)
        await load_starter_data(database)
        await database.close()
        async with (
            running(settings, database_name=url.database, codes_a_minute=6, code_resend_seconds=1) as app,
            browser_on(app) as home,
        ):
            phone = new_phone()
            owner = AppClient(home, sms)
            await owner.sign_in(phone)
            strangers = [AppClient(browser_on(app), sms) for _ in range(12)]
            answers = await asyncio.gather(*(asked(each, new_phone()) for each in strangers))
            assert sorted(answers) == [*[303] * 5, *[429] * 7]
            refused = await strangers[0].type_phone(await strangers[0].begin(), new_phone())
            assert (refused.status_code, 1 <= int(refused.headers["retry-after"]) <= 60) == (429, True)
            await asyncio.sleep(1)
            assert await asked(owner, phone) == 303
            for each in strangers:
                await each.api.aclose()


async def test_guesses_over_many_phones_leave_strangers_two_tries_and_owners_all(
    template: URL, settings: Settings, sms: httpx.AsyncClient
) -> None:
    async with cloned(template) as url:
        database = Database(url)
        await load_starter_data(database)
        await database.close()
        limits = {"wrong_codes_in_ten_minutes": 6, "code_resend_seconds": 1}
        async with running(settings, database_name=url.database, **limits) as app, browser_on(app) as home:
            owner, own = AppClient(home, sms), new_phone()
            await owner.sign_in(own)
            counts = []
            for phone in (new_phone(), new_phone(), new_phone()):
                async with browser_on(app) as api:
                    counts.append(await tries(AppClient(api, sms), phone))
            assert counts == [5, 2, 2]
            await asyncio.sleep(1)
            assert await tries(owner, own) == 5


async def tries(client: AppClient, phone: str) -> int:
    """How many different wrong codes are counted before the code is worth nothing."""
    page = await client.code_page(phone)
    right = await client.texted_code(phone)
    for number in range(1, 10):
        answer = await client.type_code(page, f"{(int(wrong(right)) + number) % 1_000_000:06}")
        if answer.status_code == 429:
            return number
    raise AssertionError("the code is good for ever")
