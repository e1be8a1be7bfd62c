"""A settlement as a statement for the provider: figures on a page, and every line as CSV or in a workbook."""

import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO
from uuid import UUID

import anyio.to_thread
import xlsxwriter
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Database
from svc_payments import paper
from svc_payments.amounts import in_capitals, in_digits
from svc_payments.parties.providers.models import Provider
from svc_payments.settlement.models import Settlement

COLUMNS = ("记账时间", "类型", "收据号", "账单号", "户号", "渠道", "金额（元）", "手续费（元）", "单位入账号")
_KINDS = {
    "bill_booked": "销账",
    "booking_reversed": "销账撤回",
    "refund_started": "退款",
    "refund_failed": "退款未成",
    "corrected": "更正",
}
_CHANNELS = {
    "sandbox": "测试渠道",
    "wechat": "微信支付",
    "alipay": "支付宝",
    "unionpay": "银联",
    "cash": "现金",
    "pos": "POS 刷卡",
}
_AT_ONCE = 1_000
_CHUNK = 64 * 1024
_IN_MEMORY = 1024 * 1024
_LINES = """
    SELECT line.transfer_id, line.moved_at, line.kind, posting.receipt_number, posting.bill_number,
        posting.account_number, payment.channel, line.amount_fen, line.fee_fen, posting.provider_reference
    FROM settlement_lines AS line
    LEFT JOIN payments AS payment ON payment.id = line.payment_id
    LEFT JOIN postings AS posting ON posting.id = line.reference_id
    WHERE line.settlement_id = :settlement_id AND line.transfer_id > :after
    ORDER BY line.transfer_id LIMIT :at_once
"""
_BY_CHANNEL = """
    SELECT payment.channel, line.kind, count(*) AS count, sum(line.amount_fen) AS fen, sum(line.fee_fen) AS fee_fen
    FROM settlement_lines AS line LEFT JOIN payments AS payment ON payment.id = line.payment_id
    WHERE line.settlement_id = :settlement_id
    GROUP BY payment.channel, line.kind ORDER BY payment.channel, line.kind
"""
Cell = str | Decimal | datetime


@dataclass(frozen=True)
class Statement:
    """A settlement, to be written out in short transactions, however slowly it is fetched."""

    database: Database
    settlement: Settlement

    async def rows(self) -> AsyncIterator[list[list[Cell]]]:
        """Some lines at a time, in the order in which they moved."""
        after = UUID(int=0)
        while True:
            wanted = {"settlement_id": self.settlement.id, "after": after, "at_once": _AT_ONCE}
            async with self.database.read() as tx:
                found = (await tx.execute(text(_LINES), wanted)).all()
            if found:
                yield [_cells(row) for row in found]
            if len(found) < _AT_ONCE:
                return
            after = found[-1].transfer_id


async def as_csv(statement: Statement) -> AsyncIterator[bytes]:
    """UTF-8 with a byte order mark, without which Excel takes it for GB18030."""
    yield "\ufeff".encode() + _csv([COLUMNS])
    async for rows in statement.rows():
        yield _csv([[_in_csv(cell) for cell in row] for row in rows])


async def as_xlsx(statement: Statement) -> Iterator[bytes]:
    """A workbook: a sheet of figures, and one of lines."""
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed when it has been given out
    try:
        await _write(statement, file)  # type: ignore[arg-type]  # it is a BinaryIO in all but its declared class
    except BaseException:
        file.close()
        raise
    return _given_out(file)  # type: ignore[arg-type]  # as above


async def as_pdf(tx: AsyncSession, settlement: Settlement) -> bytes:
    """The figures on a page, by channel."""
    provider = await tx.get(Provider, settlement.provider_id)
    groups = (await tx.execute(text(_BY_CHANNEL), {"settlement_id": settlement.id})).all()
    data = {
        "number": settlement.id.hex,
        "provider_name": provider.name if provider else "",
        "provider_id": settlement.provider_id.hex,
        "day": settlement.day.isoformat(),
        "closed_at": f"{settlement.created_at.astimezone(CHINA):%Y-%m-%d %H:%M}",
        "groups": [
            [
                _channel(group.channel),
                _kind(group.kind),
                f"{group.count:,}",
                in_digits(int(group.fen)),
                in_digits(int(group.fee_fen)),
            ]
            for group in groups
        ],
        **{name: in_digits(getattr(settlement, f"{name}_fen")) for name in ("booked", "returned", "fee", "payable")},
        "in_capitals": in_capitals(settlement.payable_fen),
        "held": in_digits(settlement.held_fen) if settlement.held_bookings else "",
        "held_bookings": settlement.held_bookings,
    }
    return await paper.pdf("settlement", data, issued_at=settlement.created_at)


def _cells(row: Row[Any]) -> list[Cell]:
    return [
        row.moved_at.astimezone(CHINA).replace(tzinfo=None),
        _kind(row.kind),
        row.receipt_number or "",
        row.bill_number or "",
        row.account_number or "",
        _channel(row.channel),
        _yuan(row.amount_fen),
        _yuan(row.fee_fen),
        row.provider_reference or "",
    ]


def _figures(settlement: Settlement) -> list[tuple[str, Cell]]:
    return [
        ("结算单号", settlement.id.hex),
        ("结算日期", settlement.day.isoformat()),
        ("销账笔数", f"{settlement.bookings}"),
        ("销账金额（元）", _yuan(settlement.booked_fen)),
        ("退回金额（元）", _yuan(settlement.returned_fen)),
        ("手续费（元）", _yuan(settlement.fee_fen)),
        ("应付金额（元）", _yuan(settlement.payable_fen)),
        ("暂缓笔数", f"{settlement.held_bookings}"),
        ("暂缓金额（元）", _yuan(settlement.held_fen)),
    ]


async def _write(statement: Statement, file: BinaryIO) -> None:
    # Text is written as text: nothing in it is a formula or a link, whatever it begins with.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(file, {**options, "default_date_format": "yyyy-mm-dd hh:mm:ss"})
    bold, yuan = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
    summary, sheet = book.add_worksheet("汇总"), book.add_worksheet("明细")
    summary.set_column(0, 1, 24)
    for number, (label, value) in enumerate(_figures(statement.settlement)):
        summary.write(number, 0, label, bold)
        summary.write(number, 1, value, *([yuan] if isinstance(value, Decimal) else []))
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(COLUMNS) - 1, 18)
    sheet.write_row(0, 0, COLUMNS, bold)

    def write(first: int, rows: list[list[Cell]]) -> None:
        for number, row in enumerate(rows, first):
            for column, cell in enumerate(row):
                sheet.write(number, column, cell, *([yuan] if isinstance(cell, Decimal) else []))

    written = 1
    async for rows in statement.rows():
        await anyio.to_thread.run_sync(write, written, rows)
        written += len(rows)
    await anyio.to_thread.run_sync(book.close)


def _given_out(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


def _csv(rows: Any) -> bytes:  # noqa: ANN401 - rows of cells, already text
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()


def _in_csv(cell: Cell) -> str:
    match cell:
        case datetime():
            return f"{cell:%Y-%m-%d %H:%M:%S}"
        case Decimal():
            return f"{cell:.2f}"
        case _:
            # A provider's own number must not become a formula of whoever opens the file.
            return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t")) else cell


def _kind(kind: str) -> str:
    return _KINDS.get(kind, kind)


def _channel(channel: str | None) -> str:
    return _CHANNELS.get(channel, channel) if channel else "-"


def _yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2)
