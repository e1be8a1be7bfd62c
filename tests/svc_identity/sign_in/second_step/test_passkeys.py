"""Passkeys as the second factor: what a device signed for this sign-in, here, now, and nothing else."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest

from chassis.testing import Tokens, once
from tests.devices import Device
from tests.svc_identity.app_client import AppClient, Page, bearer, returned_to_app
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.oauth.test_codes import decoded

ME = "/identity/v1/me"
STRONG, RESISTANT = "urn:myili:sign-in:two-factors", "urn:myili:sign-in:phishing-resistant"


async def begin(app: AppClient, headers: dict[str, str]) -> dict[str, Any]:
    begun = await app.api.post(f"{ME}/passkeys", headers=headers | once())
    assert begun.status_code == 201, begun.text
    found: dict[str, Any] = begun.json()
    return found


async def confirm(
    app: AppClient, headers: dict[str, str], begun: dict[str, Any], credential: dict[str, Any]
) -> httpx.Response:
    body = {"set_up": begun["set_up"], "credential": credential, "name": "手机"}
    return await app.api.post(f"{ME}/passkeys/confirm", json=body, headers=headers | once())


async def register(app: AppClient, phone: str, device: Device) -> dict[str, Any]:
    headers = bearer(await app.tokens(phone))
    begun = await begin(app, headers)
    made = await confirm(app, headers, begun, device.make(begun["options"]))
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def options_on(page: Page) -> dict[str, Any]:
    """What the page asks the device to sign."""
    (found,) = re.findall(r'data-options="([^"]+)"', page.answer.text)
    options: dict[str, Any] = json.loads(unescape(found))
    return options


async def answer(app: AppClient, page: Page, assertion: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    form = page.forms[-1]
    return await app.api.post(form.action, data={**form.fields, "assertion": json.dumps(assertion)})


@pytest.mark.parametrize("asked", [STRONG, RESISTANT])
async def test_a_passkey_signs_in_without_a_typed_code(
    new_app_client: NewAppClient, tokens: Tokens, phone: str, asked: str
) -> None:
    device = Device()
    added = await register(new_app_client(), phone, device)
    assert (added["kind"], len(added["recovery_codes"])) == ("passkey", 10)
    app = new_app_client()
    page = await app.factor_page(phone, acr_values=asked)
    back = await answer(app, page, device.sign(options_on(page)))
    issued = (await app.redeem(returned_to_app(back)["code"])).json()
    claims = decoded(issued["id_token"], tokens.key).claims
    assert (claims["acr"], claims["amr"]) == (RESISTANT, ["otp", "sms", "swk", "mfa"])


Wrong = Callable[[Device], None]


def elsewhere(device: Device) -> None:
    device.origin = "https://gateway.test.evil.example"


def other_host(device: Device) -> None:
    device.host = "evil.example"


def nobody_looked(device: Device) -> None:
    device.flags = device.flags & ~4


def cloned(device: Device) -> None:
    device.counter = 3


@pytest.mark.parametrize("wrong", [elsewhere, other_host, nobody_looked, cloned])
async def test_what_was_not_signed_here_by_its_owner_is_refused(
    new_app_client: NewAppClient, phone: str, wrong: Wrong
) -> None:
    device = Device()
    device.counter = 7
    await register(new_app_client(), phone, device)
    wrong(device)
    app = new_app_client()
    page = await app.factor_page(phone, acr_values=STRONG)
    assert (await answer(app, page, device.sign(options_on(page)))).status_code == 422


async def test_a_challenge_is_good_once_and_for_one_browser(new_app_client: NewAppClient, phone: str) -> None:
    device = Device()
    await register(new_app_client(), phone, device)
    one = new_app_client()
    page = await one.factor_page(phone, acr_values=STRONG)
    other = new_app_client()
    others = await other.factor_page(phone, acr_values=STRONG)
    for_one = device.sign(options_on(page))
    assert (await answer(other, others, for_one)).status_code == 422
    assert (await answer(one, page, {**for_one, "response": {}})).status_code == 422
    replayed = await answer(one, page, for_one)
    assert replayed.status_code == 422
    assert "code" in returned_to_app(await answer(one, page, device.sign(options_on(Page(replayed)))))


@pytest.mark.parametrize("sent", ["x", [], {}, {"rawId": "AA"}, {"rawId": 5}, {"rawId": "\u0000"}])
async def test_what_is_no_assertion_is_refused(new_app_client: NewAppClient, phone: str, sent: object) -> None:
    await register(new_app_client(), phone, Device())
    app = new_app_client()
    page = await app.factor_page(phone, acr_values=STRONG)
    assert (await answer(app, page, sent)).status_code == 422


async def test_the_passkey_of_another_is_refused(new_app_client: NewAppClient, phone: str) -> None:
    device = Device()
    await register(new_app_client(), "13911110000", device)
    await register(new_app_client(), phone, Device())
    app = new_app_client()
    page = await app.factor_page(phone, acr_values=STRONG)
    assert (await answer(app, page, device.sign(options_on(page)))).status_code == 422


async def test_a_code_is_not_taken_where_a_passkey_is_asked_for(new_app_client: NewAppClient, phone: str) -> None:
    first = new_app_client()
    await first.tokens(phone, acr_values=STRONG)
    app = new_app_client()
    page = await app.code_page(phone, acr_values=RESISTANT)
    back = returned_to_app(await app.type_code(page, await app.texted_code(phone)))
    assert (back["error"], back["state"]) == ("unmet_authentication_requirements", app.state)


async def test_the_page_of_a_passkey_runs_its_own_script_only(new_app_client: NewAppClient, phone: str) -> None:
    await register(new_app_client(), phone, Device())
    page = await new_app_client().factor_page(phone, acr_values=STRONG)
    (nonce,) = re.findall(r'<script nonce="([^"]+)">', page.answer.text)
    assert f"script-src 'nonce-{nonce}';" in page.answer.headers["content-security-policy"]


async def test_a_registration_is_the_callers_own_and_signed_for_it(new_app_client: NewAppClient, phone: str) -> None:
    app, stranger = new_app_client(), new_app_client()
    headers, others = bearer(await app.tokens(phone)), bearer(await stranger.tokens("13911110001"))
    begun, device = await begin(app, headers), Device()
    made = device.make(begun["options"])
    for who, credential in (
        (others, made),
        (headers, device.make({"challenge": "AAAA"})),
        (headers, Device(origin="https://evil.example").make(begun["options"])),
        (headers, Device(host="evil.example").make(begun["options"])),
        (headers, {}),
    ):
        refused = await confirm(app, who, begun, credential)
        assert (refused.status_code, refused.json()["code"]) == (422, "passkey_refused")
    assert (await confirm(app, headers, begun, made)).status_code == 201
