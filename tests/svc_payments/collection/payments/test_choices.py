"""What a resident may pay under the provider's terms: whole bills, or an amount on an account."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_payments.billing.bills.captures import mark_paid
from svc_payments.collection.payments import service
from tests.svc_payments.billing.terms.agreement import today
from tests.svc_payments.collection.payments.account import DAILY_5, NUMBER, Account, lines, refusal

PARTS: dict[str, Any] = {"partial_payment": {"least_fen": 100}}
AHEAD: dict[str, Any] = {"advance_payment": {"most_fen": 10_000}}


@pytest_asyncio.fixture
async def account(api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID) -> Account:
    return await Account(api, database, tokens, provider_id).bound()


class TestLateFees:
    async def test_a_late_bill_shows_its_fee_and_what_is_left_to_pay(self, account: Account) -> None:
        await account.terms(late_fee=DAILY_5)
        late, in_time = await account.owes(10_000, days_late=10), await account.owes(10_000)
        shown = [await account.bill(bill_id) for bill_id in (late, in_time)]
        assert [(bill["late_fee_fen"], bill["outstanding_fen"]) for bill in shown] == [(50, 10_050), (0, 10_000)]
        listed = await account.api.get("/payments/v1/bills", headers=account.tokens.resident(account.person))
        assert [bill["outstanding_fen"] for bill in listed.json()["items"]] == [10_000, 10_050]

    async def test_the_fee_is_a_part_of_the_payments_line(self, account: Account) -> None:
        await account.terms(late_fee=DAILY_5)
        bill = await account.owes(10_000, days_late=10)
        assert lines(await account.pay_bills(bill)) == {str(bill): (10_050, 50)}

    async def test_terms_agreed_after_the_due_date_add_no_late_fee(self, account: Account) -> None:
        await account.terms()
        bill = await account.owes(10_000, days_late=10)
        await account.terms(since=today(), late_fee=DAILY_5)
        assert (await account.bill(bill))["late_fee_fen"] == 0

    async def test_an_outdated_expected_amount_creates_no_payment(self, account: Account) -> None:
        await account.terms(late_fee=DAILY_5)
        bill = await account.owes(10_000, days_late=10)
        changed = await account.pay_bills(bill, expected_amount_fen=10_045)
        assert refusal(changed) == (409, "bill_amount_changed")
        assert (changed.json()["amount_fen"], changed.json()["amount"]) == (10_050, "¥100.50")
        assert (await account.bill(bill))["status"] == "due"
        assert (await account.pay_bills(bill, expected_amount_fen=10_050)).status_code == 201


class TestAmountsOnAnAccount:
    async def test_an_amount_goes_to_the_oldest_bills_first(self, account: Account) -> None:
        await account.terms(late_fee=DAILY_5, **PARTS)
        young, old = await account.owes(10_000), await account.owes(4_000, days_late=10)
        assert lines(await account.pay(5_000)) == {str(old): (4_020, 20), str(young): (980, 0)}

    async def test_all_that_is_due_is_paid_to_the_fen(self, account: Account) -> None:
        first, second = await account.owes(4_000), await account.owes(60)
        assert lines(await account.pay(4_060)) == {str(first): (4_000, 0), str(second): (60, 0)}

    async def test_the_oldest_bills_may_be_paid_whole_where_parts_are_not_taken(self, account: Account) -> None:
        old = await account.owes(4_000, days_late=3)
        await account.owes(5_000)
        assert lines(await account.pay(4_000)) == {str(old): (4_000, 0)}

    @pytest.mark.parametrize(
        ("terms", "amount", "code"),
        [
            ({}, 3_999, "paid_in_full_only"),
            ({}, 4_001, "above_payable"),
            (PARTS, 99, "part_too_small"),
            (PARTS, 4_001, "above_payable"),
            (AHEAD, 14_001, "above_purchasable"),
        ],
    )
    async def test_an_amount_beyond_the_terms_is_refused_and_the_payable_one_named(
        self, account: Account, terms: dict[str, Any], amount: int, code: str
    ) -> None:
        await account.terms(**terms)
        await account.owes(4_000)
        answer = await account.pay(amount)
        assert refusal(answer) == (422, code)
        named = answer.json().get("payable_fen") or answer.json()["most_fen"]
        assert named == (14_000 if code == "above_purchasable" else 4_000)

    @pytest.mark.parametrize("amount", [0, -1, 41.4, 40.0, "4000", True, None, 10**10, 2**63, 1e300])
    async def test_an_invalid_amount_is_refused_with_a_reason(self, account: Account, amount: object) -> None:
        await account.owes(4_000)
        answer = await account.pay(amount)
        assert refusal(answer) == (422, "invalid_request")
        assert answer.json()["errors"][0]["reason"]

    @pytest.mark.parametrize("body", [{}, {"account_number": NUMBER, "amount_fen": 5}, {"bill_ids": []}])
    async def test_an_incomplete_choice_is_refused(self, account: Account, body: dict[str, Any]) -> None:
        assert refusal(await account.post("payments", channel="sandbox", **body)) == (422, "invalid_request")

    async def test_a_stranger_cannot_pay_or_quote_an_account(self, account: Account) -> None:
        await account.owes(4_000)
        assert refusal(await account.pay(4_000, person_id=new_id())) == (404, "not_found")
        stranger = await account.post(
            "payment-quotes", new_id(), provider_id=f"{account.provider_id}", account_number=NUMBER
        )
        assert refusal(stranger) == (404, "not_found")

    async def test_paying_when_nothing_is_due_is_refused(self, account: Account) -> None:
        assert refusal(await account.pay(100)) == (409, "nothing_due")


class TestAdvances:
    async def test_the_excess_becomes_an_advance(self, account: Account) -> None:
        await account.terms(**AHEAD)
        due = await account.owes(4_000)
        paid = lines(await account.pay(5_000))
        (made,) = await account.made()
        assert paid == {str(due): (4_000, 0), str(made.id): (1_000, 0)}
        assert (made.status, made.amount_fen, made.account_number) == ("paying", 1_000, NUMBER)
        assert made.bill_number.startswith("MYILI-")
        assert len(made.bill_number) == 32

    async def test_an_unpaid_advance_expires_and_is_not_owed(self, account: Account) -> None:
        await account.terms(**AHEAD)
        payment_id = (await account.pay(5_000)).json()["payment_id"]
        cancelled = await account.post(f"payments/{payment_id}/cancel")
        assert cancelled.json()["status"] == "expired"
        (made,) = await account.made()
        assert made.status == "expired"
        assert (await account.quote()).json()["amount_fen"] == 0

    async def test_advances_count_together_until_the_next_bill_comes(self, account: Account) -> None:
        await account.terms(**AHEAD)
        await _settled(account, 6_000)
        too_much = await account.pay(4_001)
        assert refusal(too_much) == (422, "above_purchasable")
        assert too_much.json()["most_fen"] == 4_000
        await account.owes(1)
        assert (await account.pay(10_001)).status_code == 201


class TestOldestFirst:
    async def test_an_older_bill_must_be_included(self, account: Account) -> None:
        await account.terms(oldest_first=True)
        old, young = await account.owes(100, days_late=3), await account.owes(200)
        refused = await account.pay_bills(young)
        assert refusal(refused) == (409, "older_bill_first")
        assert refused.json()["bill_ids"] == [str(old)]
        assert (await account.pay_bills(young, old)).status_code == 201

    async def test_an_older_bill_in_payment_blocks_newer_ones(self, account: Account) -> None:
        await account.terms(oldest_first=True)
        old, young = await account.owes(100, days_late=3), await account.owes(200)
        await account.pay_bills(old)
        assert refusal(await account.pay_bills(young)) == (409, "payment_in_progress")

    async def test_without_such_terms_any_bill_may_be_paid(self, account: Account) -> None:
        await account.owes(100, days_late=3)
        assert (await account.pay_bills(await account.owes(200))).status_code == 201


class TestChannels:
    @pytest.mark.parametrize(("amount", "status"), [(99, 422), (100, 201), (500, 201), (501, 422)])
    async def test_a_channel_is_limited_by_the_terms(self, account: Account, amount: int, status: int) -> None:
        await account.terms(channels=[{"channel": "sandbox", "least_fen": 100, "most_fen": 500}])
        answer = await account.pay_bills(await account.owes(amount))
        assert answer.status_code == status
        if status != 201:
            assert answer.json()["code"] == "outside_channel_limits"

    async def test_a_channel_that_the_provider_does_not_take_is_refused(self, account: Account) -> None:
        await account.terms(channels=[{"channel": "wechat"}])
        refused = await account.pay_bills(await account.owes(100))
        assert refusal(refused) == (422, "channel_not_accepted")
        assert refused.json()["channels"] == ["wechat"]


class TestQuotes:
    async def test_a_quote_shows_lines_fees_and_channels_and_creates_nothing(self, account: Account) -> None:
        channels = [{"channel": "sandbox", "most_fen": 5_000}]
        await account.terms(late_fee=DAILY_5, channels=channels, **AHEAD)
        late = await account.owes(4_000, days_late=10)
        quote = (await account.quote(amount_fen=5_020)).json()
        assert (quote["amount_fen"], quote["late_fee_fen"]) == (5_020, 20)
        shown = [(line["bill_id"], line["kind"], line["owed_fen"], line["late_fee_fen"]) for line in quote["lines"]]
        assert shown == [(str(late), "regular", 4_000, 20), (None, "advance", 1_000, 0)]
        assert quote["channels"] == [{"channel": "sandbox", "least_fen": 1, "most_fen": 5_000, "usable": False}]
        assert await account.made() == []
        assert (await account.bill(late))["status"] == "due"

    async def test_a_quote_without_an_amount_covers_all_that_is_due(self, account: Account) -> None:
        await account.owes(4_000)
        await account.owes(60)
        assert (await account.quote()).json()["amount_fen"] == 4_060

    async def test_an_amount_that_cannot_be_paid_is_not_quoted(self, account: Account) -> None:
        await account.owes(4_000)
        assert refusal(await account.quote(amount_fen=1)) == (422, "paid_in_full_only")


class TestConcurrency:
    async def test_one_payment_applied_twice(self, account: Account) -> None:
        """Two people pay one account at once: one payment is created, the others get a conflict."""
        other = new_id()
        await account.bound(other)
        await account.terms(**PARTS, **AHEAD)
        await account.owes(4_000)
        answers = await asyncio.gather(*(account.pay(4_000, person) for person in (account.person, other) * 3))
        assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"payment_in_progress"}
        assert await account.made() == []

    async def test_two_advances_at_once_do_not_pass_the_limit_together(self, account: Account) -> None:
        await account.terms(**AHEAD)
        answers = await asyncio.gather(*(account.pay(6_000) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
        assert [made.amount_fen for made in await account.made()] == [6_000]


async def test_a_change_of_terms_leaves_an_open_payment_unchanged(account: Account) -> None:
    await account.terms(late_fee=DAILY_5)
    bill = await account.owes(10_000, days_late=10)
    created = await account.pay_bills(bill)
    await account.terms(since=today(), channels=[{"channel": "wechat"}])
    payment_id = created.json()["payment_id"]
    shown = await account.api.get(
        f"/payments/v1/payments/{payment_id}", headers=account.tokens.resident(account.person)
    )
    assert (shown.json()["amount_fen"], shown.json()["bills"][0]["late_fee_fen"]) == (10_050, 50)


async def _settled(account: Account, amount_fen: int) -> None:
    """Pay this amount on the account and mark it paid."""
    created = await account.pay(amount_fen)
    assert created.status_code == 201, created.text
    async with account.database.transaction() as tx:
        payment = await service.lock(tx, created.json()["payment_id"])
        await mark_paid(tx, payment.parts)
