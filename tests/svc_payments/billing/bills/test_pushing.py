"""Bills sent one by one: as rows of a bill file, without the file."""

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from svc_payments.billing.bills import service, staging
from svc_payments.billing.bills.models import Bill, BillKind, BillStatus, BillVersion
from tests.svc_payments.billing.files.files import ACCOUNT, counts, file_of, row, upload, uploader
from tests.svc_payments.billing.files.test_rows import FAULTS
from tests.svc_payments.conftest import approved_provider

URL = "/payments/v1/bills"


def bill(bill_number: str = "W-1", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A bill without fault, but for what is said otherwise; the same as `row` of bill files."""
    usual = {
        "bill_number": bill_number,
        "account_number": ACCOUNT,
        "period": "2026-09",
        "usage": "12.5",
        "amount_fen": 2875,
        "due_date": "2026-10-25",
        "meter_from": "100",
        "meter_to": "112.5",
    }
    return {**usual, **fields}


async def push(api: httpx.AsyncClient, headers: dict[str, str], *bills: dict[str, Any]) -> httpx.Response:
    return await api.post(URL, json={"bills": bills}, headers=headers | once())


def outcomes(answer: httpx.Response) -> list[str]:
    """What became of each bill: accepted, unchanged, amended, or the reason why not."""
    assert answer.status_code == 200, answer.text
    report = answer.json()
    found = [told["reason"] or told["outcome"] for told in report["bills"]]
    assert [told["index"] for told in report["bills"]] == list(range(len(found)))
    named = {name: sum(told["outcome"] == name for told in report["bills"]) for name in report if name != "bills"}
    assert named == {name: report[name] for name in named}
    return found


async def bill_of(database: Database, bill_number: str = "W-1") -> Bill:
    async with database.read() as tx:
        return (await tx.scalars(select(Bill).where(Bill.bill_number == bill_number))).one()


async def test_pushed_bills_are_there_with_their_ids(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    answer = await push(api, headers, bill("W-1"), bill("W-2", amount_fen=1, expires_on="2027-10-25"))
    assert outcomes(answer) == ["accepted", "accepted"]
    first, second = await bill_of(database, "W-1"), await bill_of(database, "W-2")
    assert [told["bill_id"] for told in answer.json()["bills"]] == [str(first.id), str(second.id)]
    assert (first.amount_fen, first.bill_file_id, first.expires_on) == (2875, None, None)
    assert (second.amount_fen, str(second.expires_on)) == (1, "2027-10-25")


async def test_a_bill_sent_again_is_unchanged_and_another_is_an_amendment(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await push(api, headers, bill())
    assert outcomes(await push(api, headers, bill())) == ["unchanged"]
    changed = bill(amount_fen=2000, reason="meter_error", note="表号 7 读错")
    assert outcomes(await push(api, headers, changed)) == ["amended"]
    assert outcomes(await push(api, headers, changed)) == ["unchanged"]
    now = await bill_of(database)
    assert (now.version, now.reason, now.note) == (2, "meter_error", "表号 7 读错")


async def test_push_and_file_are_one_way_in(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert counts(await upload(api, headers, file_of(row("W-1"), row("W-2")))) == {"accepted": 2}
    assert outcomes(await push(api, headers, bill("W-1"), bill("W-3"))) == ["unchanged", "accepted"]
    answer = await upload(api, headers, file_of(row("W-3"), row("W-3", amount="1")))
    assert counts(answer) == {"unchanged": 1, "refused": 1}


async def test_of_one_number_twice_the_first_counts(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    bills = (bill("W-1", usage="x"), bill("W-1"), bill("W-1"), bill("W-1", amount_fen=1))
    answer = await push(api, headers, *bills)
    assert outcomes(answer) == ["bad_usage", "accepted", "unchanged", "duplicate_in_file"]
    told = answer.json()["bills"]
    assert told[0]["bill_id"] is None
    assert told[1]["bill_id"] == told[2]["bill_id"] == told[3]["bill_id"]


@pytest.mark.parametrize(
    ("reason", "columns"),
    [(reason, columns) for reason, columns in FAULTS if "amount" not in columns],
    ids=lambda value: str(value)[:40],
)
async def test_the_reasons_are_those_of_rows(
    api: httpx.AsyncClient, headers: dict[str, str], reason: str, columns: dict[str, str]
) -> None:
    assert outcomes(await push(api, headers, bill(**columns), bill("W-2"))) == [reason, "accepted"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"amount_fen": 0}, "amount_not_positive"),
        ({"amount_fen": -1}, "amount_not_positive"),
        ({"amount_fen": 100_000_001}, "amount_too_large"),
        ({"amount_fen": 10**15}, "amount_too_large"),
        ({"expires_on": "2026-10-24"}, "bad_expiry"),
        ({"expires_on": "2037-01-01"}, "bad_expiry"),
        ({"expires_on": "2026-02-30"}, "bad_expiry"),
        ({"supersedes": "a b"}, "bad_supersedes"),
        ({"supersedes": "W-1"}, "bad_supersedes"),
        ({"supersedes": "W-0"}, "superseded_unknown"),
        ({"reason": "whim"}, "bad_reason"),
        ({"reason": "past_expiry"}, "bad_reason"),
        ({"note": "x" * 201}, "bad_note"),
        ({"note": "two\nlines"}, "bad_note"),
        ({"bill_number": "\0"}, "bad_bill_number"),
    ],
)
async def test_a_fault_is_told_and_the_others_are_taken_in(
    api: httpx.AsyncClient, headers: dict[str, str], fields: dict[str, Any], reason: str
) -> None:
    answer = await push(api, headers | {"Accept-Language": "en"}, bill(**fields), bill("W-2"))
    assert outcomes(answer) == [reason, "accepted"]
    assert answer.json()["bills"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"bills": []},
        {"bills": [bill()] * 1_001},
        {"bills": [bill(amount_fen="28.75")]},
        {"bills": [bill(amount_fen=28.75)]},
        {"bills": [bill(usage=12.5)]},
        {"bills": [bill(note="\ud800")]},
        {"bills": [{"bill_number": "W-1"}]},
        {},
    ],
    ids=["none", "too many", "yuan", "fraction", "float", "surrogate", "incomplete", "nothing"],
)
async def test_what_is_no_list_of_bills_is_refused_as_a_whole(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, body: dict[str, Any]
) -> None:
    # Not through `json=`, which cannot write a lone surrogate.
    as_json = {"Content-Type": "application/json"}
    answer = await api.post(URL, content=json.dumps(body), headers=headers | once() | as_json)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Bill)) == 0


async def test_a_thousand_bills_at_once(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    note = "抄" * 200
    bills = [bill(f"W-{number}", note=note, reason="other") for number in range(1_000)]
    assert outcomes(await push(api, headers, *bills)) == ["accepted"] * 1_000


async def test_the_same_key_gives_the_same_answer(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    key = once()
    first = await api.post(URL, json={"bills": [bill()]}, headers=headers | key)
    again = await api.post(URL, json={"bills": [bill()]}, headers=headers | key)
    other = await api.post(URL, json={"bills": [bill("W-2")]}, headers=headers | key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_only_a_providers_system_may_push(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> None:
    callers = [{}, tokens.resident(), tokens.staff("operator"), tokens.client(provider_id, "tariffs:write")]
    assert [(await push(api, caller, bill())).status_code for caller in callers] == [401, 403, 403, 403]
    unheard_of = await push(api, uploader(tokens, new_id()), bill())
    assert (unheard_of.status_code, unheard_of.json()["code"]) == (409, "provider_not_ready")


async def test_another_providers_bill_of_the_same_number_is_never_touched(
    api: httpx.AsyncClient, headers: dict[str, str], tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    other = uploader(tokens, await approved_provider(database))
    await push(api, headers, bill())
    assert outcomes(await push(api, other, bill(amount_fen=1))) == ["accepted"]
    assert outcomes(await push(api, other, bill("W-2", supersedes="W-3"))) == ["superseded_unknown"]
    async with database.read() as tx:
        mine = await tx.scalar(select(Bill).where(Bill.provider_id == provider_id))
    assert mine is not None
    assert (mine.amount_fen, mine.version) == (2875, 1)


async def test_an_amendment_is_told_and_a_new_bill_is_not(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, provider_id: UUID
) -> None:
    await push(api, headers, bill())
    await push(api, headers, bill(amount_fen=1))
    async with database.read() as tx:
        [event] = await emitted(tx)
    now = await bill_of(database)
    assert (event.type, event.key) == ("cn.ili.payments.bill.amended.v1", str(now.id))
    assert event.data == {
        "bill_id": str(now.id),
        "provider_id": str(provider_id),
        "version": 2,
        "reason": "not_stated",
    }


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("paying", "payment_in_progress"),
        ("paid", "bill_already_paid"),
        ("posted", "bill_already_paid"),
        ("void", "bill_void"),
        ("expired", "bill_expired"),
    ],
)
async def test_a_bill_that_is_not_due_is_not_amended_nor_superseded(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, status: str, reason: str
) -> None:
    await push(api, headers, bill())
    async with database.transaction() as tx:
        (await tx.get_one(Bill, (await bill_of(database)).id)).status = BillStatus(status)
    sent = (bill(), bill(amount_fen=1), bill("W-2", supersedes="W-1"))
    assert [outcomes(await push(api, headers, each))[0] for each in sent] == ["unchanged", reason, "superseded_not_due"]


async def test_a_partly_paid_bill_stays_as_it_is(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await push(api, headers, bill())
    async with database.transaction() as tx:
        (await tx.get_one(Bill, (await bill_of(database)).id)).paid_fen = 1
    answers = await push(api, headers, bill(amount_fen=9), bill("W-2", supersedes="W-1"))
    assert outcomes(answers) == ["bill_partly_paid", "superseded_not_due"]


async def test_a_number_that_the_platform_gave_is_not_the_providers(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await push(api, headers, bill())
    async with database.transaction() as tx:
        (await tx.get_one(Bill, (await bill_of(database)).id)).kind = BillKind.ADVANCE
    assert outcomes(await push(api, headers, bill(amount_fen=1))) == ["bill_number_reserved"]


async def test_a_new_bill_supersedes_a_due_one_of_the_account(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, provider_id: UUID
) -> None:
    await push(api, headers, bill("W-1"), bill("W-9", account_number="1000000005"))
    wrong_account = bill("W-8", supersedes="W-9")
    right = bill("W-2", amount_fen=100, supersedes="W-1", reason="duplicate")
    second = bill("W-3", amount_fen=100, supersedes="W-1")
    answer = await push(api, headers, wrong_account, right, second)
    assert outcomes(answer) == ["superseded_unknown", "accepted", "superseded_not_due"]
    assert outcomes(await push(api, headers, right)) == ["unchanged"]
    assert outcomes(await push(api, headers, bill("W-2", amount_fen=5, supersedes="W-9"))) == ["superseded_unknown"]
    old, new = await bill_of(database, "W-1"), await bill_of(database, "W-2")
    assert (old.status, old.superseded_by, old.version, old.reason) == ("superseded", new.id, 2, "duplicate")
    assert (new.status, new.supersedes, new.version) == ("due", "W-1", 1)
    async with database.read() as tx:
        [event] = await emitted(tx)
        assert await tx.scalar(select(BillVersion.amount_fen)) == 2875
    assert event.type == "cn.ili.payments.bill.superseded.v1"
    assert event.data == {
        "bill_id": str(old.id),
        "provider_id": str(provider_id),
        "version": 2,
        "reason": "duplicate",
        "superseded_by": str(new.id),
    }


async def test_the_same_bills_pushed_at_once_are_there_once(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    bills = [bill(f"W-{number}") for number in range(50)]
    answers = await asyncio.gather(*(push(api, headers, *bills) for _ in range(6)))
    assert sorted(outcomes(answer)[0] for answer in answers) == ["accepted"] + ["unchanged"] * 5
    async with database.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Bill)) == 50


async def test_an_amendment_and_a_payment_at_once_are_one_after_the_other(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    """Whichever is first: the payment is of what the bill says, or the amendment is refused."""
    numbers = [f"W-{number}" for number in range(20)]
    await push(api, headers, *map(bill, numbers))
    ids = [(await bill_of(database, number)).id for number in numbers]

    async def pay(bill_id: UUID) -> int:
        async with database.transaction() as tx:
            found = await service._locked(tx, [bill_id])  # noqa: SLF001 - what a payment does first
            await service.mark_paying(tx, [bill_id])
            return found[0].amount_fen

    amending = (push(api, headers, bill(number, amount_fen=1)) for number in numbers)
    paid, answers = await asyncio.gather(asyncio.gather(*map(pay, ids)), asyncio.gather(*amending))
    for amount_fen, answer, number in zip(paid, answers, numbers, strict=True):
        assert (amount_fen, outcomes(answer)[0]) in {(1, "amended"), (2875, "payment_in_progress")}
        assert (await bill_of(database, number)).amount_fen == amount_fen


async def test_crossing_changes_and_payments_do_not_wait_for_each_other(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    """Amended and superseded bills are locked in the order in which payments lock them."""
    numbers = [f"W-{number}" for number in range(40)]
    await push(api, headers, *map(bill, numbers))
    ids = [(await bill_of(database, number)).id for number in numbers]
    amended = [bill(number, amount_fen=1) for number in reversed(numbers[::2])]
    superseding = [bill(f"N-{number}", supersedes=number) for number in numbers[1::2]]

    async def pay() -> None:
        async with database.transaction() as tx:
            await service._locked(tx, ids)  # noqa: SLF001 - what a payment does first

    paying = asyncio.gather(*(pay() for _ in range(10)))
    answer, _ = await asyncio.gather(push(api, headers, *amended, *superseding), paying)
    assert outcomes(answer) == ["amended"] * 20 + ["accepted"] * 20


async def test_a_table_without_a_column_for_it_says_nothing_of_the_last_day(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database
) -> None:
    await push(api, headers, bill(expires_on="2027-10-25"))
    assert counts(await upload(api, headers, file_of(row("W-1")))) == {"unchanged": 1}
    assert counts(await upload(api, headers, file_of(row("W-1", amount="1")))) == {"amended": 1}
    assert str((await bill_of(database)).expires_on) == "2027-10-25"
    assert outcomes(await push(api, headers, bill(amount_fen=100))) == ["amended"]
    assert (await bill_of(database)).expires_on is None


async def test_bills_of_a_provider_wait_for_its_file_and_others_do_not(
    api: httpx.AsyncClient, headers: dict[str, str], tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    other = uploader(tokens, await approved_provider(database))
    async with database.transaction() as tx:
        await staging.one_at_a_time(tx, provider_id)
        waiting = asyncio.create_task(push(api, headers, bill()))
        assert outcomes(await push(api, other, bill())) == ["accepted"]
        assert not waiting.done()
    assert outcomes(await waiting) == ["accepted"]
