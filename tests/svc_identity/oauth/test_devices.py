"""A screen without a keyboard is signed in by a phone (RFC 8628): by its page, or by an app that is signed in."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import time_machine
from joserfc import jwt
from sqlalchemy import delete, func, select

from chassis.db import Database
from chassis.testing import Tokens, once
from svc_identity.oauth.devices import service
from svc_identity.oauth.devices.models import DeviceAuthorization, WrongUserCode
from svc_identity.oauth.models import Client
from svc_identity.oauth.service import register_client
from svc_identity.texts import languages
from tests.kit.dpop.prover import Prover
from tests.svc_identity.app_client import AUTHORIZE, REDIRECT_URI, TOKEN, AppClient, Page, bearer
from tests.svc_identity.conftest import PUBLIC_URL, NewAppClient, new_phone
from tests.svc_identity.oauth.test_codes import decoded, refusal

DEVICE, PAGE = "/identity/v1/oauth/device-authorization", "/identity/v1/oauth/device"
MINE = "/identity/v1/me/device-requests"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SCREEN = "hall-screen"


@pytest_asyncio.fixture(autouse=True)
async def screen(database: Database) -> AsyncIterator[str]:
    """An app of screens, and no wrong codes of other tests."""
    async with database.transaction() as tx:
        scopes = ["openid", "bills", "offline_access"]
        await register_client(tx, SCREEN, scopes=scopes, redirect_uris=[REDIRECT_URI])
        (await tx.get_one(Client, SCREEN)).device_grant = True
        await tx.execute(delete(WrongUserCode))
    yield SCREEN
    async with database.transaction() as tx:
        await tx.execute(delete(WrongUserCode))


async def codes(api: httpx.AsyncClient, **changes: str) -> dict[str, Any]:
    form = {"client_id": SCREEN, "scope": "openid bills offline_access"} | changes
    answer = await api.post(DEVICE, data=form)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def poll(api: httpx.AsyncClient, device_code: str, client_id: str = SCREEN) -> httpx.Response:
    form = {"grant_type": GRANT, "client_id": client_id, "device_code": device_code}
    return await api.post(TOKEN, data=form)


async def page_of(api: httpx.AsyncClient, user_code: str, **more: str) -> Page:
    """The sign-in page for the device of a code, after it was typed."""
    typed = Page(await api.get(PAGE, params={"user_code": user_code, **more}, follow_redirects=True))
    (form,) = typed.forms
    answer = await api.post(form.action, data={**form.fields, "user_code": user_code})
    return Page(await api.get(answer.headers["location"])) if answer.status_code == 303 else Page(answer)


async def post_phone(api: httpx.AsyncClient, page: Page, phone: str, user_code: str) -> httpx.Response:
    form = page.forms[0]
    return await api.post(
        form.action, data={**form.fields, **form.ticks, "phone": phone, "device_confirmed": user_code}
    )


async def test_a_screen_is_signed_in_by_its_page(app_client: AppClient, tokens: Tokens) -> None:
    api, given = app_client.api, await codes(app_client.api)
    assert given["verification_uri"] == f"{PUBLIC_URL}{PAGE}"
    assert given["verification_uri_complete"] == f"{PUBLIC_URL}{PAGE}?user_code={given['user_code']}"
    assert refusal(await poll(api, given["device_code"])) == (400, "authorization_pending")
    page = await page_of(api, given["user_code"], ui_locales="en")
    for shown in (SCREEN, given["user_code"], "127.0.0.0/16", languages()["en"]["device_warning"].split(".")[0]):
        assert shown in page.answer.text
    phone = new_phone()
    sent = await post_phone(api, page, phone, given["user_code"])
    code_page = Page(await api.get(sent.headers["location"]))
    back = await app_client.type_code(code_page, await app_client.texted_code(phone))
    assert back.headers["location"].startswith(f"{PUBLIC_URL}{AUTHORIZE}/device/done?sign_in=")
    for _ in range(2):
        done = await api.get(back.headers["location"])
        assert languages()["en"]["device_done"] in done.text
    answer = (await poll(api, given["device_code"])).json()
    assert answer["scope"] == "openid bills offline_access"
    claims = jwt.decode(answer["id_token"], tokens.key, ["ES256"]).claims
    assert claims["aud"] == SCREEN
    assert abs(claims["auth_time"] - time.time()) < 30
    renewed = await app_client.refresh(answer["refresh_token"], client_id=SCREEN)
    assert renewed.status_code == 200


async def test_the_page_wants_to_know_that_the_code_is_seen(app_client: AppClient) -> None:
    given = await codes(app_client.api)
    for ticked in ("", "BCDF-GHJK"):
        page = await page_of(app_client.api, given["user_code"], ui_locales="en")
        refused = await post_phone(app_client.api, page, new_phone(), ticked)
        assert refused.status_code == 422
        assert languages()["en"]["device_unconfirmed"] in refused.text


@pytest.mark.parametrize("language", ["zh", "en", "kk-Arab", "ug"])
async def test_the_pages_are_in_the_language_of_the_reader(api: httpx.AsyncClient, language: str) -> None:
    said = languages()[language]
    page = Page(await api.get(PAGE, params={"ui_locales": language}, follow_redirects=True))
    assert page.root["lang"] == language
    assert said["device_lead"] in page.answer.text
    wrong = await page_of(api, "BCDF-GHJK", ui_locales=language)
    assert (wrong.answer.status_code, wrong.root["lang"]) == (422, language)
    assert said["device_wrong"] in wrong.answer.text


async def test_a_code_is_found_however_it_is_typed(api: httpx.AsyncClient) -> None:
    code = (await codes(api))["user_code"]
    for typed in (code.lower(), code.replace("-", " "), code.replace("-", ""), f" {code} ", code.translate(_WIDE)):
        assert SCREEN in (await page_of(api, typed)).answer.text


_WIDE = {ord(letter): ord(letter) + 0xFEE0 for letter in service.LETTERS}


async def test_wrong_codes_are_limited_also_at_once(api: httpx.AsyncClient) -> None:
    given = await codes(api)
    page = Page(await api.get(PAGE, follow_redirects=True))
    (form,) = page.forms

    async def guess(number: int) -> int:
        typed = {**form.fields, "user_code": f"BCDF-{service.LETTERS[number % 20] * 4}"}
        return (await api.post(form.action, data=typed)).status_code

    found = await asyncio.gather(*(guess(number) for number in range(service.WRONG_BY_ONE + 6)))
    assert sorted(found) == [422] * service.WRONG_BY_ONE + [429] * 6
    late = await api.post(form.action, data={**form.fields, "user_code": given["user_code"]})
    assert late.status_code == 429
    assert 3_500 < int(late.headers["retry-after"]) <= 3_600


async def test_many_who_guess_are_stopped_together(database: Database, api: httpx.AsyncClient) -> None:
    given = await codes(api)
    async with database.transaction() as tx:
        tx.add_all(WrongUserCode(source=number.to_bytes(8, "big")) for number in range(service.WRONG_BY_ALL))
    assert (await page_of(api, given["user_code"])).answer.status_code == 429


async def test_who_asks_too_often_is_told_to_slow_down(database: Database, api: httpx.AsyncClient) -> None:
    given = await codes(api)
    start = time.time()
    told = []
    for after in (0, 1, 6, 22):  # the interval is 5 seconds, then 10, then 15
        with time_machine.travel(start + after, tick=False):
            told.append((await poll(api, given["device_code"])).json()["error"])
    assert told == ["authorization_pending", "slow_down", "slow_down", "authorization_pending"]


async def test_a_code_expires(api: httpx.AsyncClient) -> None:
    given = await codes(api)
    with time_machine.travel(time.time() + given["expires_in"] + 1):
        assert refusal(await poll(api, given["device_code"])) == (400, "expired_token")
        assert (await page_of(api, given["user_code"])).answer.status_code == 422


async def test_a_device_code_is_its_client_s_own(api: httpx.AsyncClient, database: Database) -> None:
    given = await codes(api)
    async with database.transaction() as tx:
        await register_client(tx, "other-screen", scopes=["openid"], redirect_uris=[REDIRECT_URI])
        (await tx.get_one(Client, "other-screen")).device_grant = True
    assert refusal(await poll(api, given["device_code"], "other-screen")) == (400, "invalid_grant")
    assert refusal(await poll(api, given["device_code"], "myili-app")) == (400, "unauthorized_client")
    for wrong in ("x", "名"):
        assert refusal(await poll(api, wrong)) == (400, "invalid_grant")
    assert refusal(await poll(api, "")) == (400, "invalid_request")


async def test_only_apps_that_are_registered_for_devices_get_codes(api: httpx.AsyncClient) -> None:
    other = await api.post(DEVICE, data={"client_id": "myili-app", "scope": "openid"})
    assert refusal(other) == (400, "unauthorized_client")
    unknown = await api.post(DEVICE, data={"client_id": "nobody", "scope": "openid"})
    assert refusal(unknown) == (401, "invalid_client")
    for scope in ("", "openid staff", "everything"):
        assert refusal(await api.post(DEVICE, data={"client_id": SCREEN, "scope": scope})) == (400, "invalid_scope")


async def test_an_app_that_is_signed_in_approves_what_it_has_scanned(app_client: AppClient, phone: str) -> None:
    api, mine = app_client.api, bearer(await app_client.tokens(phone))
    given = await codes(api)
    shown = (await api.get(f"{MINE}/{given['user_code']}", headers=mine)).json()
    assert (shown["client_id"], shown["scopes"][:2], shown["decision"]) == (SCREEN, ["openid", "bills"], None)
    approve = f"{MINE}/{given['user_code']}/approve"
    answers = [await api.post(approve, headers=mine | once()) for _ in range(2)]
    assert [(answer.status_code, answer.json()["decision"]) for answer in answers] == [(200, "approved")] * 2
    first = (await poll(api, given["device_code"])).json()
    me = (await api.get("/identity/v1/oauth/userinfo", headers=bearer(first))).json()
    own = (await api.get("/identity/v1/oauth/userinfo", headers=mine)).json()
    assert me["sub"] == own["sub"]
    apps = (await api.get("/identity/v1/me/apps", headers=mine)).json()["items"]
    assert SCREEN in {app["client_id"] for app in apps}


async def test_what_is_refused_gets_nothing(app_client: AppClient, new_app_client: NewAppClient) -> None:
    api, given = app_client.api, await codes(app_client.api)
    mine, other = [bearer(await each.tokens(new_phone())) for each in (app_client, new_app_client())]
    refuse = await api.post(f"{MINE}/{given['user_code']}/refuse", headers=mine | once())
    assert refuse.json()["decision"] == "refused"
    for headers in (mine, other):
        late = await api.post(f"{MINE}/{given['user_code']}/approve", headers=headers | once())
        assert late.status_code == 404
    assert refusal(await poll(api, given["device_code"])) == (400, "access_denied")


async def test_an_old_sign_in_signs_no_device_in(app_client: AppClient, phone: str) -> None:
    api, given = app_client.api, await codes(app_client.api)
    await app_client.tokens(phone)
    with time_machine.travel(time.time() + 13 * 3_600):
        mine = bearer(await app_client.renewed())
        answer = await api.get(f"{MINE}/{given['user_code']}", headers=mine)
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_too_old")
    assert 'error="insufficient_user_authentication", max_age="43200"' in answer.headers["www-authenticate"]


async def test_a_device_is_signed_in_no_fresher_than_who_approved(
    app_client: AppClient, tokens: Tokens, phone: str
) -> None:
    api, hour_ago = app_client.api, time.time() - 3_600
    with time_machine.travel(hour_ago):
        await app_client.tokens(phone)
    given, mine = await codes(api), bearer(await app_client.renewed())
    approved = await api.post(f"{MINE}/{given['user_code']}/approve", headers=mine | once())
    assert approved.json()["decision"] == "approved"
    issued = (await poll(api, given["device_code"])).json()
    assert decoded(issued["access_token"], tokens.key).claims["auth_time"] <= hour_ago + 60


async def test_another_app_cannot_sign_itself_in(app_client: AppClient, database: Database) -> None:
    async with database.transaction() as tx:
        await register_client(tx, "third-app", scopes=["openid", "profile"], redirect_uris=[REDIRECT_URI])
    code = await app_client.sign_in(new_phone(), client_id="third-app", scope="openid profile")
    theirs = bearer((await app_client.redeem(code, client_id="third-app")).json())
    given = await codes(app_client.api)
    for address in (f"{MINE}/{given['user_code']}/approve", f"{MINE}/{given['user_code']}/refuse"):
        answer = await app_client.api.post(address, headers=theirs | once())
        assert (answer.status_code, answer.json()["code"]) == (403, "own_apps_only")


async def test_an_app_s_guesses_are_limited(app_client: AppClient, phone: str) -> None:
    api, mine = app_client.api, bearer(await app_client.tokens(phone))
    typed = [f"BCDF-GH{first}{last}" for first in "BC" for last in service.LETTERS][: service.WRONG_BY_ONE + 6]
    guesses = await asyncio.gather(*(api.get(f"{MINE}/{code}", headers=mine) for code in typed))
    statuses = [guess.status_code for guess in guesses]
    assert (statuses.count(404), statuses.count(429)) == (service.WRONG_BY_ONE, 6)
    assert next(guess for guess in guesses if guess.status_code == 429).json()["code"] == "too_many_wrong_codes"


async def test_a_repeat_gets_tokens_until_they_were_used_and_for_the_same_key_only(
    app_client: AppClient, phone: str
) -> None:
    api, mine = app_client.api, bearer(await app_client.tokens(phone))
    given, prover = await codes(api), Prover()
    await api.post(f"{MINE}/{given['user_code']}/approve", headers=mine | once())
    form = {"grant_type": GRANT, "client_id": SCREEN, "device_code": given["device_code"]}
    first, second = [(await prover.send(api, "POST", TOKEN, data=form)).json() for _ in range(2)]
    assert (first["token_type"], second["refresh_token"]) == ("DPoP", first["refresh_token"])
    assert refusal(await poll(api, given["device_code"])) == (400, "invalid_grant")
    refresh = {"grant_type": "refresh_token", "client_id": SCREEN, "refresh_token": first["refresh_token"]}
    assert refusal(await prover.send(api, "POST", TOKEN, data=refresh)) == (400, "invalid_grant")


async def test_a_forged_reference_opens_no_page(api: httpx.AsyncClient) -> None:
    for forged in ("x", "a.b.c.d.e", ""):
        page = await api.get("/identity/v1/oauth/authorize", params={"client_id": SCREEN, "device_request": forged})
        assert page.status_code == 400
    pushed = (await api.post("/identity/v1/oauth/par", data=AppClient(api, api).request())).json()["request_uri"]
    sealed = pushed.rpartition(":")[2]
    page = await api.get("/identity/v1/oauth/authorize", params={"client_id": SCREEN, "device_request": sealed})
    assert page.status_code == 400


async def test_an_address_is_shown_as_a_network_and_counted_as_one_customer() -> None:
    assert service.network_of("203.0.113.7") == "203.0.0.0/16"
    assert service.network_of("2001:db8:1:2:3::4") == "2001:db8::/32"
    assert service.source_of("2001:db8:1:2:3::4") == service.source_of("2001:db8:1:2:ffff::1")
    assert service.source_of("2001:db8:1:2::1") != service.source_of("2001:db8:1:3::1")
    assert service.source_of("203.0.113.7") != service.source_of("203.0.113.8")
    assert service.network_of("unknown") == ""


async def test_devices_are_forgotten(database: Database, api: httpx.AsyncClient) -> None:
    await codes(api)
    with time_machine.travel(time.time() + 3_601):
        async with database.transaction() as tx:
            await service.prune(tx)
    async with database.read() as tx:
        for table in (DeviceAuthorization, WrongUserCode):
            assert await tx.scalar(select(func.count()).select_from(table)) == 0
