"""On the pages people move to another number without an app, and no page tells a stranger anything."""

import pytest

from chassis.testing import once
from svc_identity.settings import Settings
from tests.svc_identity.app_client import AUTHENTICATORS, STAFF_CONSOLE, bearer
from tests.svc_identity.conftest import NewAppClient, new_operator, new_phone
from tests.svc_identity.identities import id_number
from tests.svc_identity.sign_in.own_factors.test_own_factors import STRONG
from tests.svc_identity.sign_in.phone_changes.changing import WAITED, code_of, later, person_id, resident
from tests.svc_identity.sign_in.phone_changes.on_pages import (
    START,
    codes_page,
    identity_of,
    start,
    submit,
    with_codes,
)
from tests.svc_identity.sign_in.test_changed_hands import QUIET


@pytest.mark.parametrize("language", ["zh", "en", "kk-Arab", "ug"])
async def test_a_resident_moves_on_pages_in_their_language(
    new_app_client: NewAppClient, phone: str, language: str
) -> None:
    app, new = new_app_client(), new_phone()
    before = await person_id(app, (await resident(app, phone))[0])
    with later(61):
        browser = new_app_client()
        page = await codes_page(browser, phone, new, language=language)
        assert page.root["lang"] == language
        done = await with_codes(browser, page, phone, new)
        assert (done.answer.status_code, done.root["lang"], done.forms) == (200, language, [])
    with later(122):
        again = new_app_client()
        assert await person_id(again, bearer(await again.tokens(new))) == before
    assert (await app.refresh(app.refresh_token)).status_code == 400


async def test_the_sign_in_page_leads_there(new_app_client: NewAppClient) -> None:
    page = await new_app_client().begin(ui_locales="ug")
    assert f'href="{START}?ui_locales=ug"' in page.answer.text


async def test_a_swapped_sim_alone_gets_no_further_than_the_name(new_app_client: NewAppClient, phone: str) -> None:
    _, identity = await resident(new_app_client(), phone, proofed=True)
    with later(61):
        thief, new = new_app_client(), new_phone()
        page = await with_codes(thief, await codes_page(thief, phone, new), phone, new)
        assert 'name="id_number"' in page.answer.text
        assert identity["name"] not in page.answer.text
        statuses = []
        for _ in range(6):
            wrong = await submit(thief, page, name=identity["name"], id_number=id_number())
            statuses.append(wrong.answer.status_code)
        assert statuses == [422, 422, 422, 422, 429, 429]
        assert (await submit(thief, page, **identity_of(identity))).answer.status_code == 429
    with later(122):
        owner = new_app_client()
        page = await with_codes(owner, await codes_page(owner, phone, new), phone, new)
        assert (await submit(owner, page, **identity_of(identity))).answer.status_code == 200


async def test_who_has_a_factor_needs_it_and_staff_one_that_is_vouched_for(
    new_app_client: NewAppClient, settings: Settings, phone: str
) -> None:
    await new_operator(settings, new_app_client(STAFF_CONSOLE), phone)
    with later(61):
        browser, new = new_app_client(), new_phone()
        page = await with_codes(browser, await codes_page(browser, phone, new), phone, new)
        assert 'name="factor_code"' in page.answer.text
        assert (await submit(browser, page, factor_code="000000")).answer.status_code == 422
        done = await submit(browser, page, factor_code=AUTHENTICATORS[phone].code())
        assert (done.answer.status_code, done.forms) == (200, [])


async def test_a_recycled_number_of_level_one_moves_nobody(new_app_client: NewAppClient, phone: str) -> None:
    with later(-QUIET):
        await resident(new_app_client(), phone)
    browser, new = new_app_client(), new_phone()
    last = await with_codes(browser, await codes_page(browser, phone, new), phone, new)
    assert last.answer.status_code == 422
    nobody, unknown = new_app_client(), new_phone()
    with later(61):
        other = await with_codes(nobody, await codes_page(nobody, unknown, new), unknown, new)
    assert other.answer.text.split("<main>")[1] == last.answer.text.split("<main>")[1]


async def test_a_taken_number_is_ticked_also_where_a_factor_was_used(new_app_client: NewAppClient, phone: str) -> None:
    app, there, new = new_app_client(), new_app_client(), new_phone()
    await app.tokens(phone, acr_values=STRONG)
    theirs, _ = await resident(there, new)
    with later(61):
        browser = new_app_client()
        page = await with_codes(browser, await codes_page(browser, phone, new), phone, new)
        assert page.forms[0].ticks == {}
        page = await submit(browser, page, factor_code=AUTHENTICATORS[phone].code())
        assert (page.answer.status_code, page.forms[0].ticks) == (409, {"takes_over": "1"})
        waits = await submit(browser, page, takes_over="1")
        assert (waits.answer.status_code, "7" in waits.answer.text) == (409, True)
    with later(WAITED):
        page = await with_codes(browser, await codes_page(browser, phone, new), phone, new)
        await submit(browser, page, factor_code=AUTHENTICATORS[phone].code())
        done = await submit(browser, page, factor_code=AUTHENTICATORS[phone].code(), takes_over="1")
        assert (done.answer.status_code, done.forms) == (200, [])
    assert (await there.api.get("/identity/v1/me", headers=theirs | once())).json()["phone"] == "****"


async def test_another_browser_and_a_foreign_form_get_nowhere(new_app_client: NewAppClient, phone: str) -> None:
    await resident(new_app_client(), phone)
    with later(61):
        browser, stranger, new = new_app_client(), new_app_client(), new_phone()
        page = await codes_page(browser, phone, new)
        await stranger.api.get(START)
        typed = {"new_code": await code_of(browser.sms, new), "old_code": await code_of(browser.sms, phone)}
        foreign = await stranger.api.post(page.forms[0].action, data=page.forms[0].fields | typed)
        assert foreign.status_code == 403
        token = (await codes_page(stranger, new_phone(), new_phone())).forms[0].fields
        assert (await stranger.api.post(page.forms[0].action, data=token | typed)).status_code == 410
        assert (await submit(browser, page, **typed)).answer.status_code == 200


async def test_a_known_and_an_unknown_number_look_the_same(new_app_client: NewAppClient, phone: str) -> None:
    await resident(new_app_client(), phone, proofed=True)
    with later(61):
        pages = [await codes_page(new_app_client(), old, "13812345670") for old in (phone,)]
    with later(122):
        pages.append(await codes_page(new_app_client(), new_phone(), "13812345670"))
    shown = [[sorted(form.fields) for form in page.forms] for page in pages]
    assert shown[0] == shown[1]
    assert "id_number" not in pages[0].answer.text


@pytest.mark.parametrize(("old", "new"), [("13811112222", "13811112222"), ("12", "13811112222"), ("13811112222", "x")])
async def test_numbers_that_cannot_be_changed_are_refused_on_the_same_page(
    new_app_client: NewAppClient, old: str, new: str
) -> None:
    refused = await start(new_app_client(), old, new)
    assert refused.status_code == 422
    assert f'value="{old}"' in refused.text
