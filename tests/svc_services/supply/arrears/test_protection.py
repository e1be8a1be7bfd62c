"""What protects the people of an account: whose bills, how much, when, and who is paying."""

from typing import Any

import pytest
from sqlalchemy import text

from chassis.testing import once
from tests.svc_services.accounts.bindings.conftest import Bind
from tests.svc_services.accounts.bindings.stored import code
from tests.svc_services.supply.arrears.conftest import Claim, ahead, month


async def change_holder(claim: Claim, days_ago: int) -> None:
    body = {"account_number": claim.house.account, "kind": "new_holder", "effective_on": ahead(-days_ago)}
    answer = await claim.api.post("/services/v1/holder-changes", json=body, headers=claim.headers | once())
    assert answer.status_code == 201, answer.text


async def test_nobody_is_cut_off_for_so_little(claim: Claim) -> None:
    await claim.open()
    await claim.said(999)
    await claim.past(16)
    assert code(await claim.announce(3)) == (409, "arrears_too_little")
    await claim.said(1_000)
    assert (await claim.announce(3)).status_code == 200


@pytest.mark.parametrize(("free", "earliest"), [(3, 4), (4, 5)], ids=["day off", "day before"])
async def test_a_cut_off_is_announced_for_a_working_day_before_a_working_day(
    claim: Claim, free: int, earliest: int
) -> None:
    await claim.open()
    await claim.said(12_300)
    await claim.past(16)
    await claim.calendar(free=free)
    refused = await claim.announce(3)
    assert (code(refused), ahead(earliest) in refused.json()["detail"]) == ((409, "cut_off_day_off"), True)
    assert (await claim.announce(earliest)).status_code == 200


async def test_a_cut_off_is_not_carried_out_before_a_day_off(claim: Claim) -> None:
    await claim.announced()
    await claim.calendar(free=1)
    assert code(await claim.act("cut-off")) == (409, "cut_off_day_off")


async def test_a_payment_that_began_before_the_cut_off_was_reported_stops_it(claim: Claim) -> None:
    """The copy does not know of the payment yet; what is read after the question does."""
    await claim.announced()
    await claim.report_cut_off()
    await claim.said(12_300)  # read before the question
    assert ((await claim.shown())["status"], (await claim.shown())["cut_off_pending"]) == ("cut_off_announced", True)
    await claim.answer(12_300, being_paid=True)
    assert ((await claim.shown())["status"], (await claim.shown())["cut_off_pending"]) == ("cut_off_announced", False)
    assert code(await claim.act("cut-off")) == (409, "arrears_being_paid")


async def test_an_answer_counts_once_for_its_question_and_for_ten_minutes(claim: Claim) -> None:
    await claim.announced()
    await claim.report_cut_off()
    await claim.report_cut_off()
    first, second = await claim.asked()
    await claim.said(12_300, check_id=first)
    assert (await claim.shown())["cut_off_pending"]
    async with claim.database.transaction() as tx:
        await tx.execute(text("UPDATE arrears_notices SET cut_off_asked_at = cut_off_asked_at - interval '11 minutes'"))
    await claim.said(12_300, check_id=second)
    shown = await claim.shown()
    assert (shown["status"], shown["cut_off_pending"]) == ("cut_off_announced", False)
    await claim.report_cut_off()
    await claim.answer(12_300)
    assert (await claim.shown())["status"] == "cut_off"


async def test_an_account_gets_three_notices_a_day(claim: Claim) -> None:
    for _ in range(3):
        assert (await claim.open()).status_code == 201
        await claim.act("withdraw")
    assert code(await claim.open()) == (409, "too_many_arrears_notices")
    await claim.past(1)
    assert (await claim.open()).status_code == 201


async def test_nobody_is_cut_off_for_an_earlier_holder(claim: Claim) -> None:
    await claim.announced()
    former = claim.house.owner_id
    await change_holder(claim, 1)
    assert code(await claim.act("cut-off")) == (409, "arrears_holder_changed")
    assert code(await claim.announce(3)) == (409, "arrears_holder_changed")
    assert await claim.mine(former) == []
    assert (await claim.told())[-1][3] == [str(former)]
    assert (await claim.act("withdraw")).json()["status"] == "withdrawn"
    assert (await claim.told())[-1][3] == []


