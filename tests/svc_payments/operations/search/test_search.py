"""Search: any number on a document leads to its record, and every find is audited."""

from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from chassis.db import Database, new_id
from chassis.testing import Tokens
from tests.svc_payments.billing.bills.factories import a_bill, save
from tests.svc_payments.collection.refunds.steps import refunds, refused, step
from tests.svc_payments.conftest import approved_provider
from tests.svc_payments.world import World

SEARCH = "/payments/v1/search"
TRAIL = "/payments/v1/audit-records"


async def hits(world: World, number: str) -> list[tuple[str, str]]:
    answer = await world.api.get(SEARCH, params={"number": number}, headers=world.tokens.staff("operator"))
    assert answer.status_code == 200, answer.text
    return [(hit["kind"], hit["found_by"]) for hit in answer.json()["items"]]


async def test_each_number_of_a_payment_leads_to_it(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment = await world.captured(person, bill)
    receipt = (await world.get(person, payment, "/receipt")).json()
    async with world.database.transaction() as tx:
        await tx.execute(text("UPDATE postings SET provider_reference = 'REF-77'"))
        posting = (await tx.scalars(text("SELECT id::text FROM postings"))).one()
    (line,) = receipt["bills"]
    for number, found in {
        payment: ("payment", "payment_id"),
        await world.order_number(payment): ("payment", "order_number"),
        receipt["receipt_number"]: ("payment", "receipt_number"),
        receipt["transaction_id"]: ("payment", "transaction_id"),
        str(bill): ("bill", "bill_id"),
        line["bill_number"]: ("bill", "bill_number"),
        line["account_number"]: ("bill", "account_number"),
        posting: ("posting", "posting_id"),
        "REF-77": ("posting", "provider_reference"),
    }.items():
        assert await hits(world, number) == [found], number


async def test_numbers_of_refunds_and_incidents_lead_to_them(world: World) -> None:
    await refused(world)
    await step(world)
    (refund,) = await refunds(world)
    assert refund.reference
    async with world.database.read() as tx:
        posting = (await tx.scalars(text("SELECT id::text FROM postings"))).one()
    for number, found in {
        refund.number: [("refund", "refund_number"), ("refund", "refund_id")],
        refund.reference: [("refund", "refund_reference")],
        posting: [("incident", "incident_subject"), ("posting", "posting_id")],
    }.items():
        assert sorted(set(await hits(world, number))) == sorted(found), number


async def test_a_receipt_code_is_found_in_any_spelling(world: World) -> None:
    person = new_id()
    payment = await world.captured(person)
    await world.get(person, payment, "/receipt.pdf")
    async with world.database.read() as tx:
        code = (await tx.scalars(text("SELECT code FROM receipt_codes"))).one()
    for typed in (code, f"{code[:4]}-{code[4:]}".lower()):
        assert await hits(world, typed) == [("payment", "receipt_code")]


@pytest.mark.parametrize(
    ("table", "columns", "kind", "found_by"),
    [
        ("transfer_files", "number, state, transfers, total_fen, content, generated_by", "transfer_file", "number"),
        (
            "cases",
            "number, transaction_id, source, holder, day, movement, result, difference_fen, status, owner_role, due_at",
            "case",
            "number",
        ),
    ],
)
async def test_numbers_of_transfer_files_and_discrepancies(
    world: World, table: str, columns: str, kind: str, found_by: str
) -> None:
    values = {
        "transfer_files": "'TF202611260001', 'generated', 1, 100, '', 'somebody'",
        "cases": "'TF202611260001', '', 'channel', 'sandbox', CURRENT_DATE, 'payment', 'excess', 1, 'open', "
        "'operator', now()",
    }[table]
    async with world.database.transaction() as tx:
        await tx.execute(text(f"INSERT INTO {table} (id, {columns}) VALUES (uuidv7(), {values})"))  # noqa: S608
    ((found_kind, way),) = await hits(world, "TF202611260001")
    assert (found_kind, way.endswith(found_by)) == (kind, True)


async def test_a_number_that_two_providers_use_leads_to_both_bills(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    providers = [await approved_provider(database) for _ in range(2)]
    bills = [a_bill(provider, bill_number="W-7777") for provider in providers]
    await save(database, *bills)
    answer = await api.get(SEARCH, params={"number": "W-7777"}, headers=tokens.staff("auditor"))
    assert {hit["id"] for hit in answer.json()["items"]} == {str(bill.id) for bill in bills}


async def test_every_find_is_audited(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    bill = a_bill(provider_id, bill_number="W-7778")
    await save(database, bill)
    await api.get(SEARCH, params={"number": "W-7778"}, headers=tokens.staff("operator"))
    answer = await api.get(TRAIL, params={"subject": str(bill.id)}, headers=tokens.staff("auditor"))
    (record,) = answer.json()["items"]
    assert (record["action"], record["details"]) == ("find_bill", {"found_by": "bill_number"})


@pytest.mark.parametrize("number", ["abc", "x" * 65, "户号1234567", "1234 5678"])
async def test_malformed_numbers_are_refused(api: httpx.AsyncClient, tokens: Tokens, number: str) -> None:
    answer = await api.get(SEARCH, params={"number": number}, headers=tokens.staff("operator"))
    assert answer.status_code == 422


async def test_residents_and_providers_do_not_search(api: httpx.AsyncClient, tokens: Tokens) -> None:
    for headers in (tokens.resident(), tokens.client(new_id(), "bills:write"), tokens.staff("reviewer")):
        assert (await api.get(SEARCH, params={"number": "W-7777"}, headers=headers)).status_code == 403
