"""The layouts of the national channels' bills and of providers' files, as they are downloaded."""

import gzip
import io
import zipfile
from collections.abc import AsyncIterator
from datetime import date

import pytest

from chassis.problems import Problem
from kit.files.refusals import ArchiveUnclear, GzipBroken, UndecodableBytes, ZipBroken
from svc_payments.reconciliation.statements.files import lines_of, spooled
from svc_payments.reconciliation.statements.layouts import OF_CHANNELS, OF_PROVIDERS, Layout, alipay, sandbox, wechat
from svc_payments.reconciliation.statements.models import LineState, Movement
from svc_payments.reconciliation.statements.parser import Expected, Line, check_totals
from svc_payments.reconciliation.statements.refusals import (
    StatementMalformed,
    StatementOfOtherDay,
    StatementOfOtherMerchant,
    StatementTotalsDiffer,
    StatementTruncated,
)

DAY = date(2026, 10, 1)
ORDER, REFUND = "0190a1b2c3d4e5f60190a1b2c3d4e5f6", "0190ffffc3d4e5f60190a1b2c3d4e5f6"
WECHAT, ALIPAY = OF_CHANNELS["wechat"], OF_CHANNELS["alipay"]


async def read(layout: Layout, raw: bytes, merchant_id: str | None = None) -> list[Line]:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(raw), 1000):
            yield raw[start : start + 1000]

    async with spooled(pieces()) as file:
        return list(layout.read(lines_of(file, layout), Expected(DAY, merchant_id)))


def wechat_row(
    state: str = "SUCCESS",
    *,
    at: str = "2026-10-01 08:00:00",
    goods: str = "我的伊犁 生活缴费",
    refund_state: str = "SUCCESS",
) -> str:
    paid, back = ("41.40", "0.00") if state == "SUCCESS" else ("0.00", "10.00")
    refund = (
        ("0", "0", back, "0.00", "", "")
        if state == "SUCCESS"
        else ("5030", REFUND, back, "0.00", "ORIGINAL", refund_state)
    )
    fee = "0.24840" if state == "SUCCESS" else "-0.06000"
    values = (at, "wx8888888888888888", "1900000001", "0", "", "4200000001", ORDER, "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")
    rest = ("JSAPI", state, "OTHERS", "CNY", paid, "0.00", *refund, goods, "", fee, "0.60%", paid, back, "")
    return ",".join(f"`{value}" for value in (*values, *rest))


def wechat_bill(*rows: str, summary: str = "`2,`41.40,`10.00,`0.00,`0.18840,`41.40,`10.00") -> bytes:
    return ("\ufeff" + "\r\n".join([wechat.HEADER, *rows, wechat.SUMMARY, summary, ""])).encode()


async def test_the_wechat_bill_has_27_columns_with_payments_and_refunds() -> None:
    assert len(wechat.HEADER.split(",")) == 27
    paid, back = await read(WECHAT, wechat_bill(wechat_row(), wechat_row("REFUND", at="2026-10-01 09:30:00")))
    assert paid == Line(
        2, Movement.PAYMENT, ORDER, "4200000001", 4140, 24840, LineState.DONE, "2026-10-01T08:00:00+08:00", ""
    )
    assert back == Line(
        3, Movement.REFUND, REFUND, "", -1000, -6000, LineState.DONE, "2026-10-01T09:30:00+08:00", "5030"
    )


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ("SUCCESS", LineState.DONE),
        ("PROCESSING", LineState.ACCEPTED),
        ("CHANGE", LineState.ACCEPTED),
        ("FAIL", LineState.FAILED),
        ("REFUNDCLOSE", LineState.FAILED),
    ],
)
@pytest.mark.parametrize("trade", ["REFUND", "REVOKED"])
async def test_the_total_of_refunds_has_those_whose_money_left(trade: str, stated: str, kept: LineState) -> None:
    out = "0.00" if kept == LineState.FAILED else "10.00"
    summary = f"`2,`41.40,`{out},`0.00,`0.18840,`41.40,`10.00"
    rows = wechat_row(), wechat_row(trade, refund_state=stated)
    _, back = await read(WECHAT, wechat_bill(*rows, summary=summary))
    assert (back.state, back.amount_fen, back.moved_fen) == (kept, -1000, 0 if kept == LineState.FAILED else -1000)
    other = "10.00" if kept == LineState.FAILED else "0.00"
    with pytest.raises(StatementTotalsDiffer):
        await read(WECHAT, wechat_bill(*rows, summary=summary.replace(f"`{out},`0.00", f"`{other},`0.00")))


