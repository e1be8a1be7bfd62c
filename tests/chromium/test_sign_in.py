"""Signing in as people do it: taps, twice where the network is slow, with script and without."""

import asyncio

import pytest

from tests.chromium.browser import Tab
from tests.chromium.conftest import Site
from tests.svc_identity.conftest import new_phone

SUBMIT = "form button[type=submit]"


async def type_phone(tab: Tab, phone: str, *, times: int = 1) -> None:
    await tab.fill("phone", phone)
    await tab.tick()
    await tab.tap(SUBMIT, times=times)


async def messages(site: Site, phone: str) -> int:
    return len((await site.sms.get("/messages", params={"phone": phone})).json()["items"])


async def test_a_resident_signs_in_on_a_slow_network_and_taps_everything_twice(tab: Tab, site: Site) -> None:
    phone = new_phone()
    await tab.slow_down()
    await tab.open(site.address())
    await type_phone(tab, phone, times=2)
    await tab.until("document.getElementById('code')")
    assert await messages(site, phone) == 1
    await tab.fill("code", await site.code(phone))
    await tab.tap(SUBMIT, times=2)
    assert "code=" in await tab.at_app()
    assert tab.complaints == []


async def test_a_second_code_is_asked_for_once_by_two_taps_when_the_countdown_is_over(tab: Tab, site: Site) -> None:
    phone = new_phone()
    await tab.open(site.address(ui_locales="en"))
    await type_phone(tab, phone)
    await tab.until("document.getElementById('again')")
    shown = {await tab.run("document.getElementById('wait').textContent")}
    assert await tab.run("document.getElementById('again').disabled")
    while await tab.run("document.getElementById('again').disabled"):
        shown.add(await tab.run("document.getElementById('wait').textContent"))
        await asyncio.sleep(0.1)
    assert {f"Nothing arrived? You can ask again in {left} s." for left in (1, 2)} <= shown
    assert await tab.run("document.getElementById('wait').getAttribute('role')") == "status"
    await tab.slow_down()
    await tab.tap("#again", times=2)
    await tab.until("document.getElementById('again').disabled")
    assert await messages(site, phone) == 2
    await tab.fill("code", await site.code(phone))
    await tab.tap(SUBMIT)
    assert "code=" in await tab.at_app()


async def test_without_script_the_button_works_after_the_time_that_the_page_says(tab: Tab, site: Site) -> None:
    phone = new_phone()
    await tab.without_script()
    await tab.open(site.address(ui_locales="en"))
    await type_phone(tab, phone)
    await tab.until("document.getElementById('again')")
    assert not await tab.run("document.getElementById('again').disabled")
    assert "You can ask again in 3 s" in await tab.run("document.getElementById('wait').textContent")
    await asyncio.sleep(3)
    await tab.run("window.before = true")
    await tab.tap("#again")
    await tab.until("!window.before && document.getElementById('again')")
    assert await messages(site, phone) == 2


async def test_another_language_is_chosen_on_the_page_of_the_code(tab: Tab, site: Site) -> None:
    phone = new_phone()
    await tab.open(site.address(ui_locales="en"))
    await type_phone(tab, phone)
    await tab.until("document.getElementById('code')")
    await tab.tap("footer a[hreflang=ug]")
    await tab.until("document.documentElement.lang === 'ug' && document.documentElement.dir === 'rtl'")
    await tab.fill("code", await site.code(phone))
    await tab.tap(SUBMIT)
    assert "code=" in await tab.at_app()


@pytest.mark.parametrize("limits", [{"codes_per_address": 1, "code_resend_seconds": 1}])
@pytest.mark.parametrize("times", [1, 2])
async def test_the_browser_answers_the_question_by_itself(tab: Tab, site: Site, times: int) -> None:
    for phone in (new_phone(), new_phone()):
        await tab.open(site.address())
        await type_phone(tab, phone, times=times)
        await tab.until("document.getElementById('code')")
    await tab.fill("code", await site.code(phone))
    await tab.tap(SUBMIT)
    assert "code=" in await tab.at_app()
    assert tab.complaints == []


@pytest.mark.parametrize("limits", [{"codes_per_address": 1, "code_resend_seconds": 1}])
async def test_without_script_a_person_answers_the_question(tab: Tab, site: Site) -> None:
    await tab.without_script()
    for phone in (new_phone(), new_phone()):
        await tab.open(site.address(ui_locales="en"))
        await type_phone(tab, phone)
        await tab.until("document.getElementById('code') || document.getElementById('answer')")
    words = (await tab.run("document.getElementById('spoken').textContent")).split(", ")
    spoken = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    described = await tab.run("document.getElementById('answer').getAttribute('aria-describedby')")
    assert described == "spoken", "a screen reader reads the words with the field"
    await tab.fill("answer", "".join(str(spoken.index(word)) for word in words))
    await tab.tap(SUBMIT)
    await tab.until("document.getElementById('code')")
    assert await messages(site, phone) == 1
