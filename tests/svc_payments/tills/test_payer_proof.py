"""The person at the counter proves to be the payer, and the clerk and the supervisor are not."""

import asyncio
from collections import Counter as Tally
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import select, update

from chassis.db import new_id, now
from chassis.testing import once
from svc_payments.tills.models import TillPayout
from svc_payments.tills.payout_proofs.models import PayoutApproval, PayoutCode
from tests.svc_payments.tills.counter import Answer, Counter, Headers, refusal
from tests.svc_payments.world import World

LARGE_FEN = 60_000


@dataclass
class Case:
    """A resident who paid in cash at a till and gets it back there."""

    counter: Counter
    clerk: Headers
    session: str
    payer: UUID
    payment_id: str
    refund: dict[str, Any]

    @property
    def number(self) -> str:
        return str(self.refund["number"])

    async def new_code(self) -> str:
        return await self.counter.payout_code(self.payer, self.refund["refund_id"])

    async def pay_out(self, **proof: str) -> Answer:
        return await self.counter.pay_out(self.clerk, self.session, self.number, **proof)


async def case_of(world: World, counter: Counter, fen: int = 4140, **part: object) -> Case:
    clerk, payer = counter.staff("clerk"), new_id()
    session = await counter.opened(clerk)
    bill = await world.bill(payer, fen)
    paid = (await counter.pay_cash(clerk, session, bill, 100_000, person_id=str(payer))).json()
    of_bill = {"bill_id": str(bill), **part} if part else {}
    refund = await counter.booked_and_refunded(paid["payment_id"], **of_bill)
    return Case(counter, clerk, session, payer, paid["payment_id"], refund)


@pytest_asyncio.fixture
async def case(world: World, counter: Counter) -> Case:
    return await case_of(world, counter)


def another(code: str) -> str:
    return f"{(int(code) + 1) % 100_000_000:08}"


async def test_the_code_in_the_payers_app_is_good_for_one_payout(world: World, case: Case) -> None:
    paid = await case.pay_out(payout_code=await case.new_code())
    assert paid.json()["status"] == "refunded"
    async with world.database.read() as tx:
        payout = (await tx.scalars(select(TillPayout))).one()
    assert (payout.proof, payout.approved_by) == ("payout_code", None)
    refused = await case.counter.issue_code(case.payer, case.refund["refund_id"])
    assert refusal(refused) == (409, "refund_not_at_counter")


async def test_nothing_is_paid_out_without_a_proof(case: Case) -> None:
    assert refusal(await case.pay_out()) == (422, "payer_proof_needed")
    assert refusal(await case.pay_out(payout_code="12345678")) == (409, "payout_code_not_valid")


async def test_only_the_payer_is_issued_a_code(case: Case) -> None:
    assert refusal(await case.counter.issue_code(new_id(), case.refund["refund_id"])) == (404, "not_found")
    assert refusal(await case.counter.issue_code(case.payer, str(new_id()))) == (404, "not_found")


async def test_a_receipt_needs_a_supervisor_beside_it(case: Case) -> None:
    receipt = await case.counter.receipt_code(case.clerk, case.session, case.payment_id)
    assert refusal(await case.pay_out(receipt_code=receipt)) == (409, "payout_approval_needed")
    supervisor = case.counter.staff("till_supervisor")
    approved = await case.counter.approve_payout(case.session, case.number, supervisor)
    assert (approved.status_code, approved.json()["amount_fen"]) == (201, 4140)
    assert refusal(await case.pay_out()) == (422, "payer_proof_needed")
    assert refusal(await case.pay_out(receipt_code="2345-6789-ABCD-EFGH-JKMN")) == (422, "wrong_payout_code")
    assert (await case.pay_out(receipt_code=receipt.lower())).json()["status"] == "refunded"


