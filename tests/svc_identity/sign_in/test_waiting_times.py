"""Pages that refuse for a time: Retry-After and the page say how long, truly, and in the language of the page."""

import time
from html import unescape

import httpx
import pytest
import time_machine

from svc_identity.settings import Settings
from svc_identity.sign_in.pages import after
from svc_identity.texts import languages
from tests.svc_identity.app_client import AppClient, Page
from tests.svc_identity.conftest import browser_on, new_phone, running
from tests.svc_identity.sign_in.test_wrong_codes import wrong


async def send_again(app_client: AppClient, page: Page) -> httpx.Response:
    form = page.forms[-1]
    return await app_client.api.post(form.action, data=form.fields)


def wait_of(answer: httpx.Response) -> int:
    assert answer.status_code == 429
    return int(answer.headers["retry-after"])


@pytest.mark.parametrize(
    ("seconds", "unit", "count"),
    [
        *((1, "seconds", 1), (59, "seconds", 59), (60, "minutes", 1), (61, "minutes", 2), (3_600, "minutes", 60)),
        *((7_199, "minutes", 120), (7_200, "hours", 2), (86_400, "hours", 24)),
    ],
)
@pytest.mark.parametrize("tag", ["zh", "en", "kk-Arab", "ug"])
def test_a_wait_is_said_in_the_unit_that_people_use(tag: str, seconds: int, unit: str, count: int) -> None:
    texts = languages()[tag]
    assert after(texts, seconds) == texts[f"after_{unit}"].replace("{count}", str(count))


@pytest.mark.parametrize("tag", ["zh", "en", "kk-Arab", "ug"])
async def test_the_page_says_minutes_in_its_language(app_client: AppClient, phone: str, tag: str) -> None:
    page = await app_client.code_page(phone, ui_locales=tag)
    texts = languages()[tag]
    assert texts["not_received"].replace("{wait}", texts["after_minutes"].replace("{count}", "1")) in page.answer.text
    answer = await send_again(app_client, page)
    wait = after(texts, wait_of(answer))
    assert texts["too_many_codes"].replace("{wait}", wait) in answer.text
    assert texts["not_received"].replace("{wait}", wait) in answer.text


async def test_the_next_code_is_sent_when_the_page_says(app_client: AppClient, phone: str) -> None:
    page = await app_client.code_page(phone)
    start = time.time()
    with time_machine.travel(start + 20, tick=False):
        wait = wait_of(await send_again(app_client, page))
    assert 30 <= wait <= 40
    with time_machine.travel(start + 20 + wait - 2, tick=False):
        assert wait_of(await send_again(app_client, page)) <= 2
    with time_machine.travel(start + 20 + wait, tick=False):
        assert (await send_again(app_client, page)).status_code == 303


async def test_after_ten_codes_the_wait_is_that_of_the_hour(app_client: AppClient, phone: str) -> None:
    start = time.time()
    page = await app_client.code_page(phone)
    for turn in range(1, 10):
        with time_machine.travel(start + turn * 100):
            assert (await send_again(app_client, page)).status_code == 303
    with time_machine.travel(start + 1_000, tick=False):
        wait = wait_of(await send_again(app_client, page))
    assert 2_595 <= wait <= 2_600 + 5
    with time_machine.travel(start + 1_000 + wait, tick=False):
        assert (await app_client.code_page(phone)).answer.status_code == 200


async def test_the_wait_of_an_address_is_true(settings: Settings, sms: httpx.AsyncClient) -> None:
    async with running(settings, codes_per_address=2) as app, browser_on(app) as api:
        api._transport.client = ("203.0.113.30", 1)  # type: ignore[attr-defined]  # noqa: SLF001 - its own setting
        client, start = AppClient(api, sms), time.time()
        for seconds in (0, 600):
            with time_machine.travel(start + seconds):
                assert (await client.type_phone(await client.begin(), new_phone())).status_code == 303
        with time_machine.travel(start + 1_200, tick=False):
            wait = wait_of(await client.type_phone(await client.begin(), new_phone()))
        assert 2_400 <= wait <= 2_405
        with time_machine.travel(start + 1_200 + wait - 10, tick=False):
            assert wait_of(await client.type_phone(await client.begin(), new_phone())) <= 10
        with time_machine.travel(start + 1_200 + wait, tick=False):
            assert (await client.type_phone(await client.begin(), new_phone())).status_code == 303


async def test_without_tries_the_wait_is_that_for_the_next_code(app_client: AppClient, phone: str) -> None:
    page, start = await app_client.code_page(phone, ui_locales="ug"), time.time()
    code = await app_client.texted_code(phone)
    for step in range(1, 5):
        await app_client.type_code(page, wrong(code, step))
    with time_machine.travel(start + 20, tick=False):
        answer = await app_client.type_code(page, wrong(code, 5))
    wait = wait_of(answer)
    assert 30 <= wait <= 40
    told = languages()["ug"]["next_code"].replace("{wait}", after(languages()["ug"], wait))
    assert told in unescape(answer.text)
    with time_machine.travel(start + 20 + wait, tick=False):
        late = await app_client.type_code(page, code)
        assert (wait_of(late), told[-12:] in late.text) == (0, False)
        assert (await send_again(app_client, Page(late))).status_code == 303
