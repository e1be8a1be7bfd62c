"""All pages of svc_identity, walked at 320 pixels in every language, and tapped twice on a slow network."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from svc_identity.fields import normalise_phone
from tests.authenticators import shown_on
from tests.chromium.browser import Tab
from tests.chromium.conftest import Site
from tests.chromium.every_page import OAUTH, SECRET, SUBMIT, Residents, Visitor, addresses_of_pages
from tests.chromium.test_layout import LANGUAGES, small
from tests.deploy.sandboxes.processes import Sandbox
from tests.svc_identity.conftest import new_phone
from tests.svc_identity.sign_in.phone_changes.changing import code_of

AUTHORIZE = f"{OAUTH}/authorize"
STRONG = "urn:myili:sign-in:two-factors"
LEVEL_THREE = "urn:myili:identity:level-3"
HEADING = "document.querySelector('h1')"


@pytest.fixture
def limits(sandboxes: dict[str, Sandbox]) -> dict[str, object]:
    places = {"registries_url": "registries", "network_identity_url": "network_identity"}
    return {"code_resend_seconds": 1} | {name: sandboxes[each].url for name, each in places.items()}


@pytest_asyncio.fixture
async def residents(site: Site) -> AsyncIterator[Residents]:
    # A connection that rests while the browser works may be closed by the server as the next request leaves.
    async with httpx.AsyncClient(base_url=site.url, headers={"Connection": "close"}) as api:
        yield Residents(site, api)


async def open_those_that_anybody_opens(visitor: Visitor, sign_in: str) -> None:
    spoken = {"ui_locales": visitor.language}
    for path in (
        *(f"{OAUTH}/{each}" for each in ("device", "device/done", "end-session")),
        *(f"{AUTHORIZE}/{each}" for each in ("device", "device/done", "passkey", "phone-changes", "phone-stop")),
        *(f"{AUTHORIZE}/{each}" for each in ("sign-ins", "phone-changes/nothing", "nothing")),
        f"{OAUTH}/agreements/privacy_notice/none",
        *(f"{sign_in}/{each}" for each in ("codes", "factor/kept", "certificate/return", "holder/new")),
    ):
        await visitor.open(path, **spoken)


async def walk_factors(visitor: Visitor) -> None:
    address, phone = visitor.site.address(ui_locales=visitor.language, acr_values=STRONG), new_phone()
    await visitor.after_code(address, phone, "document.querySelector('.qr')")
    authenticator = shown_on(str(await visitor.tab.run("document.body.innerHTML")))
    await visitor.submit("document.querySelector('.problem')", code="000000")
    await visitor.submit("document.querySelector('.codes')", code=authenticator.code())
    await visitor.tab.tap(SUBMIT)
    await visitor.tab.at_app()
    await asyncio.sleep(1)
    await visitor.after_code(address, phone, "location.pathname.endsWith('/factor')")
    await visitor.submit("document.querySelector('.problem')", code="000000")


async def walk_holder_and_password(visitor: Visitor, residents: Residents) -> None:
    phone, address = new_phone(), visitor.site.address(ui_locales=visitor.language)
    await residents.signed_in(phone)
    await asyncio.sleep(1)
    await visitor.after_code(address, phone, "location.pathname.endsWith('/holder')", "button[name=not_mine]")
    await visitor.submit("document.querySelector('.problem')", name="某某", id_number="1")
    await residents.with_password(normalise_phone(phone))
    await asyncio.sleep(1)
    await visitor.after_code(address, phone, "location.pathname.endsWith('/password')")
    await visitor.submit("document.querySelector('.problem')", password=SECRET[1:])
    await visitor.submit(HEADING, "form:nth-of-type(2) button")


async def walk_phone_change(visitor: Visitor) -> None:
    old, new = new_phone(), new_phone()
    for lost in ({}, {"lost": "1"}):
        await visitor.open(f"{AUTHORIZE}/phone-changes", ui_locales=visitor.language, **lost)
        await visitor.submit("document.querySelector('.problem')", old_phone="1", new_phone=new)
        await asyncio.sleep(1)
        await visitor.submit("document.getElementById('new_code')", old_phone=old, new_phone=new)
        typed = {"name": "某某", "id_number": "1"} if lost else {"old_code": "1"}
        for name, value in typed.items():
            await visitor.tab.fill(name, value)
        await visitor.submit("document.querySelector('.problem')", new_code="1")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_can_be_read_on_the_smallest_phone(
    tab: Tab, site: Site, residents: Residents, language: str
) -> None:
    await small(tab)
    await tab.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})
    visitor, phone = Visitor(tab, site, language), new_phone()
    await residents.proved(phone)
    await asyncio.sleep(1)
    address = site.address(ui_locales=language, acr_values=LEVEL_THREE)
    await visitor.after_code(address, phone, "location.pathname.endsWith('/certificate')")
    sign_in = str(await tab.run("location.pathname")).removesuffix("/certificate")
    await walk_factors(visitor)
    await walk_holder_and_password(visitor, residents)
    await walk_phone_change(visitor)
    _, id_token = await residents.signed_in(new_phone())
    await visitor.open(f"{OAUTH}/end-session", id_token_hint=id_token, ui_locales=language)
    await visitor.submit("!document.querySelector('form')")
    await open_those_that_anybody_opens(visitor, sign_in)
    assert addresses_of_pages() - visitor.seen == set(), "a page that no test opens"


async def test_a_staff_member_taps_the_factor_and_its_codes_twice_on_a_slow_network(tab: Tab, site: Site) -> None:
    visitor, phone = Visitor(tab, site, "en"), new_phone()
    await tab.slow_down()
    address = site.address(ui_locales="en", acr_values=STRONG)
    await visitor.after_code(address, phone, "document.querySelector('.qr')", times=2)
    authenticator = shown_on(str(await tab.run("document.body.innerHTML")))
    await visitor.submit("document.querySelectorAll('.codes li').length === 10", times=2, code=authenticator.code())
    recovery = str(await tab.run("document.querySelector('.codes li').innerText"))
    await tab.tap(SUBMIT, times=2)
    assert "code=" in await tab.at_app()
    await visitor.after_code(address, phone, "location.pathname.endsWith('/factor')", times=2)
    await tab.fill("code", recovery)
    await tab.tap(SUBMIT, times=2)
    assert "code=" in await tab.at_app()
    assert (await tab.run("location.href")).count("error") == 0


async def test_a_device_and_a_holder_are_answered_twice_on_a_slow_network(
    tab: Tab, site: Site, residents: Residents
) -> None:
    visitor, phone = Visitor(tab, site, "en"), new_phone()
    await residents.signed_in(phone)
    user_code = await residents.screen()
    await tab.slow_down()
    await visitor.open(f"{AUTHORIZE}/device", ui_locales="en")
    await visitor.submit("document.getElementById('phone')", times=2, user_code=user_code)
    await visitor.submit("document.getElementById('code')", times=2, phone=phone)
    code = await site.code(phone)
    await visitor.submit("location.pathname.endsWith('/device/done')", times=2, code=code)
    assert "is signed in" in await tab.run("document.querySelector('h1').innerText")


async def test_a_number_in_use_is_claimed_by_two_taps_on_a_slow_network(
    tab: Tab, site: Site, residents: Residents
) -> None:
    visitor, phone = Visitor(tab, site, "en"), new_phone()
    await residents.signed_in(phone)
    await asyncio.sleep(1)
    await tab.slow_down()
    to_question, denied = "location.pathname.endsWith('/holder')", "button[name=not_mine]"
    await visitor.after_code(site.address(ui_locales="en"), phone, to_question, denied, times=2)
    await visitor.submit("document.querySelector('form') === null", "form[action$=new] button", times=2)
    assert "7 days" in await tab.run("document.querySelector('.lead').innerText")


async def test_a_phone_is_changed_and_signed_out_by_two_taps_on_a_slow_network(
    tab: Tab, site: Site, residents: Residents
) -> None:
    visitor, old, new = Visitor(tab, site, "en"), new_phone(), new_phone()
    _, id_token = await residents.signed_in(old)
    await tab.slow_down()
    await visitor.open(f"{AUTHORIZE}/phone-changes", ui_locales="en")
    await visitor.submit("document.getElementById('new_code')", times=2, old_phone=old, new_phone=new)
    codes = {"old_code": await code_of(site.sms, old), "new_code": await code_of(site.sms, new)}
    await tab.fill("old_code", codes["old_code"])
    await tab.fill("new_code", codes["new_code"])
    await tab.tap(SUBMIT, times=2)
    await tab.until("document.querySelector('h1').innerText === 'Your number is changed'")
    await visitor.open(f"{OAUTH}/end-session", id_token_hint=id_token, ui_locales="en")
    await tab.tap(SUBMIT, times=2)
    await tab.until("document.querySelector('h1').innerText === 'You are signed out'")
    assert tab.complaints == []
