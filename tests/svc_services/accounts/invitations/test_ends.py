"""Access by invitation ends: withdrawn, left, with the owner's binding, or with its time."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from chassis.db import Database, new_id
from chassis.testing import once
from kit.calendar import today
from svc_services.accounts.bindings.ends import end_timed
from tests.svc_services.accounts.bindings.conftest import Bind
from tests.svc_services.accounts.bindings.stored import binding_events, bindings_in, code
from tests.svc_services.accounts.bindings.test_closures import close
from tests.svc_services.accounts.bindings.test_revoked_proof import revoke
from tests.svc_services.accounts.invitations.conftest import ACCESSES, House

ENDED = "cn.ili.services.account_binding.ended.v1"


async def ended(database: Database) -> dict[str, str | None]:
    """The bindings that ended by events, with the last day as holder."""
    events = [event for event in await binding_events(database) if event.type == ENDED]
    return {event.data["binding_id"]: event.data["held_until"] for event in events}


async def statuses(database: Database) -> list[tuple[str, str]]:
    return [(binding.role, binding.status) for binding in await bindings_in(database)]


async def test_the_owner_withdraws_access_at_once(house: House, database: Database) -> None:
    joined = await house.join()
    for _ in range(2):
        assert (await house.remove(joined["access_id"])).status_code == 204
    assert await house.members() == []
    assert await ended(database) == {joined["access_id"]: None}
    theirs = await house.api.get(f"{ACCESSES}/{joined['access_id']}", headers=house.tokens.resident(house.guest_id))
    assert (theirs.json()["status"], theirs.json()["rights"]) == ("ended", [])


async def test_an_owner_removes_only_their_own_guests(house: House) -> None:
    joined = await house.join()
    assert (await house.remove(house.binding_id)).status_code == 404
    assert (await house.remove(str(new_id()))).status_code == 404
    assert [each["member_id"] for each in await house.members()] == [joined["access_id"]]


async def test_an_invited_person_leaves(house: House, database: Database) -> None:
    joined = await house.join()
    await house.end(joined["access_id"], house.guest_id)
    assert await house.members() == []
    assert await statuses(database) == [("owner", "active"), ("family", "ended")]
    again = await house.join()
    assert again["access_id"] != joined["access_id"]


async def test_all_access_ends_with_the_owners_binding(house: House, database: Database, bind: Bind) -> None:
    waiting = (await house.invite()).json()
    family = await house.join(person=house.guest_id)
    tenant = await house.join("tenant", new_id(), access_until=today().isoformat())
    await house.end(house.binding_id, house.owner_id)
    assert set(await ended(database)) == {house.binding_id, family["access_id"], tenant["access_id"]}
    assert code(await house.accept(waiting["code"], new_id())) == (409, "invitation_over")
    assert (await bind()).status_code == 201  # anew, by the same owner
    assert code(await house.accept(waiting["code"], new_id())) == (409, "invitation_over")


async def test_a_change_of_holders_ends_it_without_the_bills_of_before(house: House, database: Database) -> None:
    family = await house.join()
    change = {"account_number": house.account, "kind": "new_holder", "effective_on": today().isoformat()}
    headers = house.tokens.client(house.provider_id, "accounts:write") | once()
    assert (await house.api.post("/services/v1/holder-changes", json=change, headers=headers)).status_code == 201
    assert await ended(database) == {house.binding_id: today().isoformat(), family["access_id"]: None}


@pytest.mark.parametrize("kind", ["proofing_revoked", "closed"])
@pytest.mark.parametrize("who", ["owner", "guest"])
async def test_it_ends_with_the_identity_of_either(house: House, database: Database, kind: str, who: str) -> None:
    family = await house.join()
    person = house.owner_id if who == "owner" else house.guest_id
    await (revoke if kind == "proofing_revoked" else close)(database, person)
    gone = {house.binding_id, family["access_id"]} if who == "owner" else {family["access_id"]}
    assert set(await ended(database)) == gone
    if kind == "closed":
        async with database.read() as tx:
            rows = (await tx.execute(text("SELECT label, length(name_mac) FROM account_invitations"))).all()
        assert [tuple(row) for row in rows] == [("", 0)]


async def test_it_ends_after_its_last_day(house: House, database: Database) -> None:
    tenant = await house.join("tenant", access_until=today().isoformat())
    await end_timed(database)
    assert await ended(database) == {}
    await move_to_yesterday(database)
    await end_timed(database)
    assert await ended(database) == {tenant["access_id"]: None}


async def test_an_invitation_does_not_outlive_its_own_days(house: House, database: Database) -> None:
    invited = (await house.invite("tenant", access_until=today().isoformat())).json()
    await move_to_yesterday(database)
    assert code(await house.accept(invited["code"])) == (409, "invitation_over")
    expired = (await house.invite()).json()
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE account_invitations SET expires_at = now() - interval '1 second'"))
    assert code(await house.accept(expired["code"])) == (409, "invitation_over")


async def test_nobody_joins_an_account_while_its_owner_leaves(house: House, database: Database) -> None:
    """Whichever comes first: nobody has access after the owner is gone."""
    codes = [(await house.invite()).json()["code"] for _ in range(5)]
    answers = await asyncio.gather(
        *(house.accept(each, new_id()) for each in codes[:3]),
        house.api.delete(house.path, headers=house.tokens.resident(house.owner_id)),
        *(house.accept(each, new_id()) for each in codes[3:]),
    )
    assert {answer.status_code for answer in answers} <= {201, 204, 409}
    assert {status for _, status in await statuses(database)} == {"ended"}


async def test_nobody_joins_an_account_while_it_changes_hands(house: House, database: Database) -> None:
    codes = [(await house.invite()).json()["code"] for _ in range(5)]
    change = {"account_number": house.account, "kind": "new_holder", "effective_on": today().isoformat()}
    headers = house.tokens.client(house.provider_id, "accounts:write") | once()
    answers = await asyncio.gather(
        *(house.accept(each, new_id()) for each in codes[:3]),
        house.api.post("/services/v1/holder-changes", json=change, headers=headers),
        *(house.accept(each, new_id()) for each in codes[3:]),
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {status for _, status in await statuses(database)} == {"ended"}


async def test_a_former_guest_binds_the_account_as_its_next_holder(house: House, bind: Bind) -> None:
    await house.join()
    assert (code(await bind(person=house.guest_id))) == (409, "already_bound")
    await house.end(house.binding_id, house.owner_id)
    bound = await bind(person=house.guest_id)
    assert (bound.status_code, bound.json()["role"]) == (201, "owner")


async def move_to_yesterday(database: Database) -> None:
    yesterday = today() - timedelta(days=1)
    async with database.transaction() as tx:
        for table in ("account_bindings", "account_invitations"):
            moved = f"UPDATE {table} SET access_until = :day, starts_on = :day WHERE access_until IS NOT NULL"  # noqa: S608
            await tx.execute(text(moved), {"day": yesterday})
