"""A password that somebody chose stops whoever has only their number, and never shuts its owner out."""

import asyncio
import time
from typing import Any

import httpx
import pytest
import time_machine
from sqlalchemy import select

from chassis.db import Database
from chassis.testing import Tokens, once
from svc_identity.people.passwords.models import Password
from svc_identity.settings import Settings
from tests.svc_identity.app_client import AppClient, Page, bearer, returned_to_app
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.identities import id_number
from tests.svc_identity.oauth.test_codes import decoded
from tests.svc_identity.sign_in.own_factors.test_own_factors import STRONG
from tests.svc_identity.sign_in.phone_changes.changing import deliver, later, notices, resident, said
from tests.svc_identity.sign_in.phone_changes.on_pages import codes_page, with_codes

ME = "/identity/v1/me"
PASSWORD = f"{ME}/password"
SECRET, OTHER = "薰衣草田里的旧拖拉机", "霍尔果斯口岸的早班车"
DAY = 86_400


async def put(app: AppClient, headers: dict[str, str], new: str, current: str = "") -> httpx.Response:
    body = {"new_password": new, "current_password": current}
    return await app.api.put(PASSWORD, json=body, headers=headers)


async def protected(app: AppClient, phone: str, *, proofed: bool = False) -> tuple[dict[str, str], dict[str, Any]]:
    """Somebody with a password."""
    headers, identity = await resident(app, phone, proofed=proofed)
    answer = await put(app, headers, SECRET)
    assert answer.status_code == 200, answer.text
    return headers, identity


async def asked(app: AppClient, phone: str, **changes: str) -> Page:
    """The page that asks for the password, after the right texted code."""
    page = await app.code_page(phone, ui_locales="en", **changes)
    passed = await app.type_code(page, await app.texted_code(phone))
    assert passed.headers["location"].endswith("/password"), passed.text
    return Page(await app.api.get(passed.headers["location"]))


async def typed(app: AppClient, page: Page, password: str) -> httpx.Response:
    return await app.api.post(page.forms[0].action, data=page.forms[0].fields | {"password": password})


async def test_a_password_is_asked_after_the_code_and_the_token_says_so(
    new_app_client: NewAppClient, tokens: Tokens, phone: str
) -> None:
    app = new_app_client()
    headers, _ = await protected(app, phone)
    assert (await app.api.get(PASSWORD, headers=headers)).json()["is_set"] is True
    with later(61):
        again = new_app_client()
        page = await asked(again, phone)
        assert (await typed(again, page, OTHER)).status_code == 422
        answer = await typed(again, page, SECRET)
        taps = await typed(again, page, SECRET)
        assert taps.headers["location"] == answer.headers["location"]
        redeemed = await again.redeem(returned_to_app(answer)["code"])
        claims = decoded(redeemed.json()["access_token"], tokens.key).claims
    assert (claims["amr"], claims["acr"]) == (["otp", "sms", "pwd", "mfa"], STRONG)


async def test_a_swapped_sim_gets_around_it_nowhere(new_app_client: NewAppClient, phone: str) -> None:
    """Neither to the app, nor to a factor of its own, nor to another number."""
    await protected(new_app_client(), phone)
    with later(61):
        thief = new_app_client()
        page = await asked(thief, phone, acr_values=STRONG)
        sign_in = page.forms[0].action.removesuffix("/password")
        moved = await thief.api.get(f"{sign_in}/factor")
        assert moved.headers["location"].endswith("/password")
        fields = page.forms[0].fields | {"code": "123456"}
        for address in (f"{sign_in}/factor", f"{sign_in}/factor/kept"):
            assert (await thief.api.post(address, data=fields)).status_code == 410
        code = {"code": await thief.texted_code(phone)}
        repeated = await thief.api.post(sign_in, data=page.forms[0].fields | code)
        assert "code=" not in repeated.headers.get("location", "")
    with later(122):
        own, new = new_app_client(), new_phone()
        last = await with_codes(own, await codes_page(own, phone, new), phone, new)
        assert last.answer.status_code == 403


async def test_guesses_are_few_also_at_once_and_take_none_of_a_known_browser(
    new_app_client: NewAppClient, phone: str
) -> None:
    owner = new_app_client()
    await protected(owner, phone)
    with later(61):
        thief = new_app_client()
        page = await asked(thief, phone)
        answers = await asyncio.gather(*(typed(thief, page, f"wrong {number}") for number in range(12)))
        assert sorted(each.status_code for each in answers) == [422] * 10 + [429] * 2
        blocked = await typed(thief, page, SECRET)
        assert blocked.status_code == 429
        assert 80_000 < int(blocked.headers["retry-after"]) <= DAY
    with later(122):
        page = await asked(owner, phone)
        assert returned_to_app(await typed(owner, page, SECRET))["code"]


async def test_who_has_a_factor_uses_it_instead(new_app_client: NewAppClient, phone: str) -> None:
    app = new_app_client()
    await protected(app, phone)
    with later(61):
        page = await asked(app, phone, acr_values=STRONG)
        passed = await typed(app, page, SECRET)
        set_up = Page(await app.api.get(passed.headers["location"]))
        assert "code" in returned_to_app(await app.set_up(set_up, phone))
    with later(122):
        assert await new_app_client().sign_in(phone)