@pytest.mark.parametrize("stated", ["WHATEVER", "success", "", "SUCCESS1"])
async def test_a_refund_state_that_nobody_knows_is_refused_with_its_row(stated: str) -> None:
    with pytest.raises(StatementMalformed) as refused:
        await read(WECHAT, wechat_bill(wechat_row(), wechat_row("REFUND", refund_state=stated)))
    assert refused.value.render("en")["row"] == 3


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ("succeeded", LineState.DONE),
        ("processing", LineState.OPEN),
        ("abnormal", LineState.OPEN),
        ("closed", LineState.FAILED),
    ],
)
async def test_the_sandbox_counts_refunds_that_succeeded(stated: str, kept: LineState) -> None:
    out = 500 if kept == LineState.DONE else 0
    row = f"refund,O1,T1,R1,I1,500,0,{stated},2026-10-01T08:00:00Z"
    bill = f"statement,my-ili,{DAY}\n{sandbox.HEADER}\n{row}\ntotal,1,0,{{}},0\n"
    (line,) = await read(OF_CHANNELS["sandbox"], bill.format(out).encode())
    assert (line.state, line.moved_fen) == (kept, -out)
    with pytest.raises(StatementMalformed):
        await read(OF_CHANNELS["sandbox"], bill.format(out).replace(stated, "whatever").encode())


async def test_a_comma_in_the_goods_name_does_not_split_the_row() -> None:
    lines = await read(WECHAT, wechat_bill(wechat_row(goods="水费,电费"), wechat_row("REFUND")))
    assert [line.amount_fen for line in lines] == [4140, -1000]


async def test_gzip_is_unpacked() -> None:
    assert len(await read(WECHAT, gzip.compress(wechat_bill(wechat_row(), wechat_row("REFUND"))))) == 2


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (wechat_bill(wechat_row()), StatementTotalsDiffer),
        (wechat_bill(wechat_row(), wechat_row("REFUND")).partition("总交易单数".encode())[0], StatementTruncated),
        (wechat_bill(wechat_row(), wechat_row("REFUND"), summary=""), StatementTruncated),
        (wechat_bill(wechat_row(), wechat_row("REFUND", at="2026-10-02 00:00:01")), StatementOfOtherDay),
        (wechat_bill(wechat_row(), wechat_row("NOTPAY")), StatementMalformed),
        (wechat_bill(wechat_row(at="2026-10-01 25:00:00")), StatementMalformed),
        (wechat_bill(wechat_row().replace("`41.40", "`41.405")), StatementMalformed),
        (wechat_bill(wechat_row().replace("`CNY", "`HKD")), StatementMalformed),
        (wechat_bill(wechat_row().rpartition(",`")[0]), StatementMalformed),
        (wechat_bill("交易时间,还有别的"), StatementMalformed),
        ("没有表头\n".encode(), StatementMalformed),
        (wechat_bill(wechat_row()).replace("缴费".encode(), b"\xff\xfe"), UndecodableBytes),
        (gzip.compress(wechat_bill(wechat_row(), wechat_row("REFUND")))[:-20], GzipBroken),
    ],
    ids=[
        "a_line_is_missing",
        "cut_before_the_totals",
        "cut_within_the_totals",
        "another_day",
        "unknown_state",
        "no_time",
        "half_a_fen",
        "another_currency",
        "a_column_is_missing",
        "another_header",
        "no_header",
        "not_utf_8",
        "cut_gzip",
    ],
)
async def test_an_incomplete_wechat_bill_is_refused(raw: bytes, refusal: type[Problem]) -> None:
    with pytest.raises(refusal):
        await read(WECHAT, raw)


