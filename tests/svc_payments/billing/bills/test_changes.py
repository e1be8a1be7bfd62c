"""Changes of a stored bill: amended, withdrawn or expired. Each is a version with an event; a paid bill refuses it."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from svc_payments.billing.bills import changes, service
from svc_payments.billing.bills.models import Bill, BillStatus, BillVersion
from svc_payments.billing.bills.service import BillNotPayable
from tests.svc_payments.billing.bills.factories import a_bill, a_binding, save
from tests.svc_payments.billing.files.files import uploader
from tests.svc_payments.conftest import approved_provider

URL = "/payments/v1/bills"
REASON = {"reason": "meter_error", "note": "表读错"}


async def change(
    api: httpx.AsyncClient,
    headers: dict[str, str],
    bill_id: UUID,
    verb: str,
    **body: Any,  # noqa: ANN401 - JSON
) -> httpx.Response:
    return await api.post(f"{URL}/{bill_id}/{verb}", json=REASON | body, headers=headers | once())


async def bill_now(database: Database, bill_id: UUID) -> Bill:
    async with database.read() as tx:
        return await tx.get_one(Bill, bill_id)


async def test_an_amendment_is_a_new_version_with_its_reason(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, provider_id: UUID
) -> None:
    bill = a_bill(provider_id, meter_from=100, meter_to=112)
    await save(database, bill)
    answer = await change(api, headers, bill.id, "amendments", amount_fen=2000, usage="10", meter_to="110")
    shown = answer.json()
    assert (answer.status_code, shown["version"], shown["reason"], shown["note"]) == (200, 2, "meter_error", "表读错")
    assert (shown["amount_fen"], shown["usage"], shown["meter_from"], shown["meter_to"]) == (2000, "10", "100", "110")
    async with database.read() as tx:
        [event] = await emitted(tx)
        [version] = (await tx.scalars(select(BillVersion))).all()
    assert (event.type, event.key) == ("cn.ili.payments.bill.amended.v1", str(bill.id))
    assert event.data["version"] == 2
    assert "note" not in event.data
    assert (version.version, version.amount_fen, version.reason) == (1, 2760, None)


async def test_an_amendment_without_changes_makes_no_version(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, provider_id: UUID
) -> None:
    bill = a_bill(provider_id)
    await save(database, bill)
    answer = await change(api, headers, bill.id, "amendments", amount_fen=2760)
    assert (answer.status_code, answer.json()["version"]) == (200, 1)
    async with database.read() as tx:
        assert await emitted(tx) == []


@pytest.mark.parametrize(
    ("amendment", "fault"),
    [
        ({"amount_fen": 0}, "amount_not_positive"),
        ({"amount_fen": None}, "bad_amount"),
        ({"account_number": "1000000004"}, "bad_account_check_digit"),
        ({"account_number": None}, "bad_account_number"),
        ({"period": "2999-01"}, "future_period"),
        ({"due_date": "2026-08-31"}, "bad_due_date"),
        ({"meter_from": "9", "meter_to": "8"}, "bad_meter_reading"),
        ({"expires_on": "2026-01-01"}, "bad_expiry"),
    ],
)
async def test_an_amendment_keeps_the_rules_of_bill_files(
    api: httpx.AsyncClient,
    headers: dict[str, str],
    database: Database,
    provider_id: UUID,
    amendment: dict[str, Any],
    fault: str,
) -> None:
    bill = a_bill(provider_id)
    await save(database, bill)
    answer = await change(api, headers, bill.id, "amendments", **amendment)
    assert (answer.status_code, answer.json()["code"], answer.json()["reason"]) == (422, "bill_refused", fault)
    assert (await bill_now(database, bill.id)).version == 1


@pytest.mark.parametrize(("verb", "status"), [("void", "void"), ("expire", "expired")])
async def test_a_due_bill_is_withdrawn(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, provider_id: UUID, verb: str, status: str
) -> None:
    person, bill = new_id(), a_bill(provider_id)
    await save(database, bill, a_binding(person, provider_id))
    answer = await change(api, headers, bill.id, verb, reason="court_case")
    assert (answer.status_code, answer.json()["withdrawn"], answer.json()["version"]) == (200, status, 2)
    async with database.read() as tx:
        [event] = await emitted(tx)
    assert event.type == f"cn.ili.payments.bill.{status.removesuffix('ed')}ed.v1"
    assert event.data == {
        "bill_id": str(bill.id),
        "provider_id": str(provider_id),
        "version": 2,
        "reason": "court_case",
    }
    async with database.sessions() as tx:
        with pytest.raises(BillNotPayable):
            await service.lock_payable(tx, person, [bill.id])


@pytest.mark.parametrize("verb", ["amendments", "void", "expire"])
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": "paying"}, "payment_in_progress"),
        ({"status": "paid", "paid_fen": 2760}, "bill_already_paid"),
        ({"status": "posted", "paid_fen": 2760, "booked_fen": 2760}, "bill_already_paid"),
        ({"paid_fen": 1}, "bill_partly_paid"),
        ({"status": "void"}, "bill_void"),
        ({"status": "expired"}, "bill_expired"),
        ({"status": "superseded", "superseded_by": new_id()}, "bill_superseded"),
        ({"kind": "advance"}, "bill_made_here"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_only_a_due_unpaid_bill_can_change(
    api: httpx.AsyncClient,
    headers: dict[str, str],
    database: Database,
    provider_id: UUID,
    fields: dict[str, Any],
    code: str,
    verb: str,
) -> None:
    bill = a_bill(provider_id, **fields)
    await save(database, bill)
    answer = await change(api, headers, bill.id, verb, amount_fen=1)
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    now = await bill_now(database, bill.id)
    assert (now.version, now.amount_fen, now.status) == (1, 2760, bill.status or "due")


async def test_a_change_of_another_version_is_refused(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, provider_id: UUID
) -> None:
    bill = a_bill(provider_id)
    await save(database, bill)
    assert (await change(api, headers, bill.id, "amendments", amount_fen=1, version=1)).status_code == 200
    answer = await change(api, headers, bill.id, "void", version=1)
    assert (answer.status_code, answer.json()["code"], answer.json()["version"]) == (409, "other_version", 2)
    assert (await change(api, headers, bill.id, "void", version=2)).status_code == 200


async def test_only_its_provider_changes_a_bill(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    person, bill = new_id(), a_bill(provider_id)
    await save(database, bill, a_binding(person, provider_id))
    callers = [{}, tokens.resident(person), tokens.staff("operator"), tokens.client(provider_id, "tariffs:write")]
    other = uploader(tokens, await approved_provider(database))
    for verb in ("amendments", "void", "expire"):
        statuses = [(await change(api, caller, bill.id, verb)).status_code for caller in (*callers, other)]
        assert statuses == [401, 403, 403, 403, 404]
        assert (await change(api, headers, new_id(), verb)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [{"reason": "not_stated"}, {"reason": "past_expiry"}, {"reason": "x"}, {"note": "x" * 201}, {"note": "a\nb"}],
)
async def test_a_change_with_an_invalid_reason_is_refused(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, provider_id: UUID, body: dict[str, Any]
) -> None:
    bill = a_bill(provider_id)
    await save(database, bill)
    for verb in ("amendments", "void", "expire"):
        assert (await change(api, headers, bill.id, verb, **body)).status_code == 422


async def test_all_versions_are_listed_newest_first(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    person, bill = new_id(), a_bill(provider_id)
    await save(database, bill, a_binding(person, provider_id))
    for amount_fen, reason in ((2000, "meter_error"), (1000, "court_case")):
        await change(api, headers, bill.id, "amendments", amount_fen=amount_fen, reason=reason)
    await change(api, headers, bill.id, "void", reason="duplicate")
    for reader in (headers, tokens.resident(person)):
        page = (await api.get(f"{URL}/{bill.id}/versions?limit=3", headers=reader)).json()
        rest = (await api.get(f"{URL}/{bill.id}/versions?cursor={page['next_cursor']}", headers=reader)).json()
        versions = page["items"] + rest["items"]
        assert [(version["version"], version["amount_fen"], version["reason"]) for version in versions] == [
            (4, 1000, "duplicate"),
            (3, 1000, "court_case"),
            (2, 2000, "meter_error"),
            (1, 2760, None),
        ]
        assert [version["replaced_at"] is None for version in versions] == [True, False, False, False]
    for stranger in (tokens.resident(), uploader(tokens, await approved_provider(database))):
        assert (await api.get(f"{URL}/{bill.id}/versions", headers=stranger)).status_code == 404


async def test_a_version_on_another_account_is_hidden(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    """A bill sent to the wrong account and then corrected."""
    person, bill = new_id(), a_bill(provider_id, account_number="1000000013")
    await save(database, bill, a_binding(person, provider_id, "1000000005"))
    answer = await change(api, headers, bill.id, "amendments", account_number="1000000005")
    assert answer.status_code == 200
    url = f"{URL}/{bill.id}/versions"
    assert [v["version"] for v in (await api.get(url, headers=tokens.resident(person))).json()["items"]] == [2]
    assert [v["version"] for v in (await api.get(url, headers=headers)).json()["items"]] == [2, 1]


@pytest.mark.parametrize("verb", ["void", "expire", "amendments"])
async def test_one_of_a_concurrent_change_and_payment_wins(
    api: httpx.AsyncClient, headers: dict[str, str], database: Database, provider_id: UUID, verb: str
) -> None:
    """A bill with an open payment is never void, and a payment never has an outdated amount."""
    person = new_id()
    bills = [a_bill(provider_id) for _ in range(12)]
    await save(database, *bills, a_binding(person, provider_id))

    async def pay(bill_id: UUID) -> int | None:
        try:
            async with database.transaction() as tx:
                [bill] = await service.lock_payable(tx, person, [bill_id])
                await service.mark_paying(tx, [bill_id])
        except BillNotPayable:
            return None
        return bill.amount_fen

    both = [(pay(bill.id), change(api, headers, bill.id, verb, amount_fen=1)) for bill in bills]
    results = await asyncio.gather(*(asyncio.gather(*pair) for pair in both))
    for bill, (paid_fen, answer) in zip(bills, results, strict=True):
        now = await bill_now(database, bill.id)
        if paid_fen is None:
            assert (answer.status_code, now.status in {"void", "expired"}) == (200, True)
        elif answer.status_code == 409:
            assert (answer.json()["code"], now.status, paid_fen) == ("payment_in_progress", "paying", 2760)
        else:
            assert (verb, now.status, paid_fen, now.amount_fen) == ("amendments", "paying", 1, 1)


def test_every_status_but_due_has_a_refusal() -> None:
    assert set(changes._NOT_OPEN) == set(BillStatus) - {BillStatus.DUE}  # noqa: SLF001 - the table is the rule
