"""A phone that changed hands opens nothing of the person who had it before, and takes nothing else from them."""

import asyncio
import time
from typing import Any

import httpx
import pytest
import time_machine
from sqlalchemy import func, select

from chassis.db import Database
from chassis.testing import once
from svc_identity.people.persons.models import Person
from svc_identity.settings import Settings
from svc_identity.sign_in.continuity import TRIES_A_DAY
from svc_identity.sign_in.models import IdentityTry
from tests.svc_identity.app_client import AppClient, Page, bearer, returned_to_app
from tests.svc_identity.conftest import NewAppClient, new_operator, new_phone
from tests.svc_identity.identities import id_number, proof
from tests.svc_identity.oauth.suspensions.test_suspensions import SUSPENSIONS

DAY = 86_400
QUIET, LIVELY = 91 * DAY, 80 * DAY
ME = "/identity/v1/me"
Person_ = tuple[str, dict[str, str]]


async def former(new_app_client: NewAppClient, phone: str, ago: float, *, proofed: bool = True) -> Person_:
    """Somebody who signed in some time ago: their id, and the name and number that they proved."""
    client, identity = new_app_client(), proof()
    with time_machine.travel(time.time() - ago, tick=True):
        headers = bearer(await client.tokens(phone))
        person_id = (await client.api.get(ME, headers=headers)).json()["person_id"]
        if proofed:
            answer = await client.api.post(f"{ME}/proofing", json=identity, headers=headers | once())
            assert answer.status_code == 200, answer.text
    return person_id, identity


async def typed_code(client: AppClient, phone: str, **fields: str) -> httpx.Response:
    """The answer to the right code."""
    page = await client.code_page(phone, ui_locales="en")
    form = page.forms[0]
    return await client.api.post(form.action, data=form.fields | fields | {"code": await client.texted_code(phone)})


async def question(client: AppClient, phone: str, **fields: str) -> Page:
    answer = await typed_code(client, phone, **fields)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].endswith("/holder")
    page = Page(await client.api.get(answer.headers["location"]))
    assert page.answer.status_code == 200
    return page


async def prove(client: AppClient, page: Page, identity: dict[str, str]) -> httpx.Response:
    given = {name: identity[name] for name in ("name", "id_number")}
    return await client.api.post(page.forms[0].action, data=page.forms[0].fields | given)


async def begin_anew(client: AppClient, page: Page) -> httpx.Response:
    return await client.api.post(page.forms[-1].action, data=page.forms[-1].fields)


async def me_of(client: AppClient, answer: httpx.Response) -> dict[str, Any]:
    redeemed = await client.redeem(returned_to_app(answer)["code"])
    assert redeemed.status_code == 200, redeemed.text
    return dict((await client.api.get(ME, headers=bearer(redeemed.json()))).json())


async def test_a_recycled_number_shows_nothing_and_begins_a_new_person(
    new_app_client: NewAppClient, phone: str
) -> None:
    before, identity = await former(new_app_client, phone, QUIET)
    client = new_app_client()
    page = await question(client, phone)
    for told in (identity["name"], identity["name"][0] + "*", identity["id_number"], identity["id_number"][-4:]):
        assert told not in page.answer.text
    own = await me_of(client, await begin_anew(client, page))
    assert own["person_id"] != before
    assert (own["assurance_level"], own["name"]) == (1, None)


async def test_who_had_it_before_proves_name_and_number_and_is_the_same(
    new_app_client: NewAppClient, phone: str
) -> None:
    before, identity = await former(new_app_client, phone, QUIET)
    client = new_app_client()
    own = await me_of(client, await prove(client, await question(client, phone), identity))
    assert (own["person_id"], own["assurance_level"]) == (before, 2)


async def test_the_person_from_before_keeps_everything_but_the_phone(
    new_app_client: NewAppClient, database: Database, phone: str
) -> None:
    before, _ = await former(new_app_client, phone, QUIET)
    client = new_app_client()
    await begin_anew(client, await question(client, phone))
    async with database.read() as tx:
        row = await tx.execute(
            select(Person.phone_index, Person.assurance_level, Person.id_number_index).where(Person.id == before)
        )
    index, level, number = row.one()
    assert (index, level) == (None, 2)
    assert number is not None


@pytest.mark.parametrize("ago", [QUIET, LIVELY])
async def test_a_person_of_level_one_is_left_behind_only_after_long_silence(
    new_app_client: NewAppClient, phone: str, ago: float
) -> None:
    before, _ = await former(new_app_client, phone, ago, proofed=False)
    client = new_app_client()
    own = await me_of(client, await typed_code(client, phone))
    assert (own["person_id"] == before) is (ago == LIVELY)


async def test_a_known_browser_or_recent_use_is_asked_nothing(new_app_client: NewAppClient, phone: str) -> None:
    owner, identity = new_app_client(), proof()
    with time_machine.travel(time.time() - QUIET, tick=True):
        headers = bearer(await owner.tokens(phone))
        await owner.api.post(f"{ME}/proofing", json=identity, headers=headers | once())
    first = await me_of(owner, await typed_code(owner, phone))
    other = new_app_client()
    with time_machine.travel(time.time() + 61, tick=True):
        answer = await typed_code(other, phone)
    assert returned_to_app(answer)["code"]
    assert first["assurance_level"] == 2


