"""One texted code takes a number from no account that is in use: its person has days to refuse, and comes back."""

import asyncio
import time
from typing import Any

import httpx
import pytest
import time_machine

from chassis.db import Database
from chassis.testing import once
from svc_identity.settings import Settings
from tests.svc_identity.app_client import AppClient, bearer, returned_to_app
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.identities import proof
from tests.svc_identity.sign_in.own_factors.test_own_factors import STRONG
from tests.svc_identity.sign_in.phone_changes.changing import begun, code_of, confirm, deliver, notices, said
from tests.svc_identity.sign_in.test_changed_hands import DAY, ME, begin_anew, former, me_of, question, typed_code

CLAIM = f"{ME}/number-claim"
Headers = dict[str, str]


async def claim(client: AppClient, phone: str) -> httpx.Response:
    return await begin_anew(client, await question(client, phone, not_mine="1"))


async def owner_of(new_app_client: NewAppClient, phone: str) -> tuple[AppClient, Headers, dict[str, str]]:
    """Somebody who signed in a day ago and proved who they are: their app, still signed in."""
    app, identity = new_app_client(), proof()
    with time_machine.travel(time.time() - DAY, tick=True):
        held = await app.tokens(phone)
        proved = await app.api.post(f"{ME}/proofing", json=identity, headers=bearer(held) | once())
        assert proved.status_code == 200, proved.text
    return app, bearer((await app.refresh(held["refresh_token"])).json()), identity


async def claim_of(app: AppClient, headers: Headers) -> tuple[int, Any]:
    answer = await app.api.get(CLAIM, headers=headers)
    return answer.status_code, answer.json()


async def test_a_number_in_use_is_claimed_and_taken_after_seven_days(
    new_app_client: NewAppClient, database: Database, settings: Settings, phone: str
) -> None:
    before, _ = await former(new_app_client, phone, DAY)
    client = new_app_client()
    page = await question(client, phone, not_mine="1")
    taps = await asyncio.gather(*(begin_anew(client, page) for _ in range(3)))
    assert {(each.status_code, "7 days" in each.text) for each in taps} == {(200, True)}
    await deliver(database, settings)
    assert await notices(client.sms, phone) == ["number_claimed"]
    with time_machine.travel(time.time() + 6 * DAY, tick=True):
        assert "1 days" in (await claim(client, phone)).text
    with time_machine.travel(time.time() + 7 * DAY + 120, tick=True):
        own = await me_of(client, await claim(client, phone))
    assert own["person_id"] != before


async def test_who_signs_in_with_the_number_ends_the_claim(new_app_client: NewAppClient, phone: str) -> None:
    _, headers, _ = await owner_of(new_app_client, phone)
    stranger, owner = new_app_client(), new_app_client()
    await claim(stranger, phone)
    assert (await claim_of(owner, headers))[0] == 200
    with time_machine.travel(time.time() + 120, tick=True):
        returned_to_app(await typed_code(owner, phone))
    assert (await claim_of(owner, headers))[0] == 404
    with time_machine.travel(time.time() + 8 * DAY, tick=True):
        assert "7 days" in (await claim(stranger, phone)).text


async def test_an_app_that_is_signed_in_refuses_and_the_number_is_kept(
    new_app_client: NewAppClient, phone: str
) -> None:
    owner, headers, _ = await owner_of(new_app_client, phone)
    stranger = new_app_client()
    await claim(stranger, phone)
    for _ in range(2):
        refused = await owner.api.post(f"{CLAIM}/refuse", headers=headers | once())
        assert (refused.status_code, refused.json()["refused_at"] is None) == (200, False)
    with time_machine.travel(time.time() + 8 * DAY, tick=True):
        assert (await claim(stranger, phone)).status_code == 409
    with time_machine.travel(time.time() + 31 * DAY, tick=True):
        assert "7 days" in (await claim(stranger, phone)).text


