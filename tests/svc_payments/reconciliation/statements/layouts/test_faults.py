"""A channel's bill that is not as its layout has it: the refusal names the line, the column and the fault."""

from collections.abc import Sequence

import pytest

from svc_payments.reconciliation.statements.layouts import OF_CHANNELS, Layout, sandbox
from svc_payments.reconciliation.statements.layouts.wechat import SUMMARY
from svc_payments.reconciliation.statements.refusals import StatementMalformed
from tests.svc_payments.reconciliation.statements.layouts import test_unionpay as unionpay
from tests.svc_payments.reconciliation.statements.layouts.test_layouts import (
    ALIPAY,
    DAY,
    TWO_ROWS,
    WECHAT,
    alipay_bill,
    alipay_row,
    read,
    wechat_bill,
    wechat_row,
    zipped,
)

SANDBOX, UNIONPAY = OF_CHANNELS["sandbox"], OF_CHANNELS["unionpay"]


def of_wechat(*rows: str) -> bytes:
    return wechat_bill(*rows)


def of_unionpay(**columns: str) -> bytes:
    return unionpay.zipped(unionpay.row(unionpay.PAID), unionpay.row(unionpay.PAID, **columns))


def of_sandbox(row: str, header: str = sandbox.HEADER) -> bytes:
    return f"statement,my-ili,{DAY}\n{header}\n{row}\ntotal,1,100,0,0\n".encode()


PAYMENT = "payment,O1,T1,,,100,0,succeeded,2026-10-01T08:00:00Z"
PAID_TOTAL = "商家实收"


@pytest.mark.parametrize(
    ("layout", "content", "found"),
    [
        (WECHAT, of_wechat(wechat_row(), wechat_row("NOTPAY")), (3, "交易状态", "unknown_value")),
        (WECHAT, of_wechat(wechat_row().replace("`CNY", "`HKD")), (2, "货币种类", "unknown_value")),
        (WECHAT, of_wechat(wechat_row("REFUND", refund_state="X")), (2, "退款状态", "unknown_value")),
        (WECHAT, of_wechat(wechat_row().replace("`41.40", "`41.405")), (2, "应结订单金额", "bad_amount")),
        (WECHAT, of_wechat(wechat_row().replace("`4200000001", "`")), (2, "微信订单号", "bad_number")),
        (WECHAT, of_wechat(wechat_row().rpartition(",`")[0]), (2, "费率备注", "value_missing")),
        (WECHAT, of_wechat(wechat_row() + ",`x"), (2, "28", "value_beyond")),
        (WECHAT, of_wechat(wechat_row()[1:]), (2, None, "bad_line")),
        (WECHAT, wechat_bill(wechat_row()).replace("手续费,".encode(), b""), (1, "手续费", "column_missing")),
        (WECHAT, wechat_bill(wechat_row(), summary="`x" + ",`1" * 6), (4, "总交易单数", "bad_count")),
        (WECHAT, wechat_bill(wechat_row(), summary="`1,`x" + ",`1" * 5), (4, "应结订单总金额", "bad_amount")),
        (WECHAT, wechat_bill(wechat_row(), summary="`1,`1"), (4, SUMMARY.split(",")[2], "value_missing")),
        (ALIPAY, zipped(alipay_bill(*TWO_ROWS, alipay_row("转账"))), (8, "业务类型", "unknown_value")),
        (ALIPAY, zipped(alipay_bill(alipay_row() + ",x")), (6, "26", "value_beyond")),
        (ALIPAY, zipped(alipay_bill(alipay_row(amount="4x"))), (6, "商家实收（元）", "bad_amount")),
        (ALIPAY, zipped(alipay_bill(*TWO_ROWS, paid="1笔，商家实收共4.1.4元")), (9, PAID_TOTAL, "bad_amount")),
        (UNIONPAY, of_unionpay(_7="-00000004140"), (2, "7", "bad_amount")),
        (UNIONPAY, of_unionpay(_5="1001250000"), (2, "5", "bad_time")),
        (UNIONPAY, of_unionpay(_12=""), (2, "12", "bad_number")),
        (UNIONPAY, of_unionpay(_20="02"), (2, "20", "unknown_value")),
        (UNIONPAY, of_unionpay(_7="000000004141"), (2, "17", "wrong_sum")),
        (UNIONPAY, unionpay.zipped(unionpay.row(unionpay.PAID)[:300]), (1, None, "bad_line")),
        (SANDBOX, of_sandbox(PAYMENT.replace("payment", "gift")), (3, "kind", "unknown_value")),
        (SANDBOX, of_sandbox(PAYMENT.replace("succeeded", "won")), (3, "state", "unknown_value")),
        (SANDBOX, of_sandbox(PAYMENT.replace("100", "1.00")), (3, "amount_fen", "bad_count")),
        (SANDBOX, of_sandbox(PAYMENT.rpartition(",")[0]), (3, "at", "value_missing")),
        (SANDBOX, of_sandbox(PAYMENT, sandbox.HEADER.replace("fee", "cost")), (2, "fee_fen", "column_missing")),
        (SANDBOX, b"statement,my-ili\n", (1, None, "bad_line")),
    ],
)
async def test_line_and_column_are_named(layout: Layout, content: bytes, found: Sequence[object]) -> None:
    with pytest.raises(StatementMalformed) as refused:
        await read(layout, content)
    values = refused.value.values
    assert (values["row"], values.get("column"), values["reason"]) == tuple(found)


async def test_the_sandbox_reads_its_columns_by_their_names() -> None:
    names = sandbox.HEADER.split(",")
    turned = dict(zip(names, PAYMENT.split(","), strict=True))
    header = ",".join(reversed(names))
    (line,) = await read(SANDBOX, of_sandbox(",".join(turned[name] for name in reversed(names)), header))
    assert (line.number, line.transaction_id, line.amount_fen) == ("O1", "T1", 100)


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-8"])
async def test_a_wechat_bill_saved_by_a_spreadsheet_has_commas_at_its_ends(charset: str) -> None:
    saved = wechat_bill(wechat_row(), wechat_row("REFUND")).decode("utf-8-sig").split("\r\n")
    filled = [line + "," * (20 if number >= 3 and line else 0) for number, line in enumerate(saved)]
    lines = await read(WECHAT, "\r\n".join(filled).encode(charset))
    assert [line.amount_fen for line in lines] == [4140, -1000]
