"""Who helps a person by a family account reads and pays for them, within limits, and everything is in the trail."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update

from chassis.db import new_id, now
from chassis.inbox import Received
from chassis.testing import emitted, once
from kit.ended.admission import FRESH_SECONDS
from kit.ended.consumers import HANDLERS
from svc_payments.collection.payments.models import Payment
from svc_payments.oversight.audit.models import AuditRecord
from tests.contracts.test_private_answers import service_of, url_of
from tests.declared_answers import operations
from tests.svc_payments.world import World

BILLS, PAYMENTS = "/payments/v1/bills", "/payments/v1/payments"
FOR_HELPERS = {
    *(("GET", f"{BILLS}{part}") for part in ("", "/{bill_id}", "/{bill_id}/versions")),
    *(("POST", f"{PAYMENTS}{part}") for part in ("", "/{payment_id}/confirm", "/{payment_id}/cancel")),
    ("GET", f"{PAYMENTS}/{{payment_id}}"),
    ("POST", "/payments/v1/payment-quotes"),
    ("GET", "/payments/v1/accounts"),
}


@dataclass
class Helper:
    """The token by which one person acts for another, as svc_identity issues it."""

    world: World
    helped_id: UUID = field(default_factory=new_id)
    helper_id: UUID = field(default_factory=new_id)
    family_account_id: UUID = field(default_factory=new_id)

    def headers(self, **changes: object) -> dict[str, str]:
        said: dict[str, Any] = {
            "sub": str(self.helped_id),
            "kind": "relative",
            "act": {"sub": str(self.helper_id)},
            "authority": str(self.family_account_id),
            "limits": {"day_limit_fen": 10_000, "month_limit_fen": 20_000},
            "scope": "bills pay",
            "assurance_level": 2,
        }
        return {"Authorization": f"Bearer {self.world.tokens.sign(**said | changes)}", "Accept-Language": "en"}

    async def get(self, path: str) -> httpx.Response:
        return await self.world.api.get(path, headers=self.headers())

    async def act(self, payment_id: str, verb: str) -> httpx.Response:
        return await self.world.api.post(f"{PAYMENTS}/{payment_id}/{verb}", headers=self.headers())

    async def create(self, *bill_ids: UUID, **changes: object) -> httpx.Response:
        body = {"bill_ids": [str(bill_id) for bill_id in bill_ids], "channel": "sandbox"}
        return await self.world.api.post(PAYMENTS, json=body, headers=self.headers(**changes) | once())

    async def bill(self, amount_fen: int, account: int = 0) -> UUID:
        return await self.world.bill(self.helped_id, amount_fen, account=account)

    async def trail(self) -> list[AuditRecord]:
        async with self.world.database.read() as tx:
            mine = select(AuditRecord).where(AuditRecord.actor == str(self.helper_id)).order_by(AuditRecord.id)
            return list(await tx.scalars(mine))


@pytest.fixture
def helper(world: World) -> Helper:
    return Helper(world)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_helper_reads_bills_and_the_person_sees_that(helper: Helper) -> None:
    bill_id = await helper.bill(4140)
    assert [each["bill_id"] for each in (await helper.get(BILLS)).json()["items"]] == [str(bill_id)]
    assert (await helper.get(f"{BILLS}/{bill_id}")).status_code == 200
    (account,) = (await helper.get("/payments/v1/accounts")).json()["items"]
    assert (account["bills_due"], account["due_fen"]) == (1, 4140)
    acts = [(each.action, each.subject, each.details) for each in await helper.trail()]
    about = {"for_person": str(helper.helped_id), "family_account_id": str(helper.family_account_id)}
    assert acts == [
        (action, str(helper.helped_id), about) for action in ("list_bills", "get_bill", "list_own_accounts")
    ]
    async with helper.world.database.read() as tx:
        told = [each.data for each in await emitted(tx) if each.type.endswith("personal_data.read.v1")]
    assert [(each["person_id"], each["role"], each["data"]) for each in told] == [
        (str(helper.helped_id), "relative", ["bills"])
    ] * 3


async def test_the_bills_of_nobody_else_are_seen(helper: Helper) -> None:
    of_helper = await helper.world.bill(helper.helper_id)
    assert (await helper.get(BILLS)).json()["items"] == []
    assert refusal(await helper.get(f"{BILLS}/{of_helper}")) == (404, "not_found")
    assert refusal(await helper.create(of_helper)) == (404, "not_found")


async def test_a_helper_pays_and_the_trail_names_both(helper: Helper) -> None:
    world, created = helper.world, await helper.create(await helper.bill(4140))
    assert created.status_code == 201, created.text
    payment_id = created.json()["payment_id"]
    assert (await helper.act(payment_id, "confirm")).json()["status"] == "pending"
    await world.notify(world.notice_of(await world.pay(payment_id)))
    assert (await helper.get(f"{PAYMENTS}/{payment_id}")).json()["status"] in {"captured", "posting", "completed"}
    assert await world.status(helper.helped_id, payment_id)  # it is the helped person's
    (act,) = await helper.trail()
    assert (act.action, act.subject, act.details["amount_fen"]) == ("pay_for_other", payment_id, 4140)
    assert act.details["for_person"] == str(helper.helped_id)


async def test_a_helper_neither_sees_nor_moves_payments_of_the_person(helper: Helper) -> None:
    own = await helper.world.created(helper.helped_id)
    other = Helper(helper.world, helper.helped_id, helper.helper_id)  # another family account of the same two
    theirs = (await other.create(await helper.bill(100, account=1))).json()["payment_id"]
    for payment_id in (own, theirs):
        assert refusal(await helper.get(f"{PAYMENTS}/{payment_id}")) == (404, "not_found")
        for verb in ("confirm", "cancel"):
            assert refusal(await helper.act(payment_id, verb)) == (404, "not_found")


@pytest.mark.parametrize(("limits", "left"), [({"day_limit_fen": 5_000}, 1_000), ({"month_limit_fen": 4_500}, 500)])
async def test_no_more_is_paid_than_the_limits_allow(helper: Helper, limits: dict[str, int], left: int) -> None:
    limits = {"day_limit_fen": 100_000, "month_limit_fen": 100_000} | limits
    bills = [await helper.bill(4_000), await helper.bill(1_001, account=1)]
    assert (await helper.create(bills[0], limits=limits)).status_code == 201
    refused = await helper.create(bills[1], limits=limits)
    assert refusal(refused) == (409, "helper_limit_reached")
    assert refused.json()["left_fen"] == left
    assert await helper.world.bill_status(bills[1]) == "due"  # nothing is reserved
    assert len(await helper.trail()) == 1


async def test_what_no_money_came_for_is_free_again_and_days_and_months_pass(helper: Helper) -> None:
    first = (await helper.create(await helper.bill(10_000))).json()["payment_id"]
    second = await helper.bill(10_000, account=1)
    assert refusal(await helper.create(second)) == (409, "helper_limit_reached")
    assert (await helper.act(first, "cancel")).json()["status"] == "expired"
    paid = await helper.create(second)
    assert paid.status_code == 201
    async with helper.world.database.transaction() as tx:
        yesterday = now() - timedelta(days=1, hours=1)
        which = Payment.id == UUID(paid.json()["payment_id"])
        await tx.execute(update(Payment).where(which).values(created_at=yesterday))
    third = await helper.bill(10_000, account=2)
    assert (await helper.create(third)).status_code == 201
    assert refusal(await helper.create(await helper.bill(1, account=3))) == (409, "helper_limit_reached")


async def test_of_sixteen_payments_at_once_only_those_within_the_limit_pass(helper: Helper) -> None:
    bills = [await helper.bill(3_000, account=account) for account in range(16)]
    answers = await asyncio.gather(*(helper.create(bill) for bill in bills))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 13
    assert {answer.json().get("code") for answer in answers} == {None, "helper_limit_reached"}
    assert sum(each.details["amount_fen"] for each in await helper.trail()) == 9_000


async def test_a_token_without_limits_pays_nothing(helper: Helper) -> None:
    assert refusal(await helper.create(await helper.bill(1), limits=None)) == (409, "helper_limit_reached")


async def test_every_other_operation_refuses_a_helper(helper: Helper) -> None:
    await helper.bill(4140)
    headers, called = helper.headers(scope="bills pay accounts profile phone staff bills:write"), 0
    for (method, template), operation in sorted(operations().items()):
        if service_of(template) != "payments" or "with scope" not in operation["x-who-may-call"]:
            continue
        if (method, template) in FOR_HELPERS:
            assert "relative" in operation["x-who-may-call"], template
            continue
        content: dict[str, Any] | None = {} if method in {"POST", "PUT", "PATCH"} else None
        answer = await helper.world.api.request(method, url_of(template), json=content, headers=headers | once())
        assert answer.status_code == 403, f"{method} {template}: {answer.text}"
        called += 1
    assert called > 80


async def test_an_answer_to_the_person_is_not_replayed_to_the_helper(helper: Helper) -> None:
    world, key = helper.world, once()
    body = {"bill_ids": [str(await helper.bill(4140))], "channel": "sandbox"}
    own = await world.api.post(PAYMENTS, json=body, headers=world.tokens.resident(helper.helped_id) | key)
    assert own.status_code == 201
    again = await world.api.post(PAYMENTS, json=body, headers=helper.headers() | key)
    assert refusal(again) == (409, "payment_in_progress")


@pytest.mark.parametrize("who", ["helped", "helper", "family_account"])
async def test_its_end_and_a_suspension_of_either_are_followed(helper: Helper, who: str) -> None:
    assert (await helper.get(BILLS)).status_code == 200
    kind = "authority.ended" if who == "family_account" else "person.suspended"
    handler = next(each for each in HANDLERS if each.event_type == f"cn.ili.identity.{kind}.v1")
    said = {
        "person_id": helper.helped_id if who == "helped" else helper.helper_id,
        "revision": 1,
        "authority_id": str(helper.family_account_id),
        "tokens_expire_at": now() + timedelta(minutes=11),
    }
    async with helper.world.database.transaction() as tx:
        await handler.handle(tx, Received(new_id(), handler.event_type, now(), handler.data.model_validate(said)))
    await asyncio.sleep(FRESH_SECONDS)  # the copy in memory
    assert refusal(await helper.get(BILLS)) == (401, "token_invalid")
