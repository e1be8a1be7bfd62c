"""A clerk sets a family account up for somebody without a smartphone, and a supervisor of the counter confirms it."""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select, update

from chassis.db import Database, now
from chassis.testing import once
from svc_identity.organisations.family_orders import service
from svc_identity.people.agreements.documents import version_in_force
from svc_identity.people.family_orders.models import FamilyOrder
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import id_number_index
from svc_identity.people.proofing.service import ATTEMPTS_A_DAY
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.identities import id_number
from tests.svc_identity.oauth.test_codes import refusal as oauth_refusal
from tests.svc_identity.organisations.claim_decisions.conftest import Counter, Resident, counter
from tests.svc_identity.organisations.test_organisations import refusal
from tests.svc_identity.people.families.relatives import ALL, Json, Relative, relative

__all__ = ["counter"]

ORDERS, NAME = "/identity/v1/family-orders", "王大爷"


@pytest_asyncio.fixture
async def child(new_app_client: NewAppClient) -> Relative:
    return await relative(new_app_client, "王小明")


async def place(counter: Counter, child: Relative, number: str, **changes: object) -> httpx.Response:
    usual = {
        "organisation_id": counter.id,
        "name": NAME,
        "id_number": number,
        "consent_version": version_in_force(),
        "helper": {"phone": child.phone, "name": child.name, **ALL},
        "reason": "identity card and signed form seen",
    }
    return await counter.clerk.client.api.post(
        ORDERS, json={**usual, **changes}, headers=counter.clerk.headers | once()
    )


async def step(by: Resident, order: Json, name: str) -> httpx.Response:
    return await by.client.api.post(f"{ORDERS}/{order['family_order_id']}/{name}", headers=by.headers | once())


async def placed(counter: Counter, helper: Relative, number: str) -> Json:
    answer = await place(counter, helper, number)
    assert answer.status_code == 201, answer.text
    order: Json = answer.json()
    return order


async def person_of(database: Database, number: str) -> Person | None:
    async with database.read() as tx:
        found: Person | None = await tx.scalar(select(Person).where(Person.id_number_index == id_number_index(number)))
        return found


async def test_two_of_the_counter_set_it_up_and_the_helper_accepts(
    counter: Counter, child: Relative, database: Database
) -> None:
    number = id_number()
    order = await placed(counter, child, number)
    assert order["status"] == "open"
    assert not {NAME, child.name, child.phone, number} & set(map(str, order.values()))
    assert await child.listed() == []
    assert await person_of(database, number) is None
    confirmed = (await step(counter.supervisor, order, "confirm")).json()
    (account,) = await child.listed()
    assert (confirmed["status"], confirmed["family_account_id"]) == ("confirmed", account["family_account_id"])
    assert (account["status"], account["helped_name"]) == ("proposed", "王**")
    assert oauth_refusal(await child.help(account)) == (400, "invalid_request")
    assert (await child.step(account, "accept")).json()["status"] == "active"
    assert (await child.help(account)).status_code == 200


async def test_the_counter_ends_it_at_once_and_nothing_is_left(
    counter: Counter, child: Relative, database: Database
) -> None:
    number = id_number()
    order = await placed(counter, child, number)
    await step(counter.supervisor, order, "confirm")
    (account,) = await child.listed()
    await child.step(account, "accept")
    assert (await step(counter.clerk, order, "withdraw")).status_code == 200
    assert oauth_refusal(await child.help(account)) == (400, "invalid_request")
    assert await person_of(database, number) is None


async def test_a_clerk_serves_more_than_a_few_in_a_day(counter: Counter, child: Relative) -> None:
    answers = [await place(counter, child, id_number()) for _ in range(ATTEMPTS_A_DAY + 2)]
    assert {each.status_code for each in answers} == {201}


async def test_one_of_staff_alone_sets_nothing_up(counter: Counter, child: Relative) -> None:
    order = await placed(counter, child, id_number())
    assert refusal(await step(counter.clerk, order, "confirm")) == (403, "not_allowed")
    assert (await step(counter.supervisor, order, "refuse")).json()["status"] == "refused"
    assert refusal(await step(counter.supervisor, order, "confirm")) == (409, "illegal_move")
    assert await child.listed() == []
    assert refusal(await step(counter.clerk, order, "withdraw")) == (404, "not_found")


async def test_staff_makes_nobody_of_their_own_a_helper(counter: Counter, child: Relative) -> None:
    for staff in (counter.clerk, counter.supervisor):
        helper = {"phone": staff.phone, "name": "张三", **ALL}
        answer = await place(counter, child, id_number(), helper=helper)
        if staff is counter.clerk:
            assert refusal(answer) == (403, "own_family_order")
        else:
            refused = await step(counter.supervisor, answer.json(), "confirm")
            assert refusal(refused) == (403, "own_family_order")


async def test_an_account_of_the_person_is_used_and_they_end_it_themselves(
    counter: Counter, child: Relative, new_app_client: NewAppClient
) -> None:
    elder = await relative(new_app_client, NAME)
    order = await placed(counter, child, elder.number)
    await step(counter.supervisor, order, "confirm")
    (account,) = await elder.listed()
    assert (account["side"], account["status"]) == ("helped", "proposed")
    assert (await elder.step(account, "withdraw")).json()["status"] == "withdrawn"
    assert refusal(await child.step(account, "accept")) == (409, "illegal_move")


async def test_what_is_not_decided_within_a_day_is_erased(
    counter: Counter, child: Relative, database: Database
) -> None:
    order = await placed(counter, child, id_number())
    async with database.transaction() as tx:
        old = update(FamilyOrder).where(FamilyOrder.id == UUID(order["family_order_id"]))
        await tx.execute(old.values(ordered_at=now() - timedelta(days=1, seconds=1)))
    assert refusal(await step(counter.supervisor, order, "confirm")) == (404, "not_found")
    async with database.transaction() as tx:
        await service.expire(tx)
        row = await tx.get_one(FamilyOrder, UUID(order["family_order_id"]))
    assert (row.status, row.id_number_index) == ("expired", None)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"consent_version": "2020-01-01"}, (409, "consent_required")),
        ({"organisation_id": "0193d6a0-0000-7000-8000-000000000000"}, (403, "not_of_counter")),
        ({"reason": "x"}, (422, "invalid_request")),
    ],
)
async def test_other_orders_are_refused(
    counter: Counter, child: Relative, changes: Json, answer: tuple[int, str]
) -> None:
    assert refusal(await place(counter, child, id_number(), **changes)) == answer
