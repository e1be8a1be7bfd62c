"""A lost phone is replaced by proof and waiting, which the old number can stop and a stranger cannot use."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from chassis.db import Database
from chassis.testing import once
from svc_identity.fields import normalise_phone
from svc_identity.memberships import grant_operator
from svc_identity.privacy.closures.service import close_due
from svc_identity.settings import Settings
from svc_identity.sign_in.phone_changes.models import PhoneChange
from svc_identity.sign_in.phone_changes.schedule import complete_due, remind_due
from tests.svc_identity.app_client import AppClient, Page, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.identities import id_number, proof
from tests.svc_identity.sign_in.own_factors.test_own_factors import STRONG
from tests.svc_identity.sign_in.phone_changes.changing import (
    CHANGES,
    ME,
    begun,
    codes,
    confirm,
    deliver,
    later,
    notices,
    person_id,
    resident,
    said,
)
from tests.svc_identity.sign_in.phone_changes.on_pages import codes_page, identity_of, link_of, submit, with_codes

DAY = 86_400
UYGHUR = {"Accept-Language": "ug"}
OVER = 7 * DAY + 60
Proved = dict[str, Any]


async def claimed(app: AppClient, old: str, new: str, identity: Proved, **more: str) -> Page:
    """The page after the code and the proof."""
    return await with_codes(app, await codes_page(app, old, new, lost=True), "", new, **identity_of(identity), **more)


async def waits(app: AppClient, old: str, new: str, identity: Proved) -> None:
    page = await claimed(app, old, new, identity)
    assert (page.answer.status_code, page.forms) == (200, []), page.answer.text


async def told(database: Database, settings: Settings, sms: httpx.AsyncClient, phone: str) -> list[str]:
    await deliver(database, settings)
    return await notices(sms, phone)


async def last_of(database: Database, of_person: str) -> tuple[str, str | None]:
    async with database.read() as tx:
        mine = select(PhoneChange).where(PhoneChange.person_id == of_person).order_by(PhoneChange.id.desc())
        row = (await tx.scalars(mine)).first()
    assert row is not None
    return row.status, row.end_reason


async def me_at(new_app_client: NewAppClient, phone: str) -> str:
    app = new_app_client()
    return await person_id(app, bearer(await app.tokens(phone)))


async def test_the_owner_proves_waits_a_week_and_is_the_same_at_the_new_number(
    new_app_client: NewAppClient, database: Database, settings: Settings, phone: str
) -> None:
    app, new = new_app_client(), new_phone()
    headers, identity = await resident(app, phone, proofed=True)
    mine = await person_id(app, headers)
    await waits(new_app_client(), phone, new, identity)
    assert await told(database, settings, app.sms, phone) == ["phone_change_begun"]
    with later(6 * DAY + 60):
        await remind_due(database, settings)
        await remind_due(database, settings)
        await complete_due(database)
        assert await told(database, settings, app.sms, phone) == ["phone_change_soon", "phone_change_begun"]
        assert await last_of(database, mine) == ("waiting", None)
    with later(OVER):
        await complete_due(database)
        assert await last_of(database, mine) == ("completed", None)
        assert (await told(database, settings, app.sms, phone))[0] == "phone_moved"
        assert await notices(app.sms, new) == ["phone_moved"]
        assert await me_at(new_app_client, new) == mine
        assert (await app.refresh(app.refresh_token)).status_code == 400
        assert await me_at(new_app_client, phone) != mine


async def test_the_old_number_stops_it_by_the_link_once(
    new_app_client: NewAppClient, database: Database, settings: Settings, phone: str
) -> None:
    app, new = new_app_client(), new_phone()
    headers, identity = await resident(app, phone, proofed=True)
    mine = await person_id(app, headers)
    await waits(new_app_client(), phone, new, identity)
    await told(database, settings, app.sms, phone)
    link, handset = await link_of(app.sms, phone), new_app_client()
    page = Page(await handset.api.get(link))
    assert await last_of(database, mine) == ("waiting", None)  # opening the link changes nothing
    assert (await submit(handset, page, code="x" * 22)).answer.status_code == 410
    assert (await submit(handset, page)).answer.status_code == 200
    assert await last_of(database, mine) == ("stopped", "by_old_phone")
    assert (await submit(handset, page)).answer.status_code == 200  # the second of two taps
    with later(601):
        assert (await submit(handset, page)).answer.status_code == 410
    assert await told(database, settings, app.sms, new) == ["phone_not_changed"]
    with later(OVER):
        await complete_due(database)
        assert await me_at(new_app_client, phone) == mine


async def test_it_waits_until_the_old_number_has_its_message_in_the_language_of_its_owner(
    new_app_client: NewAppClient,
    database: Database,
    settings: Settings,
    faults: Callable[..., None],
    phone: str,
) -> None:
    app, new, identity = new_app_client(), new_phone(), proof()
    headers = bearer(await app.tokens(phone, ui_locales="ug"))
    proved = await app.api.post(f"{ME}/proofing", json=identity, headers=headers | UYGHUR | once())
    assert proved.status_code == 200, proved.text
    mine = await person_id(app, headers)
    await deliver(database, settings)
    await waits(new_app_client(), phone, new, identity)
    faults("sms", unavailable=1_000)
    await deliver(database, settings)
    with later(OVER):
        await deliver(database, settings)
        await complete_due(database)
        assert await last_of(database, mine) == ("waiting", None)
        faults("sms")
    with later(OVER + DAY):
        await deliver(database, settings)
        messages = (await app.sms.get("/messages", params={"phone": phone})).json()["items"]
        assert (messages[0]["template"], messages[0]["params"]["language"]) == ("phone_change_begun", "ug")
        await complete_due(database)
        assert await last_of(database, mine) == ("completed", None)


async def test_a_stop_after_completion_changes_nothing(
    new_app_client: NewAppClient, database: Database, settings: Settings, phone: str
) -> None:
    app, new = new_app_client(), new_phone()
    headers, identity = await resident(app, phone, proofed=True)
    mine = await person_id(app, headers)
    await waits(new_app_client(), phone, new, identity)
    await told(database, settings, app.sms, phone)
    link = await link_of(app.sms, phone)
    with later(OVER):
        await complete_due(database)
        handset = new_app_client()
        assert (await submit(handset, Page(await handset.api.get(link)))).answer.status_code == 410
        assert await last_of(database, mine) == ("completed", None)
        assert await me_at(new_app_client, new) == mine


async def test_the_signed_in_owner_sees_it_and_stops_it_and_nobody_else_does(
    new_app_client: NewAppClient, database: Database, phone: str
) -> None:
    app, stranger = new_app_client(), new_app_client()
    headers, identity = await resident(app, phone, proofed=True)
    others, _ = await resident(stranger, new_phone())
    await waits(new_app_client(), phone, new_phone(), identity)
    (waiting,) = (await app.api.get(CHANGES, headers=headers)).json()["items"]
    assert (waiting["way"], waiting["status"]) == ("lost", "waiting")
    address = f"{CHANGES}/{waiting['phone_change_id']}/stop"
    assert said(await app.api.post(address, headers=others | once())) == (404, "not_found")
    assert said(await app.api.post(address, headers=headers | once())) == (200, "stopped")
    assert said(await app.api.post(address, headers=headers | once())) == (200, "stopped")
    assert await last_of(database, await person_id(app, headers)) == ("stopped", "by_person")


async def test_strangers_guess_few_names_and_take_no_try_of_the_owner(new_app_client: NewAppClient, phone: str) -> None:
    _, identity = await resident(new_app_client(), phone, proofed=True)
    statuses: list[int] = []
    for _ in range(2):
        thief, own = new_app_client(), new_phone()
        page = await codes_page(thief, phone, own, lost=True)
        for _ in range(5):
            wrong = identity | {"id_number": id_number()}
            statuses.append((await with_codes(thief, page, "", own, **identity_of(wrong))).answer.status_code)
    assert statuses == [422] * 5 + [422, 422, 429, 429, 429]
    owner, new = new_app_client(), new_phone()
    page = await codes_page(owner, phone, new, lost=True)
    mistyped = identity | {"id_number": id_number()}
    assert (await with_codes(owner, page, "", new, **identity_of(mistyped))).answer.status_code == 422
    assert (await with_codes(owner, page, "", new, **identity_of(identity))).answer.status_code == 200


@pytest.mark.parametrize("whose", ["nobody", "level one", "another name"])
async def test_what_is_not_proved_looks_the_same(new_app_client: NewAppClient, phone: str, whose: str) -> None:
    identity = proof()
    if whose != "nobody":
        _, identity = await resident(new_app_client(), phone, proofed=whose == "another name")
    page = await claimed(new_app_client(), phone, new_phone(), identity | {"name": "李四"})
    assert page.answer.status_code == 422
    assert "Tries left: 4" in page.answer.text


async def test_without_the_code_of_the_new_number_nothing_is_looked_at(
    new_app_client: NewAppClient, database: Database, phone: str
) -> None:
    app, new = new_app_client(), new_phone()
    headers, identity = await resident(app, phone, proofed=True)
    browser = new_app_client()
    page = await codes_page(browser, phone, new, lost=True)
    answers = [await submit(browser, page, new_code=f"00000{n}", **identity_of(identity)) for n in range(6)]
    assert [each.answer.status_code for each in answers] == [422] * 4 + [429] * 2
    assert (await app.api.get(CHANGES, headers=headers)).json()["items"] == []


@pytest.mark.parametrize("who", ["factor", "role"])
async def test_staff_and_who_has_a_factor_are_not_moved(
    new_app_client: NewAppClient, settings: Settings, phone: str, who: str
) -> None:
    app, identity = new_app_client(), proof()
    headers = bearer(await app.tokens(phone, acr_values=STRONG if who == "factor" else None))
    proved = await app.api.post(f"{ME}/proofing", json=identity, headers=headers | once())
    assert proved.status_code == 200, proved.text
    if who == "role":
        await grant_operator(settings, normalise_phone(phone), reason="an operator of this test")
    page = await claimed(new_app_client(), phone, new_phone(), identity)
    assert page.answer.status_code == 403
    assert (await app.api.get(CHANGES, headers=headers)).json()["items"] == []


async def test_two_who_prove_the_same_identity_both_end(
    new_app_client: NewAppClient, database: Database, phone: str
) -> None:
    app = new_app_client()
    headers, identity = await resident(app, phone, proofed=True)
    await waits(new_app_client(), phone, new_phone(), identity)
    assert (await claimed(new_app_client(), phone, new_phone(), identity)).answer.status_code == 409
    items = (await app.api.get(CHANGES, headers=headers)).json()["items"]
    assert [(each["status"], each["end_reason"]) for each in items] == [("void", "contested")] * 2
    assert (await claimed(new_app_client(), phone, new_phone(), identity)).answer.status_code == 409


async def test_a_number_that_somebody_registers_meanwhile_is_not_taken(
    new_app_client: NewAppClient, database: Database, settings: Settings, phone: str
) -> None:
    app, new = new_app_client(), new_phone()
    headers, identity = await resident(app, phone, proofed=True)
    mine = await person_id(app, headers)
    await waits(new_app_client(), phone, new, identity)
    with later(61):
        theirs = await me_at(new_app_client, new)
    with later(OVER):
        await deliver(database, settings)
        await complete_due(database)
        assert await last_of(database, mine) == ("void", "number_taken")
        assert await me_at(new_app_client, new) == theirs != mine


async def test_what_it_rests_on_is_looked_at_again_at_the_end(
    new_app_client: NewAppClient, database: Database, phone: str
) -> None:
    app, new, other = new_app_client(), new_phone(), new_phone()
    headers, identity = await resident(app, phone, proofed=True)
    mine = await person_id(app, headers)
    await waits(new_app_client(), phone, new, identity)
    with later(61):
        change = await begun(app, headers, other)
        done = await confirm(app, headers, change, **await codes(app, phone, other), **identity_of(identity))
        assert said(done) == (200, "completed")
    with later(OVER):
        await complete_due(database)
        assert await me_at(new_app_client, other) == mine
        assert await me_at(new_app_client, new) != mine


async def test_a_closed_account_is_not_moved_and_its_numbers_are_erased(
    new_app_client: NewAppClient, database: Database, settings: Settings, phone: str
) -> None:

    app, new = new_app_client(), new_phone()
    headers, identity = await resident(app, phone, proofed=True)
    mine = await person_id(app, headers)
    with later(10 * DAY):
        again = new_app_client()
        headers = bearer(await again.tokens(phone))
        assert (await again.api.post(f"{ME}/closure", headers=headers | once())).status_code == 201
    with later(24 * DAY):
        await waits(new_app_client(), phone, new, identity)
    with later(10 * DAY + 15 * DAY + 60):
        await deliver(database, settings)
        await asyncio.gather(close_due(database), complete_due(database))
        assert await last_of(database, mine) == ("void", "overtaken")
    with later(40 * DAY):
        await complete_due(database)
        assert await me_at(new_app_client, new) != mine