async def test_codes_guessed_wrong_end_with_the_code_and_not_with_the_payer(case: Case) -> None:
    code = await case.new_code()
    left = [(await case.pay_out(payout_code=another(code))).json()["tries_left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    assert refusal(await case.pay_out(payout_code=code)) == (409, "payout_code_not_valid")
    assert (await case.pay_out(payout_code=await case.new_code())).json()["status"] == "refunded"


async def test_guesses_at_once_are_counted_one_by_one(case: Case) -> None:
    code = await case.new_code()
    guesses = [case.pay_out(payout_code=another(code)) for _ in range(12)]
    answers = Tally([refusal(answer) for answer in await asyncio.gather(*guesses)])
    assert answers == {(422, "wrong_payout_code"): 5, (409, "payout_code_not_valid"): 7}


async def test_guesses_at_a_receipt_end_with_the_approval(case: Case) -> None:
    receipt = await case.counter.receipt_code(case.clerk, case.session, case.payment_id)
    await case.counter.approve_payout(case.session, case.number)
    for _ in range(5):
        assert refusal(await case.pay_out(receipt_code="2345")) == (422, "wrong_payout_code")
    assert refusal(await case.pay_out(receipt_code=receipt)) == (409, "payout_approval_needed")
    await case.counter.approve_payout(case.session, case.number)
    assert (await case.pay_out(receipt_code=receipt)).status_code == 200


async def test_a_repeated_request_gets_the_first_answer(world: World, case: Case) -> None:
    headers = case.clerk | once()
    path = f"/payments/v1/till-sessions{case.session}/refunds/{case.number}/pay-out"
    body = {"payout_code": await case.new_code()}
    first, second = [await world.api.post(path, json=body, headers=headers) for _ in range(2)]
    assert first.json() == second.json()
    assert (first.status_code, second.headers["Idempotency-Replayed"]) == (200, "true")


@pytest.mark.parametrize("model", [PayoutCode, PayoutApproval])
async def test_codes_and_approvals_expire(
    world: World, counter: Counter, model: type[PayoutCode] | type[PayoutApproval]
) -> None:
    case = await case_of(world, counter, LARGE_FEN)
    code = await case.new_code()
    await counter.approve_payout(case.session, case.number)
    async with world.database.transaction() as tx:
        await tx.execute(update(model).values(expires_at=now() - timedelta(seconds=1)))
    refused = "payout_code_not_valid" if model is PayoutCode else "payout_approval_needed"
    assert refusal(await case.pay_out(payout_code=code)) == (409, refused)


async def test_above_the_limit_a_supervisor_approves_as_well(world: World, counter: Counter) -> None:
    case = await case_of(world, counter, LARGE_FEN)
    seen = (await counter.get(case.clerk, f"{case.session}/refunds/{case.number}")).json()
    assert seen["needs_approval"] is True
    code = await case.new_code()
    assert refusal(await case.pay_out(payout_code=code)) == (409, "payout_approval_needed")
    await counter.approve_payout(case.session, case.number)
    assert (await case.pay_out(payout_code=code)).json()["status"] == "refunded"


async def test_parts_of_a_payment_count_together(world: World, counter: Counter) -> None:
    first = await case_of(world, counter, LARGE_FEN, amount_fen=30_000)
    bill_id = first.refund["bill_id"]
    assert (await first.pay_out(payout_code=await first.new_code())).status_code == 200
    first.refund = await counter.booked_and_refunded(first.payment_id, bill_id=bill_id, amount_fen=20_001)
    refused = await first.pay_out(payout_code=await first.new_code())
    assert refusal(refused) == (409, "payout_approval_needed")


async def test_an_approval_is_for_one_clerk(world: World, counter: Counter) -> None:
    case = await case_of(world, counter, LARGE_FEN)
    other = counter.staff("clerk")
    session = await counter.opened(other, "T2")
    await counter.approve_payout(case.session, case.number)
    refused = await counter.pay_out(other, session, case.number, payout_code=await case.new_code())
    assert refusal(refused) == (409, "payout_approval_needed")


async def test_a_supervisor_is_of_the_counter_and_another_person_than_clerk_and_payer(
    world: World, counter: Counter, case: Case
) -> None:
    def supervisor(person: UUID) -> Headers:
        place = {"organisation_id": counter.organisation_id, "division_code": "654002"}
        return world.tokens.staff("till_supervisor", person_id=person, **place)  # type: ignore[arg-type]

    clerk = UUID((await counter.get(case.clerk, case.session)).json()["session"]["clerk_id"])
    approve = counter.approve_payout
    elsewhere = world.tokens.staff("till_supervisor")
    assert refusal(await approve(case.session, case.number, elsewhere)) == (404, "not_found")
    assert refusal(await approve(case.session, case.number, supervisor(clerk))) == (403, "own_till_session")
    refused = await approve(case.session, case.number, supervisor(case.payer))
    assert refusal(refused) == (403, "second_person_needed")
    assert refusal(await approve(case.session, case.number, case.clerk)) == (403, "not_allowed")


async def test_a_clerk_pays_no_refund_out_to_themselves(world: World, counter: Counter, case: Case) -> None:
    """As the named payer, as the holder of an account that was paid without a name, and as who decided on it."""

    async def refused(person: UUID, number: str, till: str, **proof: str) -> tuple[int, str]:
        place = {"organisation_id": counter.organisation_id, "division_code": "654002"}
        clerk = world.tokens.staff("clerk", person_id=person, **place)  # type: ignore[arg-type]
        return refusal(await counter.pay_out(clerk, await counter.opened(clerk, till), number, **proof))

    assert await refused(case.payer, case.number, "T2", payout_code=await case.new_code()) == (
        403,
        "second_person_needed",
    )
    holder = new_id()
    unnamed = (await counter.pay_cash(case.clerk, case.session, await world.bill(holder))).json()
    refund = await counter.booked_and_refunded(unnamed["payment_id"])
    receipt = await counter.receipt_code(case.clerk, case.session, unnamed["payment_id"])
    assert await refused(holder, refund["number"], "T3", receipt_code=receipt) == (403, "second_person_needed")
    decided_by = UUID(refund["proposed_by"])
    assert await refused(decided_by, refund["number"], "T4", receipt_code=receipt) == (403, "second_person_needed")


async def test_an_operator_refunds_no_payment_for_an_account_of_their_own(world: World, counter: Counter) -> None:
    clerk, holder = counter.staff("clerk"), new_id()
    session = await counter.opened(clerk)
    paid = (await counter.pay_cash(clerk, session, await world.bill(holder))).json()
    await world.deliver_postings()
    operator = world.tokens.staff("operator", person_id=holder) | once()
    body = {"reason": "overcharged", "note": "抄表有误，已与单位核对"}
    answer = await world.api.post(f"/payments/v1/payments/{paid['payment_id']}/refunds", json=body, headers=operator)
    assert refusal(answer) == (403, "second_person_needed")
