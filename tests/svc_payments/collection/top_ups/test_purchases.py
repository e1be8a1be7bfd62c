"""Top-ups from validation to the token shown to the payer or the card written by a terminal."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select, update

from chassis.db import new_id, now
from chassis.http_client import outside_client
from contracts.reference_provider.roster import account_number
from deploy.local.programs import free_port
from svc_payments.collection.postings.card_writes import Cards
from svc_payments.collection.postings.models import CardWriting, Posting
from tests.svc_payments.collection.payments.account import refusal
from tests.svc_payments.collection.refunds.steps import balances, step
from tests.svc_payments.collection.top_ups.shop import Shop
from tests.svc_payments.scripted import Scripted, set_endpoint
from tests.svc_payments.world import SEED, Company, World

METER = account_number(SEED, 3)


@pytest_asyncio.fixture
async def sold(world: World, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Shop, Company]]:
    """A shop of a company with prepaid meters of the parametrized kind."""
    company = Company.at(tmp_path, free_port(), str(world.api.base_url), prepaid=request.param)
    company.provider_id = world.provider_id
    await set_endpoint(world.database, world.provider_id, company.endpoint_url)
    async with company.open():
        yield await Shop(world, METER).open(), company


async def shown_everywhere(shop: Shop, payment_id: str) -> list[Any]:
    """The prepaid part as payment, receipt and history show it."""
    receipt = (await shop.world.get(shop.person, payment_id, "/receipt")).json()["bills"][0]
    headers = shop.world.tokens.resident(shop.person)
    history = (await shop.world.api.get("/payments/v1/payments", headers=headers)).json()["items"]
    assert (receipt["kind"], receipt["account_number"]) == ("top_up", METER)
    return [await shop.prepaid(payment_id), receipt["prepaid"], history[0]["bills"][0]["prepaid"]]


@pytest.mark.parametrize("sold", ["token"], indirect=True)
async def test_the_token_is_shown_to_the_payer_only(sold: tuple[Shop, Company]) -> None:
    shop, company = sold
    payment_id = await shop.captured()
    assert await shop.prepaid(payment_id) is None
    await shop.world.deliver_postings()
    (booked,) = company.booked()
    assert (booked["kind"], booked["amount_fen"], booked["account_number"]) == ("top_up", 5_000, METER)
    assert booked["bill_number"].startswith("MYILI-")
    token = booked["prepaid"]["token"]
    assert await shown_everywhere(shop, payment_id) == [{"kind": "token", "token": token, "state": None}] * 3
    assert (await shop.world.get(new_id(), payment_id)).status_code == 404
    assert token not in json.dumps([event.data for event in await shop.world.events()])
    assert [bill.status for bill in await shop.made()] == ["posted"]
    assert await balances(shop.world) == {"channel_receivable": 5_000, "provider_payable": -5_000}


@pytest.mark.parametrize("sold", ["write_card"], indirect=True)
async def test_a_card_is_polled_until_a_terminal_has_written_it(sold: tuple[Shop, Company]) -> None:
    shop, company = sold
    payment_id = await shop.captured()
    await shop.world.deliver_postings()
    to_write = {"kind": "write_card", "token": None, "state": "to_write"}
    assert await shown_everywhere(shop, payment_id) == [to_write] * 3
    assert await poll_cards(shop.world) == 1
    assert await shop.prepaid(payment_id) == to_write
    assert await poll_cards(shop.world) == 0
    company.books.card_written(await posting_id(shop.world))
    await make_cards_due(shop.world)
    assert await poll_cards(shop.world) == 1
    assert await shop.prepaid(payment_id) == {**to_write, "state": "written"}
    await make_cards_due(shop.world)
    assert await poll_cards(shop.world) == 0


@pytest.mark.parametrize("sold", ["write_card"], indirect=True)
async def test_a_card_is_polled_again_later_while_the_provider_is_unreachable(
    sold: tuple[Shop, Company],
) -> None:
    shop, _ = sold
    payment_id = await shop.captured()
    await shop.world.deliver_postings()
    await set_endpoint(shop.world.database, shop.world.provider_id, f"http://127.0.0.1:{free_port()}")
    assert await poll_cards(shop.world) == 1
    assert (await shop.prepaid(payment_id))["state"] == "to_write"
    async with shop.world.database.read() as tx:
        (writing,) = await tx.scalars(select(CardWriting))
    assert writing.asked == 1
    assert writing.ask_at is not None
    assert writing.ask_at > now()


async def poll_cards(world: World) -> int:
    async with outside_client() as client:
        return await Cards(world.database, world.settings).ask_due(client)


async def make_cards_due(world: World) -> None:
    async with world.database.transaction() as tx:
        await tx.execute(update(CardWriting).where(CardWriting.ask_at.is_not(None)).values(ask_at=now()))


async def posting_id(world: World) -> str:
    async with world.database.read() as tx:
        return str((await tx.scalars(select(Posting.id))).one())


@pytest.mark.parametrize("sold", [None], indirect=True)
async def test_an_unbound_account_is_topped_up_without_showing_its_data(sold: tuple[Shop, Company]) -> None:
    shop, company = sold
    child = new_id()
    assert refusal(await shop.buy(person=child)) == (404, "not_found")
    await shop.open({"amounts_fen": [5_000], "accounts": "any"}, bound=False)
    payment_id = (await shop.buy(person=child)).json()["payment_id"]
    await shop.world.confirm(child, payment_id)
    await shop.world.notify(shop.world.notice_of(await shop.world.pay(payment_id)))
    await shop.world.deliver_postings()
    assert await shop.world.status(child, payment_id) == "completed"
    assert len(company.booked()) == 1
    headers = shop.world.tokens.resident(child)
    assert (await shop.world.api.get("/payments/v1/bills", headers=headers)).json()["items"] == []
    company.books.set_state(METER, "payment_unfinished")
    assert refusal(await shop.validate(person=child)) == (409, "not_payable_online")
    assert refusal(await shop.validate()) == (409, "payment_unfinished")


@pytest.mark.parametrize("sold", ["token"], indirect=True)
async def test_two_top_ups_of_an_account_run_concurrently(sold: tuple[Shop, Company]) -> None:
    shop, company = sold
    first, second = await shop.captured(1_000), await shop.captured(10_000)
    await shop.world.deliver_postings()
    await shop.world.deliver_postings()
    assert [await shop.world.status(shop.person, each) for each in (first, second)] == ["completed"] * 2
    assert [row["amount_fen"] for row in company.booked()] == [1_000, 10_000]
    tokens = {(await shop.prepaid(each))["token"] for each in (first, second)}
    assert len(tokens) == 2


async def test_the_same_request_again_is_the_same_top_up(shop: Shop, company: Scripted) -> None:
    company.answer_with("accepted")
    first, again = await shop.buy(key="tap-1"), await shop.buy(key="tap-1")
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (len(company.requests), len(await shop.made())) == (1, 1)
    assert refusal(await shop.buy(1_000, key="tap-1")) == (422, "idempotency_key_reused")


async def test_five_taps_of_one_request_at_once_are_one_top_up(shop: Shop, company: Scripted) -> None:
    company.answer_with("accepted")
    answers = await asyncio.gather(*(shop.buy(key="tap-1") for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    begun = {answer.json()["payment_id"] for answer in answers if answer.status_code == 201}
    waited = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert (len(begun), waited <= {"request_in_progress"}, len(await shop.made())) == (1, True, 1)


async def test_an_unpaid_top_up_expires_and_is_not_owed(shop: Shop, company: Scripted) -> None:
    company.answer_with("accepted")
    payment_id = (await shop.buy()).json()["payment_id"]
    assert [bill.status for bill in await shop.made()] == ["paying"]
    assert (await shop.world.act(shop.person, payment_id, "cancel")).json()["status"] == "expired"
    assert [bill.status for bill in await shop.made()] == ["expired"]


async def test_a_refused_top_up_is_reversed_and_its_bill_voided(shop: Shop, company: Scripted) -> None:
    company.answer_with("accepted")
    payment_id = await shop.captured()
    company.answer = {"result": "refused", "reason": "meter_replaced"}
    await shop.world.deliver_postings()
    assert await step(shop.world) == 1
    await assert_reversed(shop, payment_id)


async def test_a_top_up_that_is_never_answered_is_reversed(shop: Shop, company: Scripted) -> None:
    company.answer_with("accepted")
    payment_id = await shop.captured()
    company.status = 503
    async with shop.world.database.transaction() as tx:
        await tx.execute(update(Posting).values(created_at=now().replace(year=2020)))
    await shop.world.deliver_postings()
    await shop.world.deliver_postings()
    await step(shop.world)
    await assert_reversed(shop, payment_id)


async def assert_reversed(shop: Shop, payment_id: str) -> None:
    found = (await shop.world.get(shop.person, payment_id)).json()
    assert (found["status"], found["refunded_fen"], found["bills"][0]["prepaid"]) == ("refunded", 5_000, None)
    assert [bill.status for bill in await shop.made()] == ["void"]
    assert await balances(shop.world) == {}


async def test_a_top_up_emits_the_events_of_a_payment(shop: Shop, company: Scripted) -> None:
    company.answer_with("accepted")
    payment_id = await shop.captured()
    assert await shop.world.trail(payment_id) == ["created", "pending", "captured"]
    (made,) = await shop.made()
    assert UUID(payment_id) != made.id
    answer: httpx.Response = await shop.world.get(shop.person, payment_id)
    assert [line["bill_id"] for line in answer.json()["bills"]] == [str(made.id)]