async def test_a_claim_is_nobody_elses(new_app_client: NewAppClient, phone: str) -> None:
    await former(new_app_client, phone, DAY)
    await claim(new_app_client(), phone)
    other = new_app_client()
    headers = bearer(await other.tokens(new_phone()))
    assert (await claim_of(other, headers))[0] == 404
    assert (await other.api.post(f"{CLAIM}/refuse", headers=headers | once())).status_code == 404


async def test_a_second_factor_waits_also_after_long_silence(new_app_client: NewAppClient, phone: str) -> None:
    owner = new_app_client()
    with time_machine.travel(time.time() - 91 * DAY, tick=True):
        await owner.tokens(phone, acr_values=STRONG)
    client = new_app_client()
    assert "7 days" in (await claim(client, phone)).text


async def released(new_app_client: NewAppClient, phone: str) -> tuple[AppClient, Headers, dict[str, str]]:
    """An owner whose number went to somebody else, in an app that is still signed in."""
    owner, headers, identity = await owner_of(new_app_client, phone)
    stranger = new_app_client()
    await claim(stranger, phone)
    with time_machine.travel(time.time() + 7 * DAY + 120, tick=True):
        await me_of(stranger, await claim(stranger, phone))
    return owner, headers, identity


async def test_who_lost_the_number_sets_a_new_one_by_name_and_number(new_app_client: NewAppClient, phone: str) -> None:
    owner, headers, identity = await released(new_app_client, phone)
    new = new_phone()
    change = await begun(owner, headers, new)
    assert (change["confirm_with"], change["old_phone"]) == ("identity", None)
    code = {"new_phone_code": await code_of(owner.sms, new)}
    wrong = await confirm(owner, headers, change, **code, name=identity["name"], id_number="1")
    assert said(wrong) == (422, "phone_wrong_identity")
    given = {name: identity[name] for name in ("name", "id_number")}
    assert said(await confirm(owner, headers, change, **code, **given)) == (200, "completed")
    me = (await owner.api.get(ME, headers=headers)).json()
    assert (me["phone"][-4:], me["assurance_level"]) == (new[-4:], 2)


async def test_a_number_in_use_is_not_taken_by_a_change_of_phone_either(
    new_app_client: NewAppClient, database: Database, settings: Settings, phone: str
) -> None:
    owner, headers, _ = await owner_of(new_app_client, phone)
    thief = new_app_client()
    own_phone = new_phone()
    theirs = bearer(await thief.tokens(own_phone))
    with time_machine.travel(time.time() + 61, tick=True):
        change = await begun(thief, theirs, phone)
        right = {
            "new_phone_code": await code_of(thief.sms, phone),
            "old_phone_code": await code_of(thief.sms, own_phone),
        }
        taken = await confirm(thief, theirs, change, **right, takes_over=True)
    assert (said(taken), taken.json()["days"]) == ((409, "number_waits"), 7)
    assert (await owner.api.get(ME, headers=headers)).json()["phone"][-4:] == phone[-4:]
    assert (await owner.api.post(f"{CLAIM}/refuse", headers=headers | once())).status_code == 200
    await deliver(database, settings)
    assert "number_claimed" in await notices(thief.sms, phone)
    with time_machine.travel(time.time() + 8 * DAY, tick=True):
        fresh = bearer(await thief.tokens(own_phone))
        change = await begun(thief, fresh, phone)
        right = {
            "new_phone_code": await code_of(thief.sms, phone),
            "old_phone_code": await code_of(thief.sms, own_phone),
        }
        assert said(await confirm(thief, fresh, change, **right, takes_over=True)) == (409, "number_kept")


@pytest.mark.parametrize("language", ["zh", "en", "kk-Arab", "ug"])
async def test_the_waiting_is_said_in_every_language(new_app_client: NewAppClient, phone: str, language: str) -> None:
    await former(new_app_client, phone, DAY)
    client = new_app_client()
    page = await question(client, phone, not_mine="1", ui_locales=language)
    answer = await client.api.post(page.forms[-1].action, data=page.forms[-1].fields | {"ui_locales": language})
    assert (answer.status_code, answer.headers["content-language"], "7" in answer.text) == (200, language, True)
