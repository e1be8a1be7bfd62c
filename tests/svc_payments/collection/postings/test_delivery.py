"""Delivery of postings to providers: once and in order, despite failures."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select, update

from chassis.db import new_id, now
from chassis.http_client import outside_client
from chassis.testing import until
from deploy.local.programs import free_port
from svc_payments.collection.postings.delivery import Delivery
from svc_payments.collection.postings.leasing import Try, lease_postings
from svc_payments.collection.postings.models import Posting, PostingStatus
from svc_payments.collection.postings.outcomes import apply_outcome
from svc_payments.collection.postings.provider import Booked, NotHeard, Unclear
from svc_payments.parties.providers.models import Provider
from tests.svc_payments.conftest import approved_provider
from tests.svc_payments.world import Company, World, run_in_background

MINUTE = timedelta(minutes=1)
FAST_RETRIES = {"posting_retry_seconds": (0.1,), "poll_seconds": 0.05}
SHORT_TIMEOUT = 2.0
"""Seconds: long enough for the request to arrive, short enough to wait out a lost answer."""


def delivery(world: World, **settings: object) -> Delivery:
    return Delivery(world.database, world.settings.model_copy(update={**FAST_RETRIES, **settings}))


async def deliver(world: World, seconds: float = 10.0) -> int:
    """Run one delivery round; an unsettled posting does not become due again by itself."""
    patient = delivery(world, provider_timeout_seconds=seconds, posting_retry_seconds=(60.0,))
    async with outside_client() as client:
        return await patient.deliver_due(world.provider_id, client)


async def postings(world: World) -> list[Posting]:
    async with world.database.read() as tx:
        return list(await tx.scalars(select(Posting).order_by(Posting.position)))


async def statuses(world: World) -> list[str]:
    return [posting.status for posting in await postings(world)]


async def expire_leases(world: World) -> None:
    async with world.database.transaction() as tx:
        await tx.execute(update(Posting).values(try_at=now()))


async def lease_one(world: World) -> Try:
    async with world.database.transaction() as tx:
        (only,) = await lease_postings(tx, world.provider_id, MINUTE)
    return only


async def completed(world: World, person: UUID, payment_id: str) -> None:
    async def is_completed() -> bool:
        return await world.status(person, payment_id) == "completed"

    await until(is_completed)


async def test_a_provider_that_was_down_books_when_it_is_up_again(world: World) -> None:
    person = new_id()
    port = free_port()
    async with world.database.transaction() as tx:
        await tx.execute(update(Provider).values(endpoint_url=f"http://127.0.0.1:{port}"))
    payment_id = await world.captured(person)
    async with run_in_background(delivery(world).run):

        async def tried() -> bool:
            return (await postings(world))[0].tries >= 2

        await until(tried)
        assert await world.status(person, payment_id) == "posting"
        async with Company(world.company.books, world.company.keys, port, world.provider_id).open():
            await completed(world, person, payment_id)
    assert len(world.company.booked()) == 1


async def test_an_answer_lost_after_the_booking_is_queried_and_booked_once(world: World) -> None:
    person = new_id()
    payment_id = await world.captured(person)
    world.company.app.lost = 1
    await deliver(world, SHORT_TIMEOUT)
    assert await statuses(world) == ["unknown"]
    assert len(world.company.booked()) == 1
    await expire_leases(world)
    await deliver(world)
    assert await world.status(person, payment_id) == "completed"
    assert [method for method, path in world.company.app.calls if path.startswith("/postings")] == ["POST", "GET"]
    assert len(world.company.booked()) == 1


async def test_a_posting_the_provider_never_received_is_sent_after_a_query(world: World) -> None:
    await world.captured(new_id())
    each = await lease_one(world)
    async with world.database.transaction() as tx:
        await apply_outcome(tx, each, Unclear("ReadTimeout"), timedelta())
    await deliver(world)
    assert await statuses(world) == ["booked"]
    assert [method for method, path in world.company.app.calls if path.startswith("/postings")] == ["GET", "POST"]


async def test_a_worker_that_dies_between_call_and_result_leaves_one_booking(world: World) -> None:
    person = new_id()
    payment_id = await world.captured(person)
    world.company.app.lost = 1
    dying = asyncio.create_task(deliver(world, 30.0))

    async def booked() -> bool:
        return bool(world.company.booked())

    await until(booked)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert await statuses(world) == ["sending"]
    assert await deliver(world) == 0, "the lease still holds"
    await expire_leases(world)
    assert await deliver(world) == 1
    assert await world.status(person, payment_id) == "completed"
    assert len(world.company.booked()) == 1


async def test_a_stale_worker_does_not_overwrite_a_newer_result(world: World) -> None:
    await world.captured(new_id())
    stale = await lease_one(world)
    await expire_leases(world)
    newer = await lease_one(world)
    assert newer.ask_first
    async with world.database.transaction() as tx:
        assert not await apply_outcome(tx, stale, Booked("of the stale worker"), MINUTE), "its lease has expired"
    async with world.database.transaction() as tx:
        assert await apply_outcome(tx, newer, Booked("R-1"), MINUTE)
    async with world.database.transaction() as tx:
        assert not await apply_outcome(tx, stale, Unclear("ReadTimeout"), MINUTE)
    (posting,) = await postings(world)
    assert (posting.status, posting.provider_reference) == ("booked", "R-1")


async def test_an_unknown_posting_stays_unknown_while_the_provider_is_unreachable(world: World) -> None:
    await world.captured(new_id())
    for outcome, expected in (
        (NotHeard("ConnectError"), "pending"),
        (Unclear("ReadTimeout"), "unknown"),
        (NotHeard("ConnectError"), "unknown"),
    ):
        await expire_leases(world)
        each = await lease_one(world)
        async with world.database.transaction() as tx:
            await apply_outcome(tx, each, outcome, MINUTE)
        assert await statuses(world) == [expected]


async def test_postings_of_an_account_are_sent_in_order_and_one_at_a_time(world: World) -> None:
    people = [new_id() for _ in range(3)]
    for place, person in enumerate(people):
        await world.captured(person, await world.bill(person, 100 + place, account=0))
    world.company.app.lost = 1
    assert await deliver(world, SHORT_TIMEOUT) == 1
    assert await deliver(world) == 0, "the first is not settled yet"
    for _ in range(3):
        await expire_leases(world)
        assert await deliver(world) == 1
    assert [row["amount_fen"] for row in world.company.booked()] == [100, 101, 102]
    assert await statuses(world) == ["booked"] * 3


async def test_another_account_does_not_wait(world: World) -> None:
    for account in (0, 0, 1):
        person = new_id()
        await world.captured(person, await world.bill(person, account=account))
    async with world.database.transaction() as tx:
        tries = await lease_postings(tx, world.provider_id, MINUTE)
    assert sorted(each.posting.position for each in tries) == [1, 3]


async def test_a_refused_posting_is_reversed_and_does_not_block_the_next(world: World) -> None:
    person = new_id()
    bill = await world.bill(person, account=500)  # an account that the company does not have
    payment_id = await world.captured(person, bill)
    await deliver(world)
    assert await world.status(person, payment_id) == "reversing"
    assert await world.bill_status(bill) == "paid"
    assert await world.trail(payment_id) == ["created", "pending", "captured", "posting_refused", "reversing"]
    assert await world.incidents() == ["posting_refused"]
    headers = world.tokens.staff("operator")
    listed = (await world.api.get("/payments/v1/postings?status=refused", headers=headers)).json()["items"]
    assert [(item["payment_id"], item["refusal"]) for item in listed] == [(payment_id, "no_account")]
    await world.captured(person, await world.bill(person, account=500))
    await deliver(world)
    assert await statuses(world) == ["refused", "refused"]


async def test_several_workers_send_each_posting_once(world: World) -> None:
    people = [new_id() for _ in range(12)]
    ids = [await world.captured(person, await world.bill(person, account=place)) for place, person in enumerate(people)]
    async with run_in_background(*(delivery(world).run for _ in range(3))):
        for person, payment_id in zip(people, ids, strict=True):
            await completed(world, person, payment_id)
    posted = [path for method, path in world.company.app.calls if method == "POST"]
    assert len(posted) == 12
    assert len(world.company.booked()) == 12


async def test_a_payment_is_complete_with_its_last_bill_even_when_all_are_booked_at_once(world: World) -> None:
    person = new_id()
    bills = [await world.bill(person, account=account) for account in range(5)]
    payment_id = await world.captured(person, *bills)
    async with world.database.transaction() as tx:
        tries = await lease_postings(tx, world.provider_id, MINUTE)

    async def book(each: Try) -> None:
        async with world.database.transaction() as tx:
            await apply_outcome(tx, each, Booked(f"R-{each.posting.position}"), MINUTE)

    await book(tries[0])
    assert await world.status(person, payment_id) == "posting"
    await asyncio.gather(*map(book, tries[1:]))
    assert await world.trail(payment_id) == ["created", "pending", "captured", "completed"]
    assert [await world.bill_status(bill) for bill in bills] == ["posted"] * 5


async def test_a_slow_provider_does_not_delay_another(world: World, tmp_path: Path) -> None:
    slow = Company.at(tmp_path, free_port(), str(world.api.base_url))
    slow.app.lost = 1_000
    slow_id = slow.provider_id = await approved_provider(world.database, slow.endpoint_url)
    async with slow.open(), run_in_background(delivery(world).run):
        person, other = new_id(), new_id()
        held_up = await world.captured(person, await world.bill(person, provider_id=slow_id))
        prompt = await world.captured(other)
        await completed(world, other, prompt)
        assert await world.status(person, held_up) == "posting"


async def test_a_posting_waits_for_a_provider_that_is_not_known_yet(world: World) -> None:
    person, unknown = new_id(), new_id()
    await world.captured(person, await world.bill(person, provider_id=unknown))
    async with outside_client() as client:
        await delivery(world).deliver_due(unknown, client)
    assert await statuses(world) == [PostingStatus.PENDING]


async def test_the_keys_that_check_our_calls_are_published(world: World) -> None:
    answer = await world.api.get("/payments/v1/signing-keys")
    assert answer.status_code == 200
    assert [sorted(key) for key in answer.json()["keys"]] == [["alg", "e", "kid", "kty", "n", "use"]]
