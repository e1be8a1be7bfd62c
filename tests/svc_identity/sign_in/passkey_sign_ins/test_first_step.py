"""A passkey in the place of phone and code: it says who comes, and only what it signed here is taken."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest
import time_machine

from chassis.testing import Tokens, once
from svc_identity.fields import normalise_phone
from svc_identity.memberships import grant_operator
from svc_identity.people.factors.enrolment import issue
from svc_identity.settings import Settings
from svc_identity.sign_in.challenges import LIFE
from tests.devices import Device
from tests.svc_identity.app_client import CODE, STAFF_CONSOLE, AppClient, Page, bearer, returned_to_app
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.identities import proof
from tests.svc_identity.oauth.test_codes import decoded
from tests.svc_identity.sign_in.second_step.test_passkeys import (
    STRONG,
    cloned,
    elsewhere,
    nobody_looked,
    options_on,
    other_host,
    register,
)

PASSKEY = "/identity/v1/oauth/authorize/passkey"


async def use(app: AppClient, page: Page, assertion: Any, **more: str) -> httpx.Response:  # noqa: ANN401 - JSON
    return await app.api.post(PASSKEY, data={**page.forms[0].fields, "assertion": json.dumps(assertion), **more})


@pytest.mark.parametrize("asked", [None, STRONG, "urn:myili:sign-in:phishing-resistant"])
async def test_a_passkey_alone_is_two_factors(
    new_app_client: NewAppClient, tokens: Tokens, phone: str, asked: str | None
) -> None:
    device = Device()
    await register(new_app_client(), phone, device)
    app = new_app_client()
    page = await app.begin(acr_values=asked)
    back = await use(app, page, device.sign(options_on(page)))
    issued = (await app.redeem(returned_to_app(back)["code"])).json()
    claims = decoded(issued["id_token"], tokens.key).claims
    assert (claims["acr"], claims["amr"]) == ("urn:myili:sign-in:phishing-resistant", ["swk", "user", "mfa"])
    again = new_app_client()
    by_phone = await again.redeem(returned_to_app(await again_by_phone(again, phone, device))["code"])
    assert decoded(by_phone.json()["id_token"], tokens.key).claims["sub"] == claims["sub"]


async def again_by_phone(app: AppClient, phone: str, device: Device) -> httpx.Response:
    page = await app.factor_page(phone)
    form = page.forms[-1]
    assertion = json.dumps(device.sign(options_on(page)))
    return await app.api.post(form.action, data={**form.fields, "assertion": assertion})


@pytest.mark.parametrize("wrong", [elsewhere, other_host, nobody_looked, cloned])
async def test_what_was_not_signed_here_by_its_owner_is_refused(
    new_app_client: NewAppClient,
    phone: str,
    wrong: Any,  # noqa: ANN401 - a change of the device
) -> None:
    device = Device()
    device.counter = 7
    await register(new_app_client(), phone, device)
    wrong(device)
    app = new_app_client()
    page = await app.begin()
    refused = await use(app, page, device.sign(options_on(page)))
    assert (refused.status_code, 'class="problem"' in refused.text) == (422, True)


async def test_the_device_has_to_name_the_owner_of_the_passkey(new_app_client: NewAppClient, phone: str) -> None:
    device, other = Device(), Device()
    await register(new_app_client(), phone, device)
    await register(new_app_client(), new_phone(), other)
    app = new_app_client()
    for user in (None, other.user, "AAAA", "?"):
        page = await app.begin()
        device.user = user
        assert (await use(app, page, device.sign(options_on(page)))).status_code == 422


@pytest.mark.parametrize("sent", ["x", [], {}, {"rawId": "AA"}, {"rawId": "AA", "response": []}, {"response": {}}])
async def test_what_is_no_assertion_is_refused(new_app_client: NewAppClient, sent: object) -> None:
    app = new_app_client()
    assert (await use(app, await app.begin(), sent)).status_code == 422


async def test_a_challenge_is_for_one_browser_for_some_minutes_and_good_once(
    new_app_client: NewAppClient, phone: str
) -> None:
    device = Device()
    await register(new_app_client(), phone, device)
    app, other = new_app_client(), new_app_client()
    page, others = await app.begin(), await other.begin()
    signed = device.sign(options_on(page))
    foreign = await use(other, others, signed, passkey=page.forms[0].fields["passkey"])
    assert foreign.status_code == 422
    with time_machine.travel(time.time() + LIFE.total_seconds() + 1):
        assert (await use(app, page, signed)).status_code == 422
    first = await use(app, page, signed)
    second = await use(app, page, signed)
    assert (first.status_code, second.headers["location"]) == (303, first.headers["location"])
    with time_machine.travel(time.time() + 31):
        assert (await use(app, page, signed)).status_code == 422


async def test_of_many_taps_at_once_all_get_the_answer_of_one(new_app_client: NewAppClient, phone: str) -> None:
    device = Device()
    await register(new_app_client(), phone, device)
    app = new_app_client()
    page = await app.begin()
    signed = device.sign(options_on(page))
    answers = await asyncio.gather(*(use(app, page, signed) for _ in range(6)))
    assert len({each.headers.get("location") for each in answers}) == 1
    assert "code" in returned_to_app(answers[0])


async def set_up(app: AppClient, phone: str, device: Device, enrolment_code: str) -> httpx.Response:
    """Make a passkey on the page that sets up the first factor."""
    page = await app.factor_page(phone, acr_values=STRONG)
    form = page.forms[-1]
    data = {**form.fields, "credential": json.dumps(device.make(options_on(page))), "enrolment_code": enrolment_code}
    return await app.api.post(form.action, data=data)


async def test_staff_set_up_a_passkey_with_the_code_of_an_operator_and_sign_in_by_it(
    new_app_client: NewAppClient, settings: Settings, tokens: Tokens, phone: str
) -> None:
    await grant_operator(settings, normalise_phone(phone), reason="a test")
    console, device = new_app_client(STAFF_CONSOLE), Device()
    assert (await set_up(console, phone, device, "")).status_code == 422
    console = new_app_client(STAFF_CONSOLE)
    code = await issue(settings, normalise_phone(phone), "a test")
    done = await set_up(console, phone, device, code)
    kept = Page(await console.api.get(done.headers["location"]))
    assert len(CODE.findall(kept.answer.text)) == 10
    back = returned_to_app(await console.api.post(kept.forms[0].action, data=kept.forms[0].fields))
    headers = bearer((await console.redeem(back["code"])).json()) | once()
    assert (await console.api.post("/identity/v1/me/proofing", json=proof(), headers=headers)).status_code == 200
    again = new_app_client(STAFF_CONSOLE)
    page = await again.begin()
    back = returned_to_app(await use(again, page, device.sign(options_on(page))))
    issued = (await again.redeem(back["code"])).json()
    roles = [each["role"] for each in decoded(issued["access_token"], tokens.key).claims["memberships"]]
    assert roles == ["operator"]


async def test_a_passkey_behind_which_no_operator_stands_signs_no_staff_in(
    new_app_client: NewAppClient, settings: Settings, phone: str
) -> None:
    device = Device()
    await register(new_app_client(), phone, device)
    await grant_operator(settings, normalise_phone(phone), reason="a test")
    for client in ("myili-app", STAFF_CONSOLE):
        app = new_app_client(client)
        page = await app.begin()
        assert (await use(app, page, device.sign(options_on(page)))).status_code == 422
