"""A settlement as a statement for the provider: figures on a page, and every line as CSV or in a workbook."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Database
from kit.csv_text import Cell
from kit.papers import pdf
from kit.tables import Sheet, csv_file, one_block, xlsx_file
from svc_payments.amounts import in_capitals, in_digits, in_yuan
from svc_payments.parties.providers.models import Provider
from svc_payments.settlement.models import Settlement

COLUMNS = ("记账时间", "类型", "收据号", "账单号", "户号", "渠道", "金额（元）", "手续费（元）", "单位入账号")
_TEMPLATE = Path(__file__).parent / "templates" / "settlement.typ"
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


def as_csv(statement: Statement) -> AsyncIterator[bytes]:
    """UTF-8 with a byte order mark."""
    return csv_file(COLUMNS, statement.rows())


async def as_xlsx(statement: Statement) -> Iterator[bytes]:
    """A workbook: a sheet of figures, and one of lines."""
    figures = Sheet("汇总", one_block(_figures(statement.settlement)), widths=(24, 24), labelled=True)
    lines = Sheet("明细", statement.rows(), widths=(18,) * len(COLUMNS), header=COLUMNS)
    return await xlsx_file(figures, lines)


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
    return await pdf(_TEMPLATE, data, issued_at=settlement.created_at)


def _cells(row: Row[Any]) -> list[Cell]:
    return [
        row.moved_at.astimezone(CHINA).replace(tzinfo=None),
        _kind(row.kind),
        row.receipt_number or "",
        row.bill_number or "",
        row.account_number or "",
        _channel(row.channel),
        in_yuan(row.amount_fen),
        in_yuan(row.fee_fen),
        row.provider_reference or "",
    ]


def _figures(settlement: Settlement) -> list[tuple[str, Cell]]:
    return [
        ("结算单号", settlement.id.hex),
        ("结算日期", settlement.day.isoformat()),
        ("销账笔数", f"{settlement.bookings}"),
        ("销账金额（元）", in_yuan(settlement.booked_fen)),
        ("退回金额（元）", in_yuan(settlement.returned_fen)),
        ("手续费（元）", in_yuan(settlement.fee_fen)),
        ("应付金额（元）", in_yuan(settlement.payable_fen)),
        ("暂缓笔数", f"{settlement.held_bookings}"),
        ("暂缓金额（元）", in_yuan(settlement.held_fen)),
    ]


def _kind(kind: str) -> str:
    return _KINDS.get(kind, kind)


def _channel(channel: str | None) -> str:
    return _CHANNELS.get(channel, channel) if channel else "-"
