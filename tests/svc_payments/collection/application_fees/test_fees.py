"""The fee of an application is a bill of its applicant alone, and no money of it is kept for a case without it."""

import asyncio
from uuid import UUID

from sqlalchemy import select

from chassis.db import new_id
from chassis.testing import once
from svc_payments.collection.application_fees.service import return_due
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.models import PaymentStatus
from svc_payments.collection.postings.models import Posting
from svc_payments.collection.refunds.superseded import close_superseded
from tests.svc_payments.collection.application_fees.quotes import Quote, broken_rules, go_back, quoted, refunds
from tests.svc_payments.collection.refunds.steps import balances, step
from tests.svc_payments.world import World

BILLS = "/payments/v1/bills"
RETURNED = [("application_ended", "refunded", 120_000)]


async def test_the_applicant_alone_sees_and_pays_the_fee(world: World) -> None:
    quote = await quoted(world)
    mine = world.tokens.resident(quote.person_id)
    (bill,) = (await world.api.get(BILLS, headers=mine)).json()["items"]
    named = {name: bill[name] for name in ("bill_id", "kind", "account_number", "amount_fen", "expires_on", "status")}
    assert named == {
        "bill_id": str(quote.fee_id),
        "kind": "application_fee",
        "account_number": str(quote.application_id),
        "amount_fen": 120_000,
        "expires_on": "2099-12-31",
        "status": "due",
    }
    one = await world.api.get(f"{BILLS}/{quote.fee_id}", headers=mine)
    assert (one.status_code, one.json()["explanation"]) == (200, None)
    stranger = new_id()
    assert (await world.api.get(BILLS, headers=world.tokens.resident(stranger))).json()["items"] == []
    refused = await world.create(stranger, quote.fee_id)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


async def test_a_paid_fee_is_booked_on_the_application_and_told_of(world: World) -> None:
    quote = await quoted(world)
    payment_id = await quote.booked()
    assert await world.status(quote.person_id, payment_id) == "completed"
    (booking,) = world.company.booked()
    assert (booking["kind"], booking["application_id"]) == ("application_fee", str(quote.application_id))
    assert await quote.told() == [("reserved", 1), ("paid", 2)]
    assert (await quote.bill_status(), await balances(world)) == (
        "posted",
        {"channel_receivable": 120_000, "provider_payable": -120_000},
    )
    again = await world.create(quote.person_id, quote.fee_id)
    assert (again.status_code, again.json()["code"]) == (409, "bill_already_paid")
    receipt = await world.get(quote.person_id, payment_id, "/receipt")
    assert (receipt.status_code, receipt.json()["bills"][0]["kind"]) == (200, "application_fee")
    assert await broken_rules(world) == []