async def test_the_bill_of_another_merchant_is_refused() -> None:
    with pytest.raises(StatementOfOtherMerchant):
        await read(WECHAT, wechat_bill(wechat_row(), wechat_row("REFUND")), "1900000002")


def alipay_row(kind: str = "交易", amount: str = "41.40", fee: str = "-0.25", request: str = "") -> str:
    head = ("2026100122001400000000000001\t", f"{ORDER}\t", kind, "我的伊犁 生活缴费", "2026-10-01 08:00:00")
    tail = ("2026-10-01 08:00:07", "\t", "\t", "\t", "\t", "138******01\t", amount, amount, *["0.00"] * 5, "")
    return ",".join((*head, *tail, "0.00\t", "0.00", f"{request}\t", fee, "0.00", ""))


def alipay_bill(*rows: str, paid: str = "1笔，商家实收共41.40元", back: str = "1笔，商家实收退款共-10.00元") -> bytes:
    lines = [
        "#支付宝业务明细查询",
        "#账号：[20885212319120680156]",
        "#起始日期：[2026年10月01日 00:00:00]   终止日期：[2026年10月02日 00:00:00]",
        "#-----------------------------------------业务明细列表----------------------------------------",
        alipay.HEADER,
        *rows,
        "#-----------------------------------------业务明细列表结束------------------------------------",
        f"#交易合计：{paid}，商家优惠共0.00元",
        f"#退款合计：{back}，商家优惠退款共0.00元",
        "#导出时间：[2026年10月02日 06:27:10]",
    ]
    return "\r\n".join(lines).encode("gb18030")


def zipped(details: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in (("业务明细(汇总).csv", b"#\r\n"), ("业务明细.csv", details)):
            file.writestr(f"20885212319120680156_20261001_{name}", content)
    return archive.getvalue()


TWO_ROWS = (alipay_row(), alipay_row("退款", "-10.00", "0.06", REFUND))


async def test_the_alipay_zip_has_its_details_in_gbk() -> None:
    assert len(alipay.HEADER.split(",")) == 25
    paid, back = await read(ALIPAY, zipped(alipay_bill(*TWO_ROWS)), "2088521231912068")
    assert (paid.number, paid.transaction_id, paid.amount_fen) == (ORDER, "2026100122001400000000000001", 4140)
    assert (paid.fee_millifen, paid.at) == (25000, "2026-10-01T08:00:07+08:00")
    assert (back.movement, back.number, back.transaction_id, back.amount_fen) == (Movement.REFUND, REFUND, "", -1000)
    assert back.fee_millifen == -6000


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (zipped(alipay_bill(TWO_ROWS[0])), StatementTotalsDiffer),
        (zipped(alipay_bill(*TWO_ROWS, paid="1笔，商家实收共41.41元")), StatementTotalsDiffer),
        (zipped(alipay_bill(*TWO_ROWS).partition("#交易合计".encode("gb18030"))[0]), StatementTruncated),
        (zipped(alipay_bill(*TWO_ROWS).partition("#------".encode("gb18030"))[0]), StatementTruncated),
        (
            zipped(alipay_bill(*TWO_ROWS).replace("10月01日".encode("gb18030"), "10月03日".encode("gb18030"), 1)),
            StatementOfOtherDay,
        ),
        (zipped(alipay_bill(*TWO_ROWS))[:-200], ZipBroken),
        (zipped(alipay_bill(*TWO_ROWS)).replace(b".csv", b".txt"), ArchiveUnclear),
    ],
    ids=["a_line_is_missing", "other_sum", "no_totals", "cut", "another_day", "cut_zip", "no_csv"],
)
async def test_an_incomplete_alipay_bill_is_refused(raw: bytes, refusal: type[Problem]) -> None:
    with pytest.raises(refusal):
        await read(ALIPAY, raw)


