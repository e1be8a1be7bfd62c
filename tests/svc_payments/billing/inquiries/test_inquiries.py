"""Bills by inquiry: who may inquire, and what happens to bills named, changed, left out and named again."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from chassis.db import new_id
from chassis.testing import once
from svc_payments.billing.bills import staging
from svc_payments.billing.bills.models import Bill, BillStatus, BillVersion
from svc_payments.billing.inquiries import service
from svc_payments.billing.inquiries.answers import PendingInquiry
from svc_payments.billing.inquiries.models import InquiredBill, Result
from tests.svc_payments.billing.inquiries.desk import Desk, refusal
from tests.svc_payments.billing.terms.agreement import put_in_force, today
from tests.svc_payments.scripted import LAST_MONTH, Scripted, named_bill


async def test_due_bills_are_listed_with_late_fees_oldest_first(desk: Desk, company: Scripted) -> None:
    late = {"due_date": f"{today() - timedelta(days=10)}", "amount_fen": 10_000}
    before = (LAST_MONTH - timedelta(days=1)).replace(day=1)
    company.due(named_bill(), named_bill(bill_number="Q-0", period=f"{before:%Y-%m}", **late))
    answer = await desk.inquire()
    shown = [(bill["bill_number"], bill["late_fee_fen"], bill["outstanding_fen"]) for bill in answer.json()["bills"]]
    assert shown == [("Q-0", 50, 10_050), ("Q-1", 0, 4_140)]
    request = company.requests[0]
    assert (request["path"], request["account_number"]) == ("/bill-inquiries", desk.account_number)


async def test_only_persons_bound_to_the_account_may_inquire(desk: Desk, company: Scripted) -> None:
    company.due(named_bill())
    assert refusal(await desk.inquire(new_id())) == (404, "not_found")
    assert refusal(await desk.inquire(account_number="6540000017")) == (404, "not_found")
    assert refusal(await desk.inquire(provider_id=f"{new_id()}")) == (404, "not_found")
    low = desk.tokens.resident(desk.person, assurance_level=1)
    body = {"provider_id": f"{desk.provider_id}", "account_number": desk.account_number}
    assert (await desk.api.post("/payments/v1/bill-inquiries", json=body, headers=low)).status_code == 403
    assert company.requests == []


async def test_a_tenant_is_shown_the_months_since_they_moved_in(desk: Desk, company: Scripted) -> None:
    tenant = new_id()
    await desk.bind(tenant, "tenant")
    company.due(named_bill())
    assert len(await desk.bills()) == 1
    assert refusal(await desk.inquire_later(tenant)) == (409, "nothing_due")
    company.due(named_bill(), named_bill(bill_number="Q-2", period=f"{today():%Y-%m}"))
    shown = (await desk.inquire_later(tenant)).json()["bills"]
    assert [bill["bill_number"] for bill in shown] == ["Q-2"]


async def test_a_provider_that_pushes_its_bills_is_not_queried(desk: Desk, company: Scripted) -> None:
    await put_in_force(desk.api, desk.tokens, desk.provider_id, {"bill_sources": ["pushed"]})
    assert refusal(await desk.inquire()) == (422, "inquiry_not_offered")
    assert company.requests == []


async def test_concurrent_inquiries_of_a_family_share_one_request(desk: Desk, company: Scripted) -> None:
    wife = new_id()
    await desk.bind(wife, "family")
    company.due(named_bill())
    answers = await asyncio.gather(*(desk.inquire(person) for person in (desk.person, wife) * 3))
    assert [answer.status_code for answer in answers] == [200] * 6
    assert len({answer.json()["bills"][0]["bill_id"] for answer in answers}) == 1
    assert len(company.requests) == 1


async def test_an_answer_is_cached_for_a_moment(desk: Desk, company: Scripted) -> None:
    company.due(named_bill())
    await desk.bills()
    company.answer_with("nothing_due")
    assert len(await desk.bills()) == 1
    assert refusal(await desk.inquire_later()) == (409, "nothing_due")
    assert len(company.requests) == 2


async def test_a_bill_named_again_is_unchanged_and_a_changed_one_is_a_new_version(
    desk: Desk, company: Scripted
) -> None:
    company.due(named_bill(), named_bill(bill_number="Q-2"))
    first = await desk.bills()
    company.due(named_bill(), named_bill(bill_number="Q-2", amount_fen=999))
    second = (await desk.inquire_later()).json()["bills"]
    assert [bill["bill_id"] for bill in first] == [bill["bill_id"] for bill in second]
    shown = {bill["bill_number"]: (bill["amount_fen"], bill["version"], bill["reason"]) for bill in second}
    assert shown == {"Q-1": (4140, 1, None), "Q-2": (999, 2, "not_stated")}
    assert [event.type for event in await desk.bill_events()] == ["cn.ili.payments.bill.amended.v1"]


async def test_a_bill_left_out_is_voided_and_due_again_when_named(desk: Desk, company: Scripted) -> None:
    company.due(named_bill(), named_bill(bill_number="Q-2"))
    bills = await desk.bills()
    company.due(named_bill())
    assert [bill["bill_number"] for bill in (await desk.inquire_later()).json()["bills"]] == ["Q-1"]
    gone = next(bill["bill_id"] for bill in bills if bill["bill_number"] == "Q-2")
    path = f"/payments/v1/bills/{gone}"
    shown = (await desk.api.get(path, headers=desk.tokens.resident(desk.person))).json()
    assert (shown["withdrawn"], shown["reason"], shown["outstanding_fen"]) == ("void", "not_named", 0)
    company.due(named_bill(bill_number="Q-2", amount_fen=5000))
    (back,) = (await desk.inquire_later()).json()["bills"]
    assert (back["bill_id"], back["withdrawn"], back["amount_fen"]) == (gone, None, 5000)
    versions = (await desk.api.get(f"{path}/versions", headers=desk.tokens.resident(desk.person))).json()["items"]
    reasons = [(version["version"], version["reason"]) for version in versions]
    assert reasons == [(4, "not_stated"), (3, "named_again"), (2, "not_named"), (1, None)]
    events = [event.type.split(".")[-2] for event in await desk.bill_events() if event.key == gone]
    assert events == ["voided", "amended", "amended"]


async def test_a_bill_left_out_is_not_due_again_while_it_is_known_under_a_similar_number(
    desk: Desk, company: Scripted
) -> None:
    for named in (["Q-1"], ["q-1"], ["Q-1", "q-1"]):
        company.due(*(named_bill(bill_number=number) for number in named))
        bills = (await desk.inquire_later()).json()["bills"]
    assert [bill["bill_number"] for bill in bills] == ["q-1"]


async def test_a_bill_being_paid_or_partly_paid_is_not_voided_when_left_out(desk: Desk, company: Scripted) -> None:
    company.due(*(named_bill(bill_number=f"Q-{n}") for n in range(4)))
    await desk.bills()
    changed: dict[str, dict[str, Any]] = {
        "Q-0": {"status": "paying"},
        "Q-1": {"status": "paid", "paid_fen": 4140},
        "Q-2": {"paid_fen": 100},
    }
    async with desk.database.transaction() as tx:
        for number, columns in changed.items():
            await tx.execute(update(Bill).where(Bill.bill_number == number).values(**columns))
    company.answer_with("nothing_due")
    shown = (await desk.inquire_later()).json()["bills"]
    assert [(bill["bill_number"], bill["status"]) for bill in shown] == [("Q-0", "paying"), ("Q-2", "due")]
    statuses = {bill.bill_number: bill.status for bill in await desk.stored_bills()}
    assert statuses == {"Q-0": "paying", "Q-1": "paid", "Q-2": "due", "Q-3": "void"}


async def test_a_bill_paid_but_not_booked_is_an_unfinished_payment(desk: Desk, company: Scripted) -> None:
    company.due(named_bill())
    await desk.bills()
    async with desk.database.transaction() as tx:
        await tx.execute(update(Bill).values(status=BillStatus.PAID, paid_fen=4140))
    company.due(named_bill(amount_fen=9999))
    assert refusal(await desk.inquire_later()) == (409, "payment_unfinished")
    async with desk.database.transaction() as tx:
        await tx.execute(update(Bill).values(status=BillStatus.POSTED, booked_fen=4140))
    assert refusal(await desk.inquire_later()) == (409, "nothing_due")
    (only,) = await desk.stored_bills()
    assert (only.amount_fen, only.version) == (4140, 1)


async def test_other_outcomes_leave_known_bills_unchanged(desk: Desk, company: Scripted) -> None:
    company.due(named_bill())
    await desk.bills()
    for result in ("no_account", "closed", "not_payable_online", "payment_unfinished"):
        company.answer_with(result)
        await desk.inquire_later()
    assert [(bill.status, bill.version) for bill in await desk.stored_bills()] == [("due", 1)]


async def test_a_bill_withdrawn_by_its_provider_is_not_restored(desk: Desk, company: Scripted) -> None:
    company.due(named_bill())
    (bill,) = await desk.bills()
    headers = desk.tokens.client(desk.provider_id, "bills:write") | once()
    path = f"/payments/v1/bills/{bill['bill_id']}/void"
    assert (await desk.api.post(path, json={"reason": "duplicate"}, headers=headers)).status_code == 200
    assert refusal(await desk.inquire_later()) == (409, "nothing_due")
    assert [(each.status, each.reason) for each in await desk.stored_bills()] == [("void", "duplicate")]


async def test_an_answer_overtaken_by_a_later_inquiry_is_dropped(desk: Desk, company: Scripted) -> None:
    company.due(named_bill())
    await desk.bills()
    late = PendingInquiry(new_id(), desk.provider_id, desk.account_number)
    async with desk.database.transaction() as tx:
        assert not await service.settle(tx, late, Result.NOTHING_DUE)
    assert len(await desk.bills()) == 1


async def test_a_payment_and_an_answer_without_its_bill_are_serialised(desk: Desk, company: Scripted) -> None:
    company.due(*(named_bill(bill_number=f"Q-{n}") for n in range(3)))
    ids = [bill["bill_id"] for bill in await desk.bills()]
    company.answer_with("nothing_due")
    paying = desk.api.post(
        "/payments/v1/payments",
        json={"bill_ids": ids, "channel": "sandbox"},
        headers=desk.tokens.resident(desk.person) | once(),
    )
    paid, inquired = await asyncio.gather(paying, desk.inquire_later())
    if paid.status_code == 201:
        assert {bill.status for bill in await desk.stored_bills()} == {"paying"}
        assert [bill["status"] for bill in inquired.json()["bills"]] == ["paying"] * 3
    else:
        assert (refusal(paid), refusal(inquired)) == ((409, "bill_not_payable"), (409, "nothing_due"))


async def test_inquiries_are_deferred_while_a_file_of_the_provider_is_ingested(desk: Desk, company: Scripted) -> None:
    company.due(named_bill())
    async with desk.database.transaction() as tx:
        await staging.one_at_a_time(tx, desk.provider_id)
        assert refusal(await desk.inquire()) == (504, "provider_timed_out")
    assert await desk.stored_bills() == []
    assert (await desk.inquire_later()).status_code == 200


async def test_the_source_of_an_inquired_bill_is_stored(desk: Desk, company: Scripted) -> None:
    company.due(named_bill())
    (bill,) = await desk.bills()
    async with desk.database.read() as tx:
        assert list(await tx.scalars(select(InquiredBill.bill_id))) == [UUID(bill["bill_id"])]
        assert list(await tx.scalars(select(BillVersion.version))) == []
