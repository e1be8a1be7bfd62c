"""Payment exports: readable by independent libraries, complete, and safe from formula injection."""

import csv
import io
import zipfile
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from svc_payments.collection.payments.models import PaymentStatus
from svc_payments.parties.providers.models import Provider
from tests.svc_payments import past
from tests.svc_payments.past import china


class Exporter:
    def __init__(self, api: httpx.AsyncClient, tokens: Tokens, person_id: UUID) -> None:
        self._api, self._headers = api, tokens.resident(person_id)

    async def get(self, suffix: str, language: str = "zh", **query: Any) -> httpx.Response:  # noqa: ANN401 - filters
        headers = {**self._headers, "Accept-Language": language}
        answer = await self._api.get(f"/payments/v1/payments.{suffix}", params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer

    async def csv(self, **query: Any) -> list[dict[str, str]]:  # noqa: ANN401 - filters
        content = (await self.get("csv", **query)).content
        assert content.startswith(b"\xef\xbb\xbf")
        return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))

    async def xlsx(self, **query: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - filters and cells
        content = (await self.get("xlsx", **query)).content
        heads, *rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
        return [dict(zip(map(str, heads), row, strict=True)) for row in rows]


@pytest.fixture
def person_id() -> UUID:
    return new_id()


@pytest.fixture
def exporter(api: httpx.AsyncClient, tokens: Tokens, person_id: UUID) -> Exporter:
    return Exporter(api, tokens, person_id)


async def test_both_files_have_the_same_payment(
    exporter: Exporter, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    bills = [past.a_bill(provider_id, 1_000 + number, bill_number=f"B-{number}") for number in range(2)]
    records = past.a_payment(person_id, bills, china(2028, 2, 29, 23, 59), refunded_fen=501)
    await past.save(database, *bills, *records)
    (line,), (row,) = await exporter.csv(), await exporter.xlsx()
    assert (line["支付时间"], line["金额"], line["已退款"], line["扣除退款后"]) == (
        "2028-02-29 23:59:00",
        "20.01",
        "5.01",
        "15.00",
    )
    assert (line["账单号"], line["户号"], line["缴费项目"], line["状态"]) == ("B-0 B-1", past.ACCOUNT, "水费", "已完成")
    assert (row["支付时间"], row["金额"], row["扣除退款后"]) == (datetime(2028, 2, 29, 23, 59), 20.01, 15.0)  # noqa: DTZ001 - cells know no zone
    assert (row["凭证号码"], row["支付编号"]) == (line["凭证号码"], line["支付编号"])


async def test_names_that_look_like_formulas_stay_names(
    exporter: Exporter, database: Database, person_id: UUID
) -> None:
    evil = '=HYPERLINK("http://x.example","me")'
    provider = Provider(provider_id=new_id(), kind="water", name=evil, endpoint_url="http://127.0.0.1:1", as_of=now())
    await past.save(database, provider)
    await past.add_payment(database, person_id, provider.provider_id, china(2026, 5, 1), bill_number="-1+2")
    (line,) = await exporter.csv()
    assert (line["收费单位"], line["账单号"]) == (f"'{evil}", "'-1+2")
    (row,) = await exporter.xlsx()
    assert (row["收费单位"], row["账单号"]) == (evil, "-1+2")
    with zipfile.ZipFile(io.BytesIO((await exporter.get("xlsx")).content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"<hyperlink" not in sheet


async def test_an_expired_payment_adds_nothing(
    exporter: Exporter, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    await past.add_payment(database, person_id, provider_id, china(2026, 5, 1), status=PaymentStatus.EXPIRED)
    (line,) = await exporter.csv()
    assert (line["支付时间"], line["凭证号码"], line["扣除退款后"], line["状态"]) == ("", "", "0.00", "已过期")


async def test_filters_and_languages_are_those_of_the_list(
    exporter: Exporter, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    for month in (1, 2):
        await past.add_payment(database, person_id, provider_id, china(2026, month, 28), 100 * month)
    (line,) = await exporter.csv(**{"from": "2026-02-01", "language": "en"})
    assert (line["Amount"], line["Paid for"], line["State"]) == ("2.00", "Water", "Completed")


async def test_only_own_payments_are_exported(
    exporter: Exporter, api: httpx.AsyncClient, database: Database, provider_id: UUID
) -> None:
    await past.add_payment(database, new_id(), provider_id, china(2026, 5, 1))
    assert (await exporter.csv(), await exporter.xlsx()) == ([], [])
    for suffix in ("csv", "xlsx"):
        assert (await api.get(f"/payments/v1/payments.{suffix}")).status_code == 401


async def test_a_big_history_is_exported_whole_and_in_order(
    exporter: Exporter, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    first = await past.add_payment(database, person_id, provider_id, china(2026, 1, 1))
    many = """
        INSERT INTO payments (id, person_id, provider_id, channel, amount_fen, status, held, created_at, expires_at)
        SELECT uuidv7(make_interval(secs => n)), person_id, provider_id, channel, n, 'expired', false,
            created_at, expires_at
        FROM payments, generate_series(1, 1200) AS n WHERE id = :first
    """
    async with database.transaction() as tx:
        await tx.execute(text(many), {"first": first})
    lines = await exporter.csv()
    assert [line["金额"] for line in lines[:2]] == ["12.00", "11.99"]
    assert len({line["支付编号"] for line in lines}) == 1_201
    assert len(await exporter.xlsx()) == 1_201
