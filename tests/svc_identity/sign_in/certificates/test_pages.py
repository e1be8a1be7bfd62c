"""An app that asks for level 3: the person goes to the network identity service and back, or on without."""

import re
import time
from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import pytest_asyncio
import time_machine
from joserfc import jwt

from chassis.testing import Tokens
from svc_identity.people.agreements.documents import version_in_force
from svc_identity.settings import Settings
from tests.svc_identity.app_client import APP, AppClient, Page, bearer, returned_to_app
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.identities import NAME
from tests.svc_identity.verifications.conftest import Person, new_person, other

__all__ = ["other"]

LEVEL_THREE = "urn:myili:identity:level-3"
CERTIFICATE = re.compile(r'<a href="(http://127[^"]+)"')


@pytest.fixture
def asking(new_app_client: NewAppClient) -> AppClient:
    return new_app_client(APP)


async def choice(client: AppClient, person: Person, **changes: str) -> Page:
    """The page after the texted code, where the app asks for level 3."""
    page = await client.code_page(person.phone, acr_values=LEVEL_THREE, ui_locales="en", **changes)
    answer = await client.type_code(page, await client.texted_code(person.phone))
    assert answer.headers["location"].endswith("/certificate"), answer.text
    return Page(await client.api.get(answer.headers["location"]))


async def begin(client: AppClient, page: Page, agreed: str | None = version_in_force()) -> httpx.Response:
    ticked = {} if agreed is None else {"agreed": agreed}
    return await client.api.post(page.forms[0].action, data=page.forms[0].fields | ticked)


def confirmed(answer: httpx.Response, id_number: str, decision: str = "confirm") -> str:
    """The person opens the link and decides there; returns the address to which the browser comes back."""
    found = CERTIFICATE.search(answer.text)
    assert found, answer.text
    address = unescape(found[1])
    session = dict(parse_qsl(urlsplit(address).query))["session"]
    fields = {"session": session, "decision": decision, "name": NAME, "id_number": id_number}
    back = httpx.post(address.split("?")[0], data=fields)
    assert back.status_code == 303, back.text
    return back.headers["location"]


@pytest_asyncio.fixture
async def later(settings: Settings, new_app_client: NewAppClient) -> Person:
    """Somebody at level 2 whose phone may be sent the next code."""
    with time_machine.travel(time.time() - 120, tick=True):
        return await new_person(settings, new_app_client)


async def level_of(client: AppClient, answer: httpx.Response, tokens: Tokens) -> int:
    redeemed = await client.redeem(returned_to_app(answer)["code"])
    level: int = jwt.decode(redeemed.json()["access_token"], tokens.key, ["ES256"]).claims["assurance_level"]
    return level


async def test_who_confirms_comes_to_the_app_at_level_three(asking: AppClient, later: Person, tokens: Tokens) -> None:
    page = await choice(asking, later)
    back = confirmed(await begin(asking, page), later.id_number)
    assert back.startswith("https://gateway.test/identity/v1/oauth/authorize/sign-ins/")
    answer = await asking.api.get(back)
    assert returned_to_app(answer)["state"] == asking.state
    assert await level_of(asking, answer, tokens) == 3
    assert (await asking.api.get(back)).headers["location"] == answer.headers["location"]  # opened twice


async def test_who_goes_on_without_is_not_refused(asking: AppClient, later: Person, tokens: Tokens) -> None:
    page = await choice(asking, later)
    skip = page.forms[-1]
    answer = await asking.api.post(skip.action, data=skip.fields)
    assert await level_of(asking, answer, tokens) == 2


async def test_the_certificate_of_another_person_leaves_the_choice(
    asking: AppClient, later: Person, other: Person, tokens: Tokens
) -> None:
    page = await choice(asking, later)
    refused = await asking.api.get(confirmed(await begin(asking, page), other.id_number))
    assert refused.status_code == 422
    skip = Page(refused).forms[-1]
    assert await level_of(asking, await asking.api.post(skip.action, data=skip.fields), tokens) == 2


async def test_who_declines_there_has_the_choice_again(asking: AppClient, later: Person) -> None:
    page = await choice(asking, later)
    back = confirmed(await begin(asking, page), later.id_number, "decline")
    assert (await asking.api.get(back)).status_code == 422


async def test_nobody_brings_a_return_into_the_browser_of_another(
    asking: AppClient, new_app_client: NewAppClient, later: Person, other: Person
) -> None:
    """Neither an attacker's code in the victim's browser, nor the victim's return in that of an attacker."""
    page = await choice(asking, later)
    back = confirmed(await begin(asking, page), later.id_number)
    stranger = new_app_client()
    assert (await stranger.api.get(back)).status_code in {403, 410}
    await stranger.begin()  # has a cookie of ours now
    assert (await stranger.api.get(back)).status_code in {403, 410}
    forged = re.sub("state=[^&]+", "state=" + "0" * 64, back)
    assert (await asking.api.get(forged)).status_code == 403
    assert (await later.me())["assurance_level"] == (await other.me())["assurance_level"] == 2


async def test_nothing_is_sent_without_consent_and_a_form_of_ours(asking: AppClient, later: Person) -> None:
    page = await choice(asking, later)
    for ticked in (None, "1999-01-01"):
        refused = await begin(asking, page, ticked)
        assert (refused.status_code, CERTIFICATE.search(refused.text)) == (422, None)
    foreign = page.forms[0].fields | {"form_token": "0" * 64, "agreed": version_in_force()}
    assert (await asking.api.post(page.forms[0].action, data=foreign)).status_code == 403
    consents = await later.client.api.get("/identity/v1/me/consents", headers=bearer(await later.client.renewed()))
    assert "network_certificate" not in {each["activity"] for each in consents.json()["items"]}


async def test_the_page_is_reached_after_the_code_only(asking: AppClient, later: Person) -> None:
    page = await asking.code_page(later.phone, acr_values=LEVEL_THREE)
    early = page.forms[0].action
    assert (await asking.api.get(f"{early}/certificate")).status_code == 410
    skip = page.forms[0].fields
    assert (await asking.api.post(f"{early}/certificate/skip", data=skip)).status_code == 410


async def test_an_outage_leaves_the_way_on(asking: AppClient, later: Person, faults: Callable[..., None]) -> None:
    page = await choice(asking, later)
    faults("network_identity", unavailable=1)
    away = await begin(asking, page)
    assert away.status_code == 503
    assert Page(away).forms[-1].action.endswith("/skip")


async def test_who_has_proved_nothing_is_not_asked(asking: AppClient, phone: str) -> None:
    code = await asking.sign_in(phone, acr_values=LEVEL_THREE)
    assert (await asking.redeem(code)).status_code == 200