async def test_people_see_what_was_checked_and_no_more_than_is_due(claim: Claim) -> None:
    await claim.open(amount_fen=999_999_999)
    assert (await claim.mine(), (await claim.told())[-1][3]) == ([], [])
    await claim.said(5_000)
    (mine,) = await claim.mine()
    assert (mine["amount_fen"], mine["outstanding_fen"]) == (5_000, 5_000)
    assert (await claim.told())[-1] == (1, "open", "open", [str(claim.house.owner_id)])
    await claim.said(2_000)
    assert (await claim.mine())[0]["amount_fen"] == 5_000
    assert (await claim.shown())["amount_fen"] == 999_999_999


async def test_people_never_hear_of_a_notice_about_bills_that_are_none(claim: Claim) -> None:
    await claim.open(bill_numbers=["B-4"])
    await claim.said(0, unknown_bills=1)
    assert (await claim.shown())["status"] == "refused"
    assert await claim.mine() == []
    assert [each[3] for each in await claim.told()] == [[], []]


@pytest.mark.parametrize(
    ("said", "because", "refusal"),
    [
        ({"outstanding_fen": 0, "paid_at": "2026-01-05T00:00:00Z"}, "bills_paid", "arrears_bills_paid"),
        ({"outstanding_fen": 0, "unknown_bills": 2}, "bills_unknown", "arrears_bills_unknown"),
        ({"outstanding_fen": 0}, "nothing_due", "nothing_due"),
        ({"outstanding_fen": 12_300, "first_period": month(-3)}, "earlier_holder", "arrears_earlier_holder"),
    ],
    ids=["paid", "unknown", "withdrawn", "before the holder"],
)
async def test_a_notice_that_could_lead_nowhere_is_refused_and_says_what_to_do(
    claim: Claim, bind: Bind, said: dict[str, Any], because: str, refusal: str
) -> None:
    await change_holder(claim, 45)
    assert (await bind()).status_code == 201
    await claim.open()
    await claim.said(**said)
    shown = await claim.shown()
    assert (shown["status"], shown["closed_at"] is not None) == ("refused", True)
    assert (await claim.steps())[-1] == ("refuse", False, because)
    assert await claim.mine() == []
    for answer in (await claim.announce(3), await claim.act("cut-off"), await claim.act("withdraw")):
        assert code(answer) == (409, refusal)
    assert (await claim.open()).status_code == 201


async def test_what_svc_payments_says_later_refuses_no_notice(claim: Claim) -> None:
    await claim.open()
    await claim.said(12_300)
    await claim.said(0, paid_at="2026-01-05T00:00:00Z")
    assert (await claim.shown())["status"] == "settled"


async def test_a_notice_withdrawn_before_it_is_checked_is_told_to_nobody(claim: Claim) -> None:
    await claim.open()
    await claim.act("withdraw")
    await claim.said(12_300)
    assert await claim.mine() == []
    assert [each[3] for each in await claim.told()] == [[], []]


async def test_a_new_holder_is_not_asked_for_bills_of_months_before_theirs(claim: Claim, bind: Bind) -> None:
    """Whenever the notice was opened: the month of the bill says who owes it."""
    await change_holder(claim, 45)
    assert (await bind()).status_code == 201
    for period, owed in ((month(-3), False), (month(-1), True)):
        await claim.open()
        await claim.said(12_300, first_period=period)
        assert len(await claim.mine()) == owed
        assert (await claim.shown())["status"] == ("open" if owed else "refused")
        await claim.past(16)
        assert (await claim.announce(3)).status_code == (200 if owed else 409)
        assert (await claim.told())[-1][3] == [str(claim.house.owner_id)] * owed
        await claim.act("withdraw")
    assert len(await claim.mine()) == 1


async def test_a_change_of_holders_stops_a_cut_off_of_earlier_months(claim: Claim) -> None:
    await claim.announced()
    await claim.said(12_300, first_period=month(-2))
    await change_holder(claim, 25)
    assert code(await claim.act("cut-off")) == (409, "arrears_holder_changed")
