"""An owner invites family and tenants, sees who has access, and withdraws it."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from kit.calendar import today
from tests.svc_services.accounts.bindings.stored import binding_events, code
from tests.svc_services.accounts.invitations.conftest import ACCEPT, ACCESSES, NAME, House
from tests.svc_services.companies import BINDINGS, attestation

TOMORROW = (today() + timedelta(days=1)).isoformat()


async def test_a_family_member_joins_by_the_owners_code(house: House, database: Database) -> None:
    invited = (await house.invite()).json()
    assert (invited["status"], invited["role"], invited["label"]) == ("open", "family", "女儿")
    joined = (await house.accept(invited["code"].lower().replace("-", " "))).json()
    assert (joined["role"], joined["status"], joined["account_number"]) == ("family", "active", house.account)
    assert joined["rights"] == ["see_bills", "pay", "auto_pay", "read_meter"]
    (member,) = await house.members()
    assert (member["member_id"], member["label"]) == (joined["access_id"], "女儿")
    event = (await binding_events(database))[-1].data
    assert event["person_id"] == str(house.guest_id)
    assert (event["role"], event["starts_on"], event["access_until"]) == ("family", None, None)


async def test_an_access_is_no_binding_of_a_holder(house: House) -> None:
    """Apps of before know bindings of holders only."""
    joined, mine = await house.join(), house.tokens.resident(house.guest_id)
    assert (await house.api.get(BINDINGS, headers=mine)).json()["items"] == []
    path = f"{BINDINGS}/{joined['access_id']}"
    assert (await house.api.get(path, headers=mine)).status_code == 404
    assert (await house.api.delete(path, headers=mine)).status_code == 404
    assert (await house.api.get(ACCESSES, headers=mine)).json()["items"] == [joined]
    assert (await house.api.get(f"{ACCESSES}/{joined['access_id']}", headers=mine)).json() == joined
    owner = house.tokens.resident(house.owner_id)
    assert (await house.api.get(f"{ACCESSES}/{house.binding_id}", headers=owner)).status_code == 404
    assert (await house.api.delete(f"{ACCESSES}/{house.binding_id}", headers=owner)).status_code == 404
    assert (await house.api.get(ACCESSES, headers=owner)).json()["items"] == []


async def test_a_tenancy_has_days(house: House, database: Database) -> None:
    began = (today() - timedelta(days=40)).isoformat()
    joined = await house.join("tenant", starts_on=began, access_until=TOMORROW)
    assert (joined["starts_on"], joined["access_until"]) == (began, TOMORROW)
    assert joined["rights"] == ["see_bills", "pay"]
    event = (await binding_events(database))[-1].data
    assert (event["role"], event["starts_on"], event["access_until"]) == ("tenant", began, TOMORROW)


@pytest.mark.parametrize(
    ("role", "starts_in", "ends_in"),
    [
        ("tenant", None, None),
        ("tenant", None, -1),
        ("tenant", 5, 4),
        ("tenant", -400, 4),
        ("tenant", 0, 4000),
        ("family", 0, 4),
        ("family", None, -1),
    ],
)
async def test_days_that_do_not_fit_are_refused(
    house: House, role: str, starts_in: int | None, ends_in: int | None
) -> None:
    days = {"starts_on": starts_in, "access_until": ends_in}
    given: dict[str, Any] = {
        name: (today() + timedelta(days=away)).isoformat() for name, away in days.items() if away is not None
    }
    assert code(await house.invite(role, **given)) == (422, "bad_access_days")


async def test_the_code_is_for_one_name_and_one_time(house: House) -> None:
    invited = (await house.invite()).json()
    thief = new_id()
    assert code(await house.accept(invited["code"], thief, name="王五")) == (403, "invitation_not_yours")
    assert (await house.accept(invited["code"])).status_code == 201
    assert code(await house.accept(invited["code"], thief)) == (409, "invitation_over")
    assert code(await house.accept("0000-0000-0000-0000", thief)) == (404, "invitation_unknown")
    assert len(await house.members()) == 1


@pytest.mark.parametrize("name", ["阿依古丽•买买提", " 阿依古丽・买买提", "阿依古丽·买买提"])
async def test_the_dots_of_a_name_are_typed_in_many_ways(house: House, name: str) -> None:
    invited = (await house.invite(name=name)).json()
    assert (await house.accept(invited["code"])).status_code == 201


async def test_five_tries_of_other_people_block_an_invitation(house: House) -> None:
    invited = (await house.invite()).json()
    for _ in range(5):
        assert code(await house.accept(invited["code"], new_id(), name="王五"))[1] == "invitation_not_yours"
    assert code(await house.accept(invited["code"])) == (409, "invitation_over")


async def test_a_refusal_uses_the_attestation_up(house: House, tokens: Tokens, api: httpx.AsyncClient) -> None:
    body = {"code": "no such", "attestation": attestation(tokens, house.guest_id, name=NAME)}
    mine = tokens.resident(house.guest_id)
    assert code(await api.post(ACCEPT, json=body, headers=mine | once())) == (404, "invitation_unknown")
    body["code"] = (await house.invite()).json()["code"]
    assert code(await api.post(ACCEPT, json=body, headers=mine | once())) == (409, "attestation_already_used")


async def test_a_replayed_acceptance_has_the_first_answer(house: House) -> None:
    invited, key = (await house.invite()).json(), once()
    body = {"code": invited["code"], "attestation": attestation(house.tokens, house.guest_id, name=NAME)}
    headers = house.tokens.resident(house.guest_id) | key
    first, again = [await house.api.post(ACCEPT, json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, first.json()) == (201, again.json())
    assert again.headers["idempotency-replayed"] == "true"


async def test_of_parallel_acceptances_one_joins(house: House) -> None:
    """Two people may carry the invited name."""
    invited = (await house.invite()).json()
    answers = await asyncio.gather(*(house.accept(invited["code"], new_id()) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    assert len(await house.members()) == 1


async def test_one_person_takes_parallel_invitations_once(house: House) -> None:
    codes = [(await house.invite()).json()["code"] for _ in range(3)]
    answers = await asyncio.gather(*(house.accept(each) for each in codes))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert {code(answer)[1] for answer in answers if answer.status_code == 409} == {"already_has_access"}


async def test_an_invited_person_neither_invites_nor_removes(house: House) -> None:
    joined = await house.join()
    theirs = f"{BINDINGS}/{joined['access_id']}"
    mine = house.tokens.resident(house.guest_id)
    body = {"role": "family", "name": NAME, "label": "x"}
    answer = await house.api.post(f"{theirs}/invitations", json=body, headers=mine | once())
    assert code(answer) == (403, "not_the_owner")
    for path in (f"{theirs}/members", f"{theirs}/invitations"):
        assert code(await house.api.get(path, headers=mine)) == (403, "not_the_owner")
    # Nor by the owner's binding, whose id they may have seen.
    assert (await house.invite(by=house.guest_id)).status_code == 404
    assert (await house.remove(joined["access_id"], by=house.guest_id)).status_code == 404
    answer = await house.api.delete(house.path, headers=mine)
    assert answer.status_code == 404


async def test_what_is_withdrawn_cannot_be_accepted(house: House) -> None:
    invited = (await house.invite()).json()
    path = f"{house.path}/invitations/{invited['invitation_id']}/withdraw"
    headers = house.tokens.resident(house.owner_id)
    assert (await house.api.post(path, headers=headers | once())).json()["status"] == "withdrawn"
    assert code(await house.api.post(path, headers=headers | once())) == (409, "illegal_move")
    assert code(await house.accept(invited["code"])) == (409, "invitation_over")
    listed = (await house.api.get(f"{house.path}/invitations", headers=headers)).json()["items"]
    assert [each["status"] for each in listed] == ["withdrawn"]
    assert "code" not in listed[0]


async def test_an_account_has_ten_people_at_most(house: House, database: Database) -> None:
    answers = await asyncio.gather(*(house.invite() for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 2
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE account_invitations SET expires_at = now() - interval '1 second'"))
    assert [(await house.invite()).status_code for _ in range(10)] == [201] * 10
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE account_invitations SET expires_at = now() - interval '1 second'"))
    answer = await house.invite()
    assert (code(answer), "retry-after" in answer.headers) == ((429, "too_many_invitations"), True)


async def test_neither_name_nor_code_is_stored(house: House, database: Database) -> None:
    invited = (await house.invite()).json()
    await house.accept(invited["code"])
    plain = invited["code"].replace("-", "")
    async with database.read() as tx:
        for table in await tx.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")):
            content = str(await tx.scalar(text(f"SELECT json_agg(t)::text FROM {table} t")))  # noqa: S608
            assert not [secret for secret in (NAME, plain, invited["code"]) if secret in content], table
            assert table == "account_invitations" or "女儿" not in content, table


async def test_an_invited_person_does_not_apply_in_the_holders_place(house: House) -> None:
    await house.join()
    body = {
        "provider_id": str(house.provider_id),
        "kind": "closure",
        "division_code": "654002",
        "account_number": house.account,
        "form": {"last_day": "2027-12-31"},
    }
    answers = [
        await house.api.post("/services/v1/applications", json=body, headers=house.tokens.resident(person) | once())
        for person in (house.guest_id, house.owner_id)
    ]
    assert code(answers[0]) == (403, "account_not_yours")
    assert answers[1].status_code == 201, answers[1].text
