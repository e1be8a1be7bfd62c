"""A suspended provider is sent nothing, its client is refused, and residents' money waits or comes back."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from svc_payments.billing.bills.models import Bill
from svc_payments.billing.terms.stated import propose_stated
from svc_payments.collection.postings.models import Posting
from svc_payments.parties.providers.consumers import handlers
from svc_payments.parties.providers.models import Provider
from tests.svc_payments.collection.postings.test_delivery import expire_leases
from tests.svc_payments.parties.events import Event
from tests.svc_payments.parties.providers.test_consumers import approved
from tests.svc_payments.world import World


def changed(
    provider_id: UUID,
    revision: int,
    change: str = "updated",
    *ended_keys: str,
    suspended: bool = False,
    url: str = "http://127.0.0.1:1",
) -> Event:
    data = {
        "provider_id": str(provider_id),
        "revision": revision,
        "kind": "water",
        "name": "Sample Water Company",
        "endpoint_url": url,
        "ended_keys": list(ended_keys),
        "suspended_at": now().isoformat() if suspended else None,
        "a_field_of_later": True,
    }
    return Event(f"provider.{change}", data, minute=revision)


async def suspend(world: World, *, suspended: bool = True) -> None:
    async with world.database.transaction() as tx:
        await tx.execute(update(Provider).values(suspended_at=now() if suspended else None))


async def test_changes_arrive_in_any_order_and_the_highest_revision_wins(tx: AsyncSession) -> None:
    provider_id = new_id()
    for event in (
        changed(provider_id, 2, "suspended", "first", suspended=True, url="https://new.example"),
        approved(provider_id, "https://old.example", 0),
        approved(provider_id, "https://old.example", 9),
        changed(provider_id, 1, "updated", "second", url="https://older.example"),
    ):
        await event.consume(tx, handlers(propose_stated))
    provider = await tx.get_one(Provider, provider_id, populate_existing=True)
    assert (provider.endpoint_url, provider.suspended_at is not None) == ("https://new.example", True)
    assert provider.ended_keys == ["first", "second"]
    await changed(provider_id, 3, "resumed").consume(tx, handlers(propose_stated))
    await tx.flush()
    assert (provider.suspended_at, provider.ended_keys) == (None, ["first", "second"])


async def test_tokens_of_a_suspended_client_or_an_ended_key_are_refused(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    async def answer(key: str | None) -> tuple[int, str | None]:
        headers = tokens.client(provider_id, "bills:write", key=key)
        got = await api.get("/payments/v1/bills", headers=headers)
        return got.status_code, got.json().get("code")

    assert await answer("leaked") == (200, None)
    async with database.transaction() as tx:
        await changed(provider_id, 1, "updated", "leaked").consume(tx, handlers(propose_stated))
    assert await answer("leaked") == (401, "client_key_ended")
    assert await answer(None) == (401, "client_key_ended")
    assert await answer("another") == (200, None)
    async with database.transaction() as tx:
        await changed(provider_id, 2, "suspended", "leaked", suspended=True).consume(tx, handlers(propose_stated))
    assert await answer("another") == (403, "client_suspended")


async def test_a_paid_bill_waits_while_its_provider_is_suspended_and_is_booked_afterwards(world: World) -> None:
    person = new_id()
    payment_id = await world.captured(person)
    await suspend(world)
    await world.deliver_postings()
    assert (world.company.app.calls, await world.status(person, payment_id)) == ([], "posting")
    await suspend(world, suspended=False)
    await expire_leases(world)
    await world.deliver_postings()
    assert await world.status(person, payment_id) == "completed"
    assert len(world.company.booked()) == 1


async def test_money_that_waits_too_long_is_refunded_and_the_company_is_told_later(world: World) -> None:
    person = new_id()
    payment_id = await world.captured(person)
    await suspend(world)
    async with world.database.transaction() as tx:
        await tx.execute(update(Posting).values(created_at=now() - timedelta(days=2)))
    for _ in range(2):
        await expire_leases(world)
        await world.deliver_postings()
    assert world.company.app.calls == []
    assert "posting_unanswered" in await world.trail(payment_id)
    async with world.refunds(poll_seconds=0.05) as refunds:
        await refunds.ask_due()
    assert await world.status(person, payment_id) in {"refunded", "reversing"}
    await suspend(world, suspended=False)
    await expire_leases(world)
    await world.deliver_postings()
    assert world.company.booked() == []
    async with world.database.read() as tx:
        assert (await tx.scalars(select(Posting.status))).one() == "cancelled"


async def test_residents_are_refused_clearly_and_nothing_is_reserved(world: World) -> None:
    person = new_id()
    bill_id = await world.bill(person)
    await suspend(world)
    refused = await world.create(person, bill_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "provider_suspended")
    quote = await world.api.post(
        "/payments/v1/payment-quotes",
        json={"bill_ids": [str(bill_id)]},
        headers=world.tokens.resident(person) | {"Accept-Language": "en"},
    )
    assert (quote.status_code, quote.json()["title"]) == (409, "The provider is suspended")
    assert await world.bill_status(bill_id) == "due"
    await suspend(world, suspended=False)
    payment_id = await world.created(person, bill_id)
    await suspend(world)
    ordering = await world.confirm(person, payment_id)
    assert (ordering.status_code, ordering.json()["code"]) == (409, "provider_suspended")
    await suspend(world, suspended=False)
    assert (await world.confirm(person, payment_id)).json()["status"] == "pending"


@pytest.mark.parametrize("path", ["bill-inquiries", "top-up-validations"])
async def test_a_suspended_provider_is_queried_about_nothing(world: World, path: str) -> None:
    person = new_id()
    await world.bill(person)
    await suspend(world)
    body: dict[str, Any] = {"provider_id": str(world.provider_id), "account_number": await account_of(world)}
    body |= {"amount_fen": 5_000} if path.startswith("top-up") else {}
    answer = await world.api.post(f"/payments/v1/{path}", json=body, headers=world.tokens.resident(person))
    assert (answer.status_code, answer.json()["code"]) == (409, "provider_suspended"), answer.text
    assert world.company.app.calls == []


async def account_of(world: World) -> str:
    async with world.database.read() as tx:
        return (await tx.scalars(select(Bill.account_number).limit(1))).one()