async def test_two_taps_make_one_payment(world: World) -> None:
    quote = await quoted(world)
    answers = await asyncio.gather(*(world.create(quote.person_id, quote.fee_id) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_repeated_quote_makes_no_second_bill(world: World) -> None:
    quote = await quoted(world)
    await quote.booked()
    await quote.tell("quoted")
    assert await quote.bill_status() == "posted"


async def test_a_quote_that_is_heard_of_after_its_withdrawal_is_never_billed(world: World) -> None:
    quote = Quote(world)
    for what in ("withdrawn", "quoted", "withdrawn"):
        await quote.tell(what)
    assert (await world.api.get(BILLS, headers=world.tokens.resident(quote.person_id))).json()["items"] == []
    await go_back(world)
    assert await quote.told() == []


async def test_a_withdrawn_fee_cannot_be_paid(world: World) -> None:
    quote = await quoted(world)
    for _ in range(2):
        await quote.tell("withdrawn")
    assert await quote.bill_status() == "void"
    refused = await world.create(quote.person_id, quote.fee_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "bill_not_payable")
    (version, first) = (
        await world.api.get(f"{BILLS}/{quote.fee_id}/versions", headers=world.tokens.resident(quote.person_id))
    ).json()["items"]
    assert (version["reason"], first["reason"]) == ("fee_withdrawn", None)
    assert await broken_rules(world) == []


async def test_a_fee_that_is_paid_after_the_last_day_is_refused(world: World) -> None:
    quote = await quoted(world, payable_until="2026-01-01")
    refused = await world.create(quote.person_id, quote.fee_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "bill_not_payable")


async def test_an_unconfirmed_payment_of_a_withdrawn_fee_is_given_up(world: World) -> None:
    quote = await quoted(world)
    payment_id = await world.created(quote.person_id, quote.fee_id)
    await quote.tell("withdrawn")
    await go_back(world)
    assert (await world.status(quote.person_id, payment_id), await quote.bill_status()) == ("expired", "void")
    assert await quote.told() == [("reserved", 1), ("released", 2)]
    assert await broken_rules(world) == []


async def test_money_that_arrives_for_a_withdrawn_fee_goes_back_by_itself(world: World) -> None:
    quote = await quoted(world)
    payment_id = await world.confirmed(quote.person_id, quote.fee_id)
    await quote.tell("withdrawn")
    await go_back(world)
    assert (await world.notify(world.notice_of(await world.pay(payment_id)))).status_code == 204
    await go_back(world)  # the company books it
    await go_back(world)
    assert await refunds(world) == RETURNED
    assert (await world.status(quote.person_id, payment_id), await quote.bill_status()) == ("refunded", "void")
    assert (await balances(world), world.company.booked()) == ({}, [])
    assert await quote.told() == [("reserved", 1), ("paid", 2), ("refunded", 3)]
    await go_back(world)
    assert (await refunds(world), await broken_rules(world)) == (RETURNED, [])


async def test_a_booked_fee_of_a_withdrawn_case_goes_back_by_itself(world: World) -> None:
    quote = await quoted(world)
    await quote.booked()
    await quote.tell("withdrawn")
    await go_back(world)
    assert (await refunds(world), await quote.bill_status(), await balances(world)) == (RETURNED, "void", {})
    assert await broken_rules(world) == []


async def test_money_that_comes_after_the_payment_was_given_up_goes_back(world: World) -> None:
    quote = await quoted(world)
    payment_id = await world.confirmed(quote.person_id, quote.fee_id)
    async with world.database.transaction() as tx:
        payment = await payments.own_payment(tx, quote.person_id, UUID(payment_id), locked=True)
        await payments.give_up(tx, payment, PaymentStatus.EXPIRED)
    await quote.tell("withdrawn")
    assert await quote.bill_status() == "void"
    assert (await world.notify(world.notice_of(await world.pay(payment_id)))).status_code == 204
    await step(world)
    assert (await refunds(world), await balances(world)) == ([("money_held", "refunded", 120_000)], {})
    assert await broken_rules(world) == []


async def test_a_fee_that_the_company_refuses_to_book_is_due_again(world: World) -> None:
    quote = await quoted(world)
    posted = "INSERT INTO cancellations SELECT ?, 'unanswered', 'x'"
    await world.captured(quote.person_id, quote.fee_id)
    async with world.database.read() as tx:
        posting_id = (await tx.scalars(select(Posting.id))).one()
    world.company.books._db.execute(posted, (str(posting_id),))  # noqa: SLF001 - the company has heard of its end
    await world.deliver_postings()
    await step(world)
    assert (await quote.bill_status(), await balances(world)) == ("due", {})
    assert await quote.told() == [("reserved", 1), ("released", 2)]
    await world.captured(quote.person_id, quote.fee_id)
    await world.deliver_postings()
    assert await quote.told() == [("reserved", 1), ("released", 2), ("reserved", 3), ("paid", 4)]
    assert await broken_rules(world) == []


async def test_two_people_refund_a_fee_however_small(world: World) -> None:
    quote = await quoted(world, amount_fen=500)
    payment_id = await quote.booked()
    first, second = world.tokens.staff("operator"), world.tokens.staff("operator")
    body = {"reason": "agreed_with_provider", "note": "不予办理，退还费用"}
    path = f"/payments/v1/payments/{payment_id}/refunds"
    (proposed,) = (await world.api.post(path, json=body, headers=first | once())).json()["items"]
    assert proposed["status"] == "proposed"
    approve = f"/payments/v1/refunds/{proposed['refund_id']}/approve"
    assert (await world.api.post(approve, headers=first | once())).status_code in {403, 409}
    assert (await world.api.post(approve, headers=second | once())).status_code == 200
    await world.deliver_postings()
    await step(world)
    assert (await quote.bill_status(), await balances(world)) == ("void", {})
    assert (await quote.told())[-1] == ("refunded", 3)
    assert await broken_rules(world) == []


async def proposed(world: World, payment_id: str) -> str:
    """The path of a refund of a fee that one operator has proposed."""
    body = {"reason": "agreed_with_provider", "note": "不予办理，退还费用"}
    path = f"/payments/v1/payments/{payment_id}/refunds"
    operator = world.tokens.staff("operator") | once()
    (refund,) = (await world.api.post(path, json=body, headers=operator)).json()["items"]
    assert refund["status"] == "proposed"
    return f"/payments/v1/refunds/{refund['refund_id']}"


async def test_a_proposal_for_a_fee_that_went_back_otherwise_is_closed_by_itself(world: World) -> None:
    quote = await quoted(world)
    refund = await proposed(world, await quote.booked())
    await close_superseded(world.database)
    assert [status for _, status, _ in await refunds(world)] == ["proposed"]
    await quote.tell("withdrawn")
    await return_due(world.database)
    refused = await world.api.post(f"{refund}/approve", headers=world.tokens.staff("operator") | once())
    assert (refused.status_code, refused.json()["code"]) == (409, "refund_exceeds_paid")
    await close_superseded(world.database)  # the company may still keep its booking
    assert [status for _, status, _ in await refunds(world)] == ["proposed", "unbooking"]
    await go_back(world)
    await asyncio.gather(*(close_superseded(world.database) for _ in range(3)))
    assert [status for _, status, _ in await refunds(world)] == ["superseded", "refunded"]
    assert await world.trail(refund.rsplit("/", 1)[1]) == ["proposed", "rejected"]
    for act, body in (("approve", None), ("reject", {"reason": "款项已按原路退回"})):
        refused = await world.api.post(f"{refund}/{act}", json=body, headers=world.tokens.staff("operator") | once())
        assert (refused.status_code, refused.json()["code"]) == (409, "illegal_move")
    assert (await balances(world), await broken_rules(world)) == ({}, [])


async def test_an_approval_and_the_return_by_itself_at_once_give_the_fee_back_once(world: World) -> None:
    quote = await quoted(world)
    refund = await proposed(world, await quote.booked())
    await quote.tell("withdrawn")
    second = world.tokens.staff("operator") | once()
    await asyncio.gather(world.api.post(f"{refund}/approve", headers=second), return_due(world.database))
    for _ in range(2):
        await go_back(world)
        await close_superseded(world.database)
    assert [amount for _, status, amount in await refunds(world) if status == "refunded"] == [120_000]
    assert {status for _, status, _ in await refunds(world)} <= {"refunded", "superseded"}
    assert (await balances(world), await broken_rules(world)) == ({}, [])


async def test_a_payment_that_begins_while_the_fee_is_withdrawn_keeps_nothing(world: World) -> None:
    quote = await quoted(world)
    begun, _ = await asyncio.gather(world.create(quote.person_id, quote.fee_id), quote.tell("withdrawn"))
    assert begun.status_code in {201, 409}
    await go_back(world)
    assert (await quote.bill_status(), await balances(world), await broken_rules(world)) == ("void", {}, [])


async def test_money_that_is_captured_while_the_fee_is_withdrawn_goes_back(world: World) -> None:
    quote = await quoted(world)
    payment_id = await world.confirmed(quote.person_id, quote.fee_id)
    notice = world.notice_of(await world.pay(payment_id))
    await asyncio.gather(world.notify(notice), quote.tell("withdrawn"), return_due(world.database))
    for _ in range(2):
        await go_back(world)
    assert (await refunds(world), await quote.bill_status(), await balances(world)) == (RETURNED, "void", {})
    assert await broken_rules(world) == []


async def test_two_workers_return_a_fee_once(world: World) -> None:
    quote = await quoted(world)
    await quote.booked()
    await quote.tell("withdrawn")
    await asyncio.gather(*(return_due(world.database) for _ in range(4)))
    await go_back(world)
    assert (await refunds(world), await balances(world)) == (RETURNED, {})


async def test_a_refund_that_staff_has_begun_holds_up_no_other_fee(world: World) -> None:
    first, second = await quoted(world), await quoted(world)
    payment_id = await first.booked()
    await second.booked()
    body = {"reason": "overcharged", "note": "部分退费", "bill_id": str(first.fee_id), "amount_fen": 500}
    path = f"/payments/v1/payments/{payment_id}/refunds"
    (part,) = (await world.api.post(path, json=body, headers=world.tokens.staff("operator") | once())).json()["items"]
    approve = f"/payments/v1/refunds/{part['refund_id']}/approve"
    assert (await world.api.post(approve, headers=world.tokens.staff("operator") | once())).status_code == 200
    for quote in (first, second):
        await quote.tell("withdrawn")
    await return_due(world.database)  # the part of the first is on its way
    assert [(amount, reason) for reason, _, amount in await refunds(world)] == [
        (500, "overcharged"),
        (120_000, "application_ended"),
    ]
    for _ in range(3):
        await go_back(world)
    assert sorted(amount for _, status, amount in await refunds(world) if status == "refunded") == [
        500,
        119_500,
        120_000,
    ]
    assert (await first.bill_status(), await second.bill_status(), await balances(world)) == ("void", "void", {})
