"""Who is signed in moves to another phone number, and nobody else moves them."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from chassis.db import Database
from chassis.testing import once
from svc_identity.fields import normalise_phone
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import phone_index
from svc_identity.settings import Settings
from svc_identity.sign_in.phone_changes.models import PhoneChange
from svc_identity.sign_in.phone_changes.worker import prune
from tests.svc_identity.app_client import AUTHENTICATORS, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.identities import id_number
from tests.svc_identity.oauth.suspensions.test_suspensions import suspended
from tests.svc_identity.sign_in.own_factors.test_own_factors import STRONG
from tests.svc_identity.sign_in.phone_changes.changing import (
    CHANGES,
    ME,
    WAITED,
    begin,
    begun,
    code_of,
    codes,
    confirm,
    deliver,
    later,
    notices,
    person_id,
    resident,
    said,
)


async def test_a_resident_moves_with_both_codes_and_is_the_same_at_the_new_number(
    new_app_client: NewAppClient, database: Database, settings: Settings, phone: str
) -> None:
    app, new = new_app_client(), new_phone()
    headers, _ = await resident(app, phone)
    before = await person_id(app, headers)
    change = await begun(app, headers, new)
    assert (change["confirm_with"], change["new_phone"]) == ("old_phone", f"{new[:3]}****{new[-4:]}")
    answer = await confirm(app, headers, change, **await codes(app, phone, new))
    assert said(answer) == (200, "completed")
    assert (await app.api.get(ME, headers=headers)).json()["phone"] == f"{new[:3]}****{new[-4:]}"
    await deliver(database, settings)
    assert await notices(app.sms, phone) == ["phone_moved"]
    with later(61):
        again, stranger = new_app_client(), new_app_client()
        assert await person_id(again, bearer(await again.tokens(new))) == before
        assert await person_id(stranger, bearer(await stranger.tokens(phone))) != before
    async with database.read() as tx:
        row = await tx.get_one(PhoneChange, change["phone_change_id"])
    assert (row.old_phone, row.old_index, row.new_phone, row.new_index) == (None, None, None, None)


async def test_every_other_sign_in_ends_and_that_of_the_change_stays(new_app_client: NewAppClient, phone: str) -> None:
    other, app, new = new_app_client(), new_app_client(), new_phone()
    await resident(other, phone)
    with later(61):
        headers, _ = await resident(app, phone)
        change = await begun(app, headers, new)
        assert said(await confirm(app, headers, change, **await codes(app, phone, new))) == (200, "completed")
    assert (await other.refresh(other.refresh_token)).status_code == 400
    assert (await app.renewed())["access_token"]


async def test_a_swapped_sim_alone_never_moves_a_proved_identity(new_app_client: NewAppClient, phone: str) -> None:
    """The thief reads every message to the old number and knows the name, and has no ID number."""
    await resident(new_app_client(), phone, proofed=True)
    with later(61):
        thief, new = new_app_client(), new_phone()
        headers, _ = await resident(thief, phone)
        change = await begun(thief, headers, new)
        assert change["confirm_with"] == "old_phone_and_identity"
        right = await codes(thief, phone, new)
        answers = [await confirm(thief, headers, change, **right)]
        for _ in range(6):
            guess: dict[str, Any] = {"name": "张三", "id_number": id_number()}
            answers.append(await confirm(thief, headers, change, **right, **guess))
    statuses = [said(each) for each in answers]
    assert statuses[:2] == [(422, "phone_wrong_identity")] * 2
    assert statuses[-1] == (429, "phone_change_no_tries")
    assert [each[0] for each in statuses].count(200) == 0


async def test_a_proved_resident_moves_with_both_codes_and_name_and_number(
    new_app_client: NewAppClient, phone: str
) -> None:
    app, new = new_app_client(), new_phone()
    headers, identity = await resident(app, phone, proofed=True)
    change = await begun(app, headers, new)
    given = {"name": identity["name"], "id_number": identity["id_number"]}
    assert said(await confirm(app, headers, change, **await codes(app, phone, new), **given)) == (200, "completed")
    assert (await app.api.get(ME, headers=headers)).json()["assurance_level"] == 2


async def test_a_stolen_access_token_alone_moves_nothing(new_app_client: NewAppClient, phone: str) -> None:
    """The thief has the token and a phone of their own, where one of the two codes arrives."""
    app, own = new_app_client(), new_phone()
    headers, _ = await resident(app, phone)
    change = await begun(app, headers, own)
    code = await code_of(app.sms, own)
    for typed in ("", code, "000000"):
        refused = await confirm(app, headers, change, new_phone_code=code, old_phone_code=typed)
        assert refused.status_code == 422, typed
    with later(601):
        assert said(await begin(app, headers, new_phone()))[0] == 401


async def test_a_stolen_token_of_two_factors_alone_moves_nothing(new_app_client: NewAppClient, phone: str) -> None:
    app, new = new_app_client(), new_phone()
    headers = bearer(await app.tokens(phone, acr_values=STRONG))
    change = await begun(app, headers, new)
    assert change["confirm_with"] == "factor"
    assert await code_of(app.sms, phone) == ""
    code = await code_of(app.sms, new)
    assert said(await confirm(app, headers, change, new_phone_code=code)) == (422, "wrong_factor_code")
    answer = await confirm(app, headers, change, new_phone_code=code, factor_code=AUTHENTICATORS[phone].code())
    assert said(answer) == (200, "completed")


async def test_a_swapped_sim_begins_nothing_where_there_is_a_factor(new_app_client: NewAppClient, phone: str) -> None:
    app = new_app_client()
    headers = bearer(await app.tokens(phone))
    with later(61):
        await new_app_client().tokens(phone, acr_values=STRONG)
        assert said(await begin(app, headers, new_phone())) == (401, "second_factor_needed")


async def test_a_code_is_good_for_its_own_number_and_its_own_change(new_app_client: NewAppClient, phone: str) -> None:
    app, new, other = new_app_client(), new_phone(), new_phone()
    headers, _ = await resident(app, phone)
    first = await begun(app, headers, new)
    right = await codes(app, phone, new)
    swapped = {"new_phone_code": right["old_phone_code"], "old_phone_code": right["new_phone_code"]}
    assert said(await confirm(app, headers, first, **swapped)) == (422, "wrong_phone_codes")
    with later(61):
        second = await begun(app, headers, other)
        assert said(await confirm(app, headers, second, **right)) == (422, "wrong_phone_codes")
        newest = await code_of(app.sms, phone)
        mixed = {"new_phone_code": right["new_phone_code"], "old_phone_code": newest}
        assert said(await confirm(app, headers, second, **mixed)) == (422, "wrong_phone_codes")


async def test_another_sign_in_does_not_finish_it(new_app_client: NewAppClient, phone: str) -> None:
    app, new = new_app_client(), new_phone()
    headers, _ = await resident(app, phone)
    change = await begun(app, headers, new)
    right = await codes(app, phone, new)
    with later(61):
        others, _ = await resident(new_app_client(), phone)
        assert said(await confirm(app, others, change, **right)) == (410, "phone_change_over")
    strangers, _ = await resident(new_app_client(), new_phone())
    assert said(await confirm(app, strangers, change, **right)) == (410, "phone_change_over")
    assert said(await confirm(app, headers, change, **right)) == (200, "completed")
    assert said(await confirm(app, headers, change, **right)) == (410, "phone_change_over")


async def test_of_two_changes_at_once_one_moves(new_app_client: NewAppClient, phone: str) -> None:
    apps, numbers = [new_app_client(), new_app_client()], [new_phone(), new_phone()]
    made: list[Any] = []
    for number, (app, new) in enumerate(zip(apps, numbers, strict=True)):
        with later(61 * number):
            headers, _ = await resident(app, phone)
            made.append((app, headers, await begun(app, headers, new), await codes(app, phone, new)))
    answers = await asyncio.gather(*(confirm(app, headers, each, **right) for app, headers, each, right in made))
    assert sorted(each.status_code for each in answers) == [200, 410]


async def test_a_number_of_somebody_else_is_taken_only_when_said_and_nothing_of_them_is(
    new_app_client: NewAppClient, database: Database, phone: str
) -> None:
    app, there, new = new_app_client(), new_app_client(), new_phone()
    theirs, _ = await resident(there, new, proofed=True)
    displaced = await person_id(there, theirs)
    headers, _ = await resident(app, phone)
    mine = await person_id(app, headers)
    with later(61):
        change = await begun(app, headers, new)
        right = await codes(app, phone, new)
        assert said(await confirm(app, headers, change, **right)) == (409, "phone_in_use")
        assert said(await confirm(app, headers, change, **right, takes_over=True)) == (409, "number_waits")
    with later(WAITED):
        headers = bearer(await app.tokens(phone))
        change = await begun(app, headers, new)
        right = await codes(app, phone, new)
        assert said(await confirm(app, headers, change, **right, takes_over=True)) == (200, "completed")
        assert await person_id(app, headers) == mine
        assert (await app.api.get(ME, headers=headers)).json()["assurance_level"] == 1
    async with database.read() as tx:
        query = select(Person.phone_index, Person.assurance_level).where(Person.id == displaced)
        assert (await tx.execute(query)).one() == (None, 2)
        holder = await tx.scalar(select(Person.id).where(Person.phone_index == phone_index(normalise_phone(new))))
    assert str(holder) == mine


async def test_whoever_registers_the_new_number_meanwhile_is_not_displaced_unsaid(
    new_app_client: NewAppClient, phone: str
) -> None:
    app, meanwhile, new = new_app_client(), new_app_client(), new_phone()
    headers, _ = await resident(app, phone)
    change = await begun(app, headers, new)
    right = await codes(app, phone, new)
    with later(61):
        theirs, _ = await resident(meanwhile, new)
        assert said(await confirm(app, headers, change, **right)) == (409, "phone_in_use")
        assert (await app.api.get(ME, headers=headers)).json()["phone"].endswith(phone[-4:])
        assert (await meanwhile.api.get(ME, headers=theirs)).json()["phone"].endswith(new[-4:])


async def test_the_number_of_a_suspended_person_is_not_taken(
    new_app_client: NewAppClient, operator: dict[str, str], phone: str
) -> None:
    app, there, new = new_app_client(), new_app_client(), new_phone()
    theirs, _ = await resident(there, new)
    await suspended(app.api, operator, subject="person", person_id=await person_id(there, theirs))
    headers, _ = await resident(app, phone)
    with later(61):
        change = await begun(app, headers, new)
        right = await codes(app, phone, new)
        assert said(await confirm(app, headers, change, **right, takes_over=True)) == (409, "phone_of_suspended")


async def test_wrong_codes_are_few_also_at_once(new_app_client: NewAppClient, phone: str) -> None:
    app, new = new_app_client(), new_phone()
    headers, _ = await resident(app, phone)
    change = await begun(app, headers, new)
    right = await codes(app, phone, new)
    guesses = [right | {"old_phone_code": f"{number:06}"} for number in range(8)]
    answers = await asyncio.gather(*(confirm(app, headers, change, **guess) for guess in guesses))
    assert sorted(each.status_code for each in answers) == [422] * 4 + [429] * 4
    assert said(await confirm(app, headers, change, **right)) == (429, "phone_change_no_tries")


async def test_codes_expire_and_a_retry_with_the_same_key_moves_once(new_app_client: NewAppClient, phone: str) -> None:
    app, new = new_app_client(), new_phone()
    headers, _ = await resident(app, phone)
    change = await begun(app, headers, new)
    right = await codes(app, phone, new)
    with later(601):
        fresh = bearer(await app.renewed())
        assert said(await confirm(app, fresh, change, **right)) == (410, "phone_change_over")
        headers, _ = await resident(app, phone)
        change = await begun(app, headers, new)
        right, key = await codes(app, phone, new), once()
        address = f"{CHANGES}/{change['phone_change_id']}/confirm"
        answers = [await app.api.post(address, json=right, headers=headers | key) for _ in range(2)]
    assert [said(each) for each in answers] == [(200, "completed")] * 2
    assert answers[1].headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("which", ["same", "wrong", "too many"])
async def test_what_cannot_be_begun(new_app_client: NewAppClient, phone: str, which: str) -> None:
    app = new_app_client()
    headers, _ = await resident(app, phone)
    if which == "same":
        assert said(await begin(app, headers, phone)) == (422, "same_phone")
    elif which == "wrong":
        assert said(await begin(app, headers, "12")) == (422, "invalid_request")
    else:
        for number in range(5):
            with later(61 * number):
                await begun(app, headers, new_phone())
        with later(400):
            refused = await begin(app, headers, new_phone())
            assert said(refused) == (429, "too_many_phone_changes")
            assert int(refused.headers["retry-after"]) > 80_000


async def test_strangers_do_not_use_up_the_codes_of_the_old_number(new_app_client: NewAppClient, phone: str) -> None:
    app = new_app_client()
    headers, _ = await resident(app, phone)
    for number in range(1, 8):
        with later(70 * number):
            await new_app_client().code_page(phone)
    with later(500):
        assert (await begin(app, headers, new_phone())).status_code == 201


async def test_what_only_began_is_forgotten_with_its_numbers_after_a_day(
    new_app_client: NewAppClient, database: Database, phone: str
) -> None:
    app = new_app_client()
    headers, _ = await resident(app, phone)
    change = await begun(app, headers, new_phone())
    for days, is_kept in ((0.9, True), (1.1, False)):
        with later(days * 86_400):
            async with database.transaction() as tx:
                await prune(tx)
                assert (await tx.get(PhoneChange, change["phone_change_id"]) is not None) is is_kept