async def test_an_alipay_bill_saved_by_a_spreadsheet_has_commas_at_its_ends() -> None:
    saved = alipay_bill(*TWO_ROWS).replace(b"\r\n", b",,\r\n")
    assert [line.amount_fen for line in await read(ALIPAY, saved)] == [4140, -1000]


POSTING = "01920000-0000-7000-8000-000000000001"
POSTINGS = f"""posting_id,receipt_number,bill_number,account_number,amount,state,booked_at,reference
{POSTING},,,1000000005,41.40,booked,2026-10-01 08:00:09,R-1
,202610010000000001,B-000002,1000000005,10.00,refused,2026-10-01T00:00:10Z,销账失败
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_a_provider_file_may_use_either_encoding(encoding: str) -> None:
    booked, refused = await read(OF_PROVIDERS, POSTINGS.encode(encoding))
    assert (booked.number, booked.amount_fen, booked.state, booked.reference) == (POSTING, 4140, LineState.DONE, "R-1")
    assert booked.at == "2026-10-01T08:00:09+08:00"
    assert (refused.number, refused.state) == ("202610010000000001/B-000002", LineState.FAILED)
    assert refused.reference == ""  # not a number


@pytest.mark.parametrize(
    ("last", "refusal"),
    [
        ("total,3,51.40", StatementTotalsDiffer),
        ("total,2,51.41", StatementTotalsDiffer),
        ("total,2", StatementTruncated),
    ],
)
async def test_provider_totals_are_checked_when_given(last: str, refusal: type[Problem]) -> None:
    assert len(await read(OF_PROVIDERS, f"{POSTINGS}total,2,51.40\n".encode())) == 2
    with pytest.raises(refusal):
        await read(OF_PROVIDERS, f"{POSTINGS}{last}\n".encode())


async def test_totals_that_differ_are_named_in_yuan() -> None:
    with pytest.raises(StatementTotalsDiffer) as refused:
        await read(OF_PROVIDERS, f"{POSTINGS}total,2,1051.41\n".encode())
    problem = refused.value.render("en")
    assert problem["detail"].startswith("The total amount says ¥1,051.41, but the lines add up to ¥51.40")
    assert (problem["total"], problem["stated"], problem["counted"]) == ("amount_fen", 105_141, 5_140)
    with pytest.raises(StatementTotalsDiffer) as refused:
        await read(OF_PROVIDERS, f"{POSTINGS}total,3,51.40\n".encode())
    assert "The total lines says 3, but the lines add up to 2" in refused.value.render("en")["detail"]


@pytest.mark.parametrize(("stated", "counted"), [({"fee_millifen": 24_840}, "¥0.24839"), ({"in_fen": 1}, "¥0.00")])
def test_a_total_shows_every_decimal_that_it_is_compared_by(stated: dict[str, int], counted: str) -> None:
    with pytest.raises(StatementTotalsDiffer) as refused:
        check_totals(stated, {"fee_millifen": 24_839, "in_fen": 0})
    assert refused.value.values["counted_text"] == counted


@pytest.mark.parametrize(
    "change",
    [("41.40", "-41.40"), ("booked,", "paid,"), (POSTING, "not-an-id"), ("B-000002", ""), ("08:00:09", "8 o'clock")],
)
async def test_an_invalid_provider_line_is_refused(change: tuple[str, str]) -> None:
    with pytest.raises(StatementMalformed):
        await read(OF_PROVIDERS, POSTINGS.replace(*change, 1).encode())
