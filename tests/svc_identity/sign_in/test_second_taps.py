"""The second of two taps gets the answer of the first one, also where both come at once, and costs no try."""

import asyncio

import httpx
from sqlalchemy import Select, func, select

from chassis.db import Database
from svc_identity.oauth.devices.models import WrongUserCode
from svc_identity.people.passwords.models import PasswordTries
from svc_identity.settings import Settings
from tests.svc_identity.app_client import AppClient, Page, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.identities import id_number
from tests.svc_identity.sign_in.own_password.test_passwords import OTHER, asked, protected, typed
from tests.svc_identity.sign_in.phone_changes.changing import code_of, deliver, later, person_id, resident
from tests.svc_identity.sign_in.phone_changes.on_pages import START, codes_page, identity_of, link_of, with_codes
from tests.svc_identity.sign_in.test_changed_hands import QUIET, begin_anew, former, question

DEVICE = "/identity/v1/oauth/authorize/device"


async def twice(app: AppClient, page: Page, form: int = 0, /, **fields: str) -> list[httpx.Response]:
    """The answers to two taps at once."""
    posted = page.forms[form]
    taps = [app.api.post(posted.action, data=posted.fields | fields) for _ in range(2)]
    return list(await asyncio.gather(*taps))


def same(answers: list[httpx.Response]) -> httpx.Response:
    first, second = answers
    assert (first.status_code, first.headers.get("location")) == (second.status_code, second.headers.get("location"))
    assert first.text.split("<main>")[-1] == second.text.split("<main>")[-1]
    return first


async def codes_of(app: AppClient, old: str, new: str) -> dict[str, str]:
    return {"old_code": await code_of(app.sms, old), "new_code": await code_of(app.sms, new)}


async def test_a_change_of_phone_begins_once_and_ends_once(new_app_client: NewAppClient, phone: str) -> None:
    app, new = new_app_client(), new_phone()
    before = await person_id(app, (await resident(app, phone))[0])
    with later(61):
        browser = new_app_client()
        page = Page(await browser.api.get(START))
        begun = same(await twice(browser, page, old_phone=phone, new_phone=new))
        assert begun.status_code == 303
        messages = (await browser.sms.get("/messages", params={"phone": new})).json()["items"]
        assert len(messages) == 1
        page = Page(await browser.api.get(begun.headers["location"]))
        done = same(await twice(browser, page, **await codes_of(browser, phone, new)))
        assert (done.status_code, Page(done).forms) == (200, [])
    with later(122):
        again = new_app_client()
        assert await person_id(again, bearer(await again.tokens(new))) == before


async def test_wrong_codes_of_a_change_are_counted_once(new_app_client: NewAppClient, phone: str) -> None:
    await resident(new_app_client(), phone)
    with later(61):
        browser, new = new_app_client(), new_phone()
        page = await codes_page(browser, phone, new)
        for number in range(5):
            wrong = same(await twice(browser, page, old_code="000000", new_code=f"00000{number}"))
            assert wrong.status_code == (422 if number < 4 else 429)
        right = same(await twice(browser, page, **await codes_of(browser, phone, new)))
        assert right.status_code == 429


async def test_a_repeated_code_is_never_looked_at_when_no_try_is_left(new_app_client: NewAppClient, phone: str) -> None:
    await resident(new_app_client(), phone)
    with later(61):
        browser, new = new_app_client(), new_phone()
        page = await codes_page(browser, phone, new)
        for number in range(5):
            await twice(browser, page, old_code="000000", new_code=f"00000{number}")
        right = await codes_of(browser, phone, new)
        answers = [await browser.api.post(page.forms[0].action, data=page.forms[0].fields | right) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {429}


async def test_a_wrong_proof_of_a_lost_phone_is_counted_once(new_app_client: NewAppClient, phone: str) -> None:
    _, identity = await resident(new_app_client(), phone, proofed=True)
    with later(61):
        browser, new = new_app_client(), new_phone()
        page = await codes_page(browser, phone, new, lost=True)
        code = {"new_code": await code_of(browser.sms, new)}
        for _ in range(4):
            wrong = same(await twice(browser, page, **code, name=identity["name"], id_number=id_number()))
            assert wrong.status_code == 422
        done = same(await twice(browser, page, **code, **identity_of(identity)))
        assert (done.status_code, Page(done).forms) == (200, [])


async def test_a_wrong_factor_of_a_change_is_counted_once(new_app_client: NewAppClient, phone: str) -> None:
    await new_app_client().tokens(phone, acr_values="urn:myili:sign-in:two-factors")
    with later(61):
        browser, new = new_app_client(), new_phone()
        page = await with_codes(browser, await codes_page(browser, phone, new), phone, new)
        for number in range(4):
            assert same(await twice(browser, page, factor_code=f"00000{number}")).status_code == 422


async def test_a_change_is_stopped_once_and_both_taps_are_told(
    new_app_client: NewAppClient, database: Database, settings: Settings, phone: str
) -> None:
    _, identity = await resident(new_app_client(), phone, proofed=True)
    with later(61):
        browser, new = new_app_client(), new_phone()
        page = await codes_page(browser, phone, new, lost=True)
        await with_codes(browser, page, "", new, **identity_of(identity))
        await deliver(database, settings)
        owner = new_app_client()
        stop = Page(await owner.api.get(await link_of(owner.sms, phone)))
        stopped = same(await twice(owner, stop))
        assert stopped.status_code == 200
        other = new_app_client()
        late = Page(await other.api.get(await link_of(other.sms, phone)))
        assert same(await twice(other, late)).status_code == 410


async def test_a_wrong_code_of_a_device_is_counted_once(new_app_client: NewAppClient, database: Database) -> None:
    browser = new_app_client()
    page = Page(await browser.api.get(DEVICE))
    before = await _rows(database, select(func.count()).select_from(WrongUserCode))
    assert same(await twice(browser, page, user_code="BCDF-GHJK")).status_code == 422
    assert await _rows(database, select(func.count()).select_from(WrongUserCode)) == before + 1
    assert same(await twice(browser, page, user_code="BCDF-GHJL")).status_code == 422
    assert await _rows(database, select(func.count()).select_from(WrongUserCode)) == before + 2


async def test_a_wrong_password_is_counted_once_by_two_taps_and_again_by_a_third(
    new_app_client: NewAppClient, database: Database, phone: str
) -> None:
    headers, _ = await protected(app := new_app_client(), phone)
    owner = await person_id(app, headers)
    tries = select(func.sum(PasswordTries.wrong)).where(PasswordTries.person_id == owner)
    with later(61):
        browser = new_app_client()
        page = await asked(browser, phone)
        assert same(await twice(browser, page, password=OTHER)).status_code == 422
        assert await _rows(database, tries) == 1
        assert (await typed(browser, page, OTHER)).status_code == 422
        assert await _rows(database, tries) == 2


async def test_whose_phone_it_was_is_answered_once(new_app_client: NewAppClient, phone: str) -> None:
    _, identity = await former(new_app_client, phone, QUIET)
    browser = new_app_client()
    page = await question(browser, phone)
    for status in (422, 429):
        wrong = {"name": identity["name"], "id_number": id_number()}
        assert same(await twice(browser, page, **wrong)).status_code == status
    taps = await asyncio.gather(begin_anew(browser, page), begin_anew(browser, page))
    assert same(list(taps)).status_code == 303


async def _rows(database: Database, counted: Select[int]) -> int:
    async with database.read() as tx:
        return int(await tx.scalar(counted) or 0)