async def test_guesses_are_few_for_a_sign_in_and_for_a_phone_in_a_day(
    new_app_client: NewAppClient, database: Database, phone: str
) -> None:
    before, identity = await former(new_app_client, phone, QUIET)
    answers: list[int] = []
    for turn in range(3):
        client = new_app_client()
        with time_machine.travel(time.time() + 61 * turn, tick=True):
            page = await question(client, phone)
            for _ in range(3):
                wrong = identity | {"id_number": id_number()}
                answers.append((await prove(client, page, wrong)).status_code)
            answers.append((await prove(client, page, identity)).status_code)
    assert answers == [422, 429, 429, 429, 422, 429, 429, 429, 429, 429, 429, 429]
    async with database.read() as tx:
        tries = await tx.scalar(select(func.count()).select_from(IdentityTry))
    assert tries is not None
    assert tries >= TRIES_A_DAY
    own = await me_of(client, await begin_anew(client, page))
    assert own["person_id"] != before


async def test_a_second_tap_costs_no_try_and_gets_the_first_answer(new_app_client: NewAppClient, phone: str) -> None:
    _, identity = await former(new_app_client, phone, QUIET)
    client = new_app_client()
    page = await question(client, phone)
    wrong = identity | {"name": "别人"}
    assert {(await prove(client, page, wrong)).status_code for _ in range(3)} == {422}
    unreadable = [await prove(client, page, identity | {"id_number": "1"}) for _ in range(3)]
    assert {each.status_code for each in unreadable} == {422}
    taps = await asyncio.gather(*(prove(client, page, identity) for _ in range(3)))
    assert len({each.headers["location"] for each in taps}) == 1
    assert "code=" in taps[0].headers["location"]


async def test_of_two_browsers_at_once_one_is_answered(new_app_client: NewAppClient, phone: str) -> None:
    _, identity = await former(new_app_client, phone, QUIET)
    owner, stranger = new_app_client(), new_app_client()
    pages = [await question(owner, phone)]
    with time_machine.travel(time.time() + 61, tick=True):
        pages.append(await question(stranger, phone))
        answers = await asyncio.gather(prove(owner, pages[0], identity), begin_anew(stranger, pages[1]))
    assert sorted(each.status_code for each in answers) == [303, 410]


async def test_the_owner_who_signs_in_meanwhile_keeps_the_phone(new_app_client: NewAppClient, phone: str) -> None:
    owner, identity = new_app_client(), proof()
    with time_machine.travel(time.time() - QUIET, tick=True):
        headers = bearer(await owner.tokens(phone))
        await owner.api.post(f"{ME}/proofing", json=identity, headers=headers | once())
    stranger = new_app_client()
    page = await question(stranger, phone)
    with time_machine.travel(time.time() + 61, tick=True):
        own = returned_to_app(await typed_code(owner, phone))
        assert (await begin_anew(stranger, page)).status_code == 410
    assert own["code"]


async def test_another_browser_or_a_replayed_code_gets_nowhere(new_app_client: NewAppClient, phone: str) -> None:
    _, identity = await former(new_app_client, phone, QUIET)
    client, thief = new_app_client(), new_app_client()
    page = await question(client, phone)
    await thief.begin()
    for form in (page.forms[0], page.forms[-1]):
        taken = await thief.api.post(form.action, data=form.fields | identity)
        assert taken.status_code == 403
    assert (await thief.api.get(page.forms[-1].action.removesuffix("/new"))).status_code in {403, 410}
    code_form = page.forms[-1].action.removesuffix("/holder/new")
    token = page.forms[-1].fields["form_token"]
    again = await client.api.post(code_form, data={"form_token": token, "code": await client.texted_code(phone)})
    assert again.headers["location"].endswith("/holder")
    more = await client.api.post(f"{code_form}/codes", data={"form_token": token})
    assert (await client.api.get(more.headers["location"])).headers["location"].endswith("/holder")


async def test_a_suspension_is_not_left_by_saying_the_number_was_anothers(
    new_app_client: NewAppClient, settings: Settings, phone: str
) -> None:
    await former(new_app_client, phone, QUIET)
    operator = await new_operator(settings, new_app_client("myili-staff"), new_phone())
    client = new_app_client()
    body = {"subject": "phone", "phone": phone, "reason": "a test"}
    assert (await client.api.post(SUSPENSIONS, json=body, headers=operator | once())).status_code == 201
    assert (await typed_code(client, phone, not_mine="1")).status_code == 403


@pytest.mark.parametrize("language", ["zh", "en", "kk-Arab", "ug"])
async def test_the_question_is_asked_in_every_language(new_app_client: NewAppClient, phone: str, language: str) -> None:
    await former(new_app_client, phone, QUIET)
    client = new_app_client()
    page = await client.code_page(phone, ui_locales=language)
    answer = await client.type_code(page, await client.texted_code(phone))
    asked = await client.api.get(answer.headers["location"])
    assert asked.headers["content-language"] == language
    assert "form_token" in asked.text
