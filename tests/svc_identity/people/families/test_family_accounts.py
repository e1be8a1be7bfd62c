"""A relative helps a person by a family account: proposed, accepted, ended by either, over on its last day."""

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select, update

from chassis.db import Database, now
from chassis.testing import emitted
from svc_identity.people.families import service
from svc_identity.people.families.models import FamilyAccount, FamilyNotice
from svc_identity.settings import Settings
from svc_identity.sign_in.own_factors.worker import FactorNotifier
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.organisations.test_organisations import refusal
from tests.svc_identity.people.families.relatives import Json, Relative, accepted, proposed, relative


@pytest_asyncio.fixture
async def elder(new_app_client: NewAppClient) -> Relative:
    return await relative(new_app_client, "王大爷")


@pytest_asyncio.fixture
async def child(new_app_client: NewAppClient) -> Relative:
    return await relative(new_app_client, "王小明")


async def events_of(database: Database, account: Json) -> list[tuple[str, Json]]:
    async with database.read() as tx:
        events = [event for event in await emitted(tx) if event.key == account["family_account_id"]]
    return [(event.type.split(".")[-2], event.data) for event in events if ".family_account." in event.type]


async def shorten(database: Database, account: Json, left: timedelta) -> None:
    async with database.transaction() as tx:
        which = FamilyAccount.id == UUID(account["family_account_id"])
        await tx.execute(update(FamilyAccount).where(which).values(valid_until=now() + left))


async def test_it_is_proposed_accepted_and_ended_by_either(
    elder: Relative, child: Relative, database: Database
) -> None:
    for by in (elder, child):
        account = await proposed(elder, child)
        assert (account["status"], account["side"], account["helper_id"]) == ("proposed", "helped", None)
        taken = (await child.step(account, "accept")).json()
        assert (taken["status"], taken["side"], taken["day_limit_fen"]) == ("active", "helper", 20_000)
        assert (await by.step(account, "withdraw")).json()["status"] == "withdrawn"
        (_, begun), (_, over) = await events_of(database, account)
        assert begun["helper_id"] == over["helper_id"] == taken["helper_id"]
        assert (begun["scopes"], begun["month_limit_fen"], over["status"]) == (["bills", "pay"], 50_000, "withdrawn")
        assert not {elder.name, child.name, elder.phone, child.phone} & set(map(str, begun.values()))


async def test_both_sides_list_it_without_each_others_names(elder: Relative, child: Relative) -> None:
    account = await proposed(elder, child)
    for who, side in ((elder, "helped"), (child, "helper")):
        (item,) = await who.listed()
        assert (item["family_account_id"], item["side"]) == (account["family_account_id"], side)
        assert (item["helped_name"], item["helper_name"]) == ("王**", "王**")
        assert child.phone not in str(item)


async def test_a_recycled_phone_does_not_inherit_it(elder: Relative, new_app_client: NewAppClient) -> None:
    stranger = await relative(new_app_client, "赵六")
    account = (await elder.propose(stranger, name="王小明")).json()
    assert refusal(await stranger.step(account, "accept")) == (403, "family_account_for_other")


async def test_a_phone_alone_neither_proposes_nor_accepts(elder: Relative, new_app_client: NewAppClient) -> None:
    unproved = Relative(new_app_client(), "王小明")
    await unproved.sign_in()
    account = await proposed(elder, unproved)
    assert refusal(await unproved.step(account, "accept")) == (403, "assurance_too_low")
    assert refusal(await unproved.propose(elder)) == (403, "assurance_too_low")


async def test_nobody_makes_themselves_a_helper(elder: Relative, child: Relative) -> None:
    assert refusal(await elder.propose(elder)) == (409, "own_helper")
    account = await proposed(elder, child)
    for step in ("accept", "decline"):
        assert refusal(await elder.step(account, step)) == (404, "not_found")


async def test_others_neither_see_nor_move_it(elder: Relative, child: Relative, new_app_client: NewAppClient) -> None:
    account, other = await accepted(elder, child), await relative(new_app_client, "王小明")
    assert await other.listed() == []
    for step in ("accept", "decline", "withdraw"):
        assert refusal(await other.step(account, step)) == (404, "not_found")


async def test_a_declined_one_is_over_and_another_may_follow(elder: Relative, child: Relative) -> None:
    account = await proposed(elder, child)
    assert refusal(await elder.propose(child)) == (409, "family_account_exists")
    assert (await child.step(account, "decline")).json()["status"] == "declined"
    assert refusal(await child.step(account, "accept")) == (409, "illegal_move")
    assert (await elder.propose(child)).status_code == 201


async def test_of_proposals_and_acceptances_at_once_one_counts(
    elder: Relative, child: Relative, database: Database
) -> None:
    answers = await asyncio.gather(*(elder.propose(child) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    account = next(answer.json() for answer in answers if answer.status_code == 201)
    taken = await asyncio.gather(*(child.step(account, "accept") for _ in range(3)))
    assert sorted(answer.status_code for answer in taken) == [200, 409, 409]
    assert len(await events_of(database, account)) == 1


async def test_nobody_sends_messages_to_many_phones(elder: Relative, child: Relative) -> None:
    for _ in range(service.MOST_LIVE):
        child.phone = new_phone()
        assert (await elder.propose(child)).status_code == 201
    child.phone = new_phone()
    assert refusal(await elder.propose(child)) == (409, "too_many_helpers")


async def test_it_ends_on_its_last_day_and_both_are_told_before(
    elder: Relative, child: Relative, database: Database
) -> None:
    account = await accepted(elder, child)
    for left, number in ((29, 1), (6, 2), (0.5, 3)):
        for _ in range(2):  # the second time nothing is sent
            await shorten(database, account, timedelta(days=left))
            async with database.transaction() as tx:
                await service.remind(tx)
        assert [kind for kind, _ in await events_of(database, account)].count("expiring") == number
    await shorten(database, account, timedelta(seconds=-1))
    async with database.transaction() as tx:
        await service.expire(tx)
    kind, data = (await events_of(database, account))[-1]
    assert (kind, data["status"], (await child.listed())[0]["status"]) == ("ended", "expired", "expired")


async def test_both_get_messages(
    elder: Relative, child: Relative, database: Database, settings: Settings, sms: httpx.AsyncClient
) -> None:
    account = await accepted(elder, child)
    await elder.step(account, "withdraw")
    async with database.transaction() as tx:  # those of other tests
        of_others = [row for row in await tx.scalars(select(FamilyNotice)) if str(row.person_id) not in str(account)]
        for row in of_others:
            await tx.delete(row)
    await FactorNotifier(database, settings, FamilyNotice).notify_due()
    for who in (elder, child):
        sent = (await sms.get("/messages", params={"phone": who.phone})).json()["items"]
        told = [each["template"] for each in sent if each["template"].startswith("family")]
        assert sorted(told) == ["family_active", "family_ended", "family_proposed"]


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": []},
        {"scopes": ["profile"]},
        {"scopes": ["pay"], "day_limit_fen": None},
        {"scopes": ["bills"]},
        {"day_limit_fen": 60_000},
        {"day_limit_fen": 0},
        {"day_limit_fen": 1.5},
        {"until": "2020-01-01"},
        {"helper_id": "0193d6a0-0000-7000-8000-000000000000"},
    ],
)
async def test_what_no_family_account_can_say_is_refused(elder: Relative, child: Relative, changes: Json) -> None:
    assert refusal(await elder.propose(child, **changes)) == (422, "invalid_request")
