"""The page of the code: in another language on request, and when the next code can be asked for."""

import time

import pytest
import time_machine

from svc_identity.texts import languages
from tests.svc_identity.app_client import AppClient, Page


async def test_another_language_is_one_link_away_and_stays(app_client: AppClient, phone: str) -> None:
    page = await app_client.code_page(phone, ui_locales="en")
    for tag in ("zh", "kk-Arab", "ug"):
        assert f'href="{page.forms[0].action}?ui_locales={tag}"' in page.answer.text
    other = Page(await app_client.api.get(page.forms[0].action, params={"ui_locales": "ug"}))
    assert (other.root["lang"], other.root["dir"]) == ("ug", "rtl")
    refused = await app_client.type_code(other, "000000")
    assert (Page(refused).root["lang"], refused.status_code) == ("ug", 422)
    assert Page(await app_client.api.get(page.forms[0].action)).root["lang"] == "ug"


async def test_the_next_code_is_texted_in_the_language_of_the_page(app_client: AppClient, phone: str) -> None:
    page = await app_client.code_page(phone, ui_locales="en")
    other = Page(await app_client.api.get(page.forms[0].action, params={"ui_locales": "kk-Arab"}))
    with time_machine.travel(time.time() + 61):
        sent = await app_client.api.post(other.forms[-1].action, data=other.forms[-1].fields)
        assert sent.status_code == 303
    messages = (await app_client.sms.get("/messages", params={"phone": phone})).json()["items"]
    assert [each["params"]["language"] for each in messages[:2]] == ["kk-Arab", "en"]


@pytest.mark.parametrize(("passed", "left"), [(0, 60), (40, 20), (61, 0)])
async def test_it_says_how_long_it_still_takes(app_client: AppClient, phone: str, passed: int, left: int) -> None:
    page, texts = await app_client.code_page(phone, ui_locales="en"), languages()["en"]
    with time_machine.travel(time.time() + passed, tick=False):
        shown = (await app_client.api.get(page.forms[0].action)).text
    assert (f'data-seconds="{left}"' in shown, texts["ask_now"] in shown) == (left > 0, True)
    assert ('id="wait">' + texts["ask_now"] in shown) == (left == 0)
