"""Whoever has signed in before hears of a sign-in from a device that is new to their phone."""

import time
from collections.abc import Callable
from typing import Any

import time_machine

from tests.svc_identity.app_client import AppClient
from tests.svc_identity.conftest import NewAppClient


async def notices(client: AppClient, phone: str) -> list[dict[str, Any]]:
    messages = (await client.sms.get("/messages", params={"phone": phone})).json()["items"]
    return [each["params"] for each in messages if each["template"] == "new_device"]


async def test_a_new_device_is_told_to_the_phone_in_its_language(new_app_client: NewAppClient, phone: str) -> None:
    first, second = new_app_client(), new_app_client()
    second.api.headers["user-agent"] = "Mozilla/5.0 (Windows NT 10.0) Firefox/126.0"
    await first.sign_in(phone)
    assert await notices(first, phone) == []
    with time_machine.travel(time.time() + 61):
        await second.sign_in(phone, ui_locales="ug")
    assert await notices(first, phone) == [{"device": "Windows, Firefox", "language": "ug"}]
    for turn, client in ((2, first), (3, second)):
        with time_machine.travel(time.time() + 61 * turn):
            await client.sign_in(phone)
    assert len(await notices(first, phone)) == 1


async def test_a_sign_in_stands_where_the_message_cannot_be_sent(
    new_app_client: NewAppClient, phone: str, faults: Callable[..., None]
) -> None:
    first, second = new_app_client(), new_app_client()
    await first.sign_in(phone)
    with time_machine.travel(time.time() + 61):
        page = await second.code_page(phone)
        code = await second.texted_code(phone)
        faults("sms", unavailable=1)
        assert (await second.type_code(page, code)).status_code == 303
    assert await notices(first, phone) == []