async def test_changing_and_removing_need_a_fresh_sign_in_and_the_current_one(
    new_app_client: NewAppClient, database: Database, settings: Settings, phone: str
) -> None:
    app = new_app_client()
    headers, _ = await protected(app, phone)
    for current in ("", OTHER):
        assert said(await put(app, headers, OTHER, current)) == (422, "wrong_password")
    assert (await put(app, headers, OTHER, SECRET)).status_code == 200
    with later(601):
        old = bearer(await app.renewed())
        assert said(await put(app, old, SECRET, OTHER)) == (401, "sign_in_too_old")
        body = {"current_password": OTHER}
        assert said(await app.api.post(f"{PASSWORD}/remove", json=body, headers=old | once()))[0] == 401
    wrong = await app.api.post(f"{PASSWORD}/remove", json={"current_password": SECRET}, headers=headers | once())
    assert said(wrong) == (422, "wrong_password")
    done = await app.api.post(f"{PASSWORD}/remove", json={"current_password": OTHER}, headers=headers | once())
    assert done.json() == {"is_set": False, "set_at": None, "removal_at": None}
    await deliver(database, settings)
    assert await notices(app.sms, phone) == ["password_removed", "password_set", "password_set"]
    with later(61):
        assert await new_app_client().sign_in(phone)
    async with database.read() as tx:
        hashes = (await tx.scalars(select(Password.hash).where(Password.hash.is_not(None)))).all()
    assert not [each for each in hashes if each and (SECRET in each or OTHER in each)]


async def test_a_change_ends_every_other_sign_in(new_app_client: NewAppClient, phone: str) -> None:
    other, app = new_app_client(), new_app_client()
    await resident(other, phone)
    with later(61):
        await protected(app, phone)
        assert (await other.refresh(other.refresh_token)).status_code == 400
        assert (await app.renewed())["access_token"]


@pytest.mark.parametrize(
    ("password", "reason"), [("short", "too_short"), ("x7-" * 90, "too_long"), ("woaini1314", "common")]
)
async def test_weak_ones_are_refused_and_the_reason_is_named(
    new_app_client: NewAppClient, phone: str, password: str, reason: str
) -> None:
    app = new_app_client()
    headers, _ = await resident(app, phone)
    refused = await put(app, headers, password)
    assert (said(refused), refused.json()["reason"]) == ((422, "weak_password"), reason)
    assert said(await put(app, headers, f"my {phone}")) == (422, "weak_password")


async def test_of_two_that_are_set_at_once_one_is(new_app_client: NewAppClient, phone: str) -> None:
    app = new_app_client()
    headers, _ = await resident(app, phone)
    answers = await asyncio.gather(put(app, headers, SECRET), put(app, headers, OTHER))
    assert sorted(each.status_code for each in answers) == [200, 422]


async def test_a_forgotten_one_ends_after_a_week_unless_it_is_used(
    new_app_client: NewAppClient, database: Database, settings: Settings, phone: str
) -> None:
    owner = new_app_client()
    await protected(owner, phone)
    forgotten = Page((await _forget(new_app_client(), phone, 61)).answer)
    assert (forgotten.answer.status_code, forgotten.forms) == (200, [])
    await deliver(database, settings)
    assert "password_forgotten" in await notices(owner.sms, phone)
    with later(5 * DAY):
        page = await asked(owner, phone)
        assert returned_to_app(await typed(owner, page, SECRET))["code"]
    with later(8 * DAY):
        await asked(new_app_client(), phone)
    await _forget(new_app_client(), phone, 9 * DAY)
    with later(15 * DAY):
        await asked(new_app_client(), phone)
    with later(16 * DAY + 120):
        app = new_app_client()
        headers = bearer(await app.tokens(phone))
        assert (await app.api.get(PASSWORD, headers=headers)).json()["is_set"] is False
        assert (await put(app, headers, OTHER)).status_code == 200


async def _forget(app: AppClient, phone: str, after: float, **proof: str) -> Page:
    with time_machine.travel(time.time() + after, tick=True):
        page = await asked(app, phone)
        form = page.forms[1]
        return Page(await app.api.post(form.action, data=form.fields | proof))


async def test_forgetting_it_takes_a_proved_person_name_and_number(new_app_client: NewAppClient, phone: str) -> None:
    owner = new_app_client()
    headers, identity = await protected(owner, phone, proofed=True)
    wrong = await _forget(new_app_client(), phone, 61, name=identity["name"], id_number=id_number())
    assert wrong.answer.status_code == 422
    assert (await owner.api.get(PASSWORD, headers=headers)).json()["removal_at"] is None
    right = {"name": identity["name"], "id_number": identity["id_number"]}
    assert (await _forget(new_app_client(), phone, 122, **right)).answer.status_code == 200
    assert (await owner.api.get(PASSWORD, headers=headers)).json()["removal_at"] is not None


async def test_the_page_belongs_to_the_browser_that_typed_the_code(new_app_client: NewAppClient, phone: str) -> None:
    await protected(new_app_client(), phone)
    with later(61):
        app, stranger = new_app_client(), new_app_client()
        page = await asked(app, phone)
        other = await stranger.begin()
        foreign = other.forms[0].fields["form_token"]
        answer = await stranger.api.post(page.forms[0].action, data={"form_token": foreign, "password": SECRET})
        assert answer.status_code == 410
        assert (await typed(app, page, SECRET)).status_code == 303
