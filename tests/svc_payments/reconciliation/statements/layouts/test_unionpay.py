"""UnionPay's daily file: fixed-width columns in GBK, and amounts with a debit or credit letter."""

import io
import zipfile
from collections.abc import AsyncIterator
from datetime import date

import pytest

from chassis.problems import Problem
from kit.files.refusals import ArchiveUnclear, ZipBroken
from svc_payments.channels.calls import NotUnderstood
from svc_payments.channels.provider import NoStatement, StatementChannel
from svc_payments.channels.registry import open_channels
from svc_payments.reconciliation.statements.downloads import merchant_of
from svc_payments.reconciliation.statements.files import lines_of, spooled
from svc_payments.reconciliation.statements.layouts import OF_CHANNELS
from svc_payments.reconciliation.statements.layouts.unionpay import WIDTHS
from svc_payments.reconciliation.statements.models import LineState, Movement
from svc_payments.reconciliation.statements.parser import Expected, Line
from svc_payments.reconciliation.statements.refusals import (
    StatementMalformed,
    StatementOfOtherDay,
    StatementOfOtherMerchant,
)
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.doubles.unionpay import MERCHANT, UnionpayDouble, written
from tests.svc_payments.channels.rigs.registry import running
from tests.svc_payments.channels.rigs.unionpay import UnionpayRig

DAY = date(2026, 10, 1)
ORDER, REFUND = "0190a1b2c3d4e5f60190a1b2c3d4e5f6", "0190ffffc3d4e5f60190a1b2c3d4e5f6"
QUERY, BACK = "261001080007123456789", "261001093000123456789"
PAID = {7: "000000004140", 10: QUERY, 12: ORDER, 16: "D000000000025", 17: "C000000004115", 20: "01"}
REFUNDED = {7: "000000001000", 10: BACK, 12: REFUND, 16: "C000000000006", 17: "D000000000994", 20: "04", 27: QUERY}


def row(columns: dict[int, str], **more: str) -> str:
    """A line; columns not given are blank. Column numbers are those of the specification, from 1."""
    usual = {1: "S22", 4: "123456", 5: "1001080007", 28: MERCHANT, 31: "伊犁某水务公司", 35: "生活缴费"}
    values = usual | columns | {int(name[1:]): value for name, value in more.items()}
    cut = [values.get(place, "").encode("gbk").ljust(width) for place, width in enumerate(WIDTHS, 1)]
    assert [len(column) for column in cut] == list(WIDTHS)
    return b" ".join(cut).decode("gbk")


def zipped(*rows: str, name: str = f"INN26100188ZM_{MERCHANT}") -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        # Disputes are in a file of their own, and sums in another.
        file.writestr(f"INN26100188ZME_{MERCHANT}", "E74 not of this layout\r\n")
        file.writestr(name, "".join(f"{each}\r\n" for each in rows).encode("gbk"))
    return archive.getvalue()


async def read(raw: bytes, merchant_id: str | None = MERCHANT, day: date = DAY) -> list[Line]:
    async def pieces() -> AsyncIterator[bytes]:
        yield raw

    layout = OF_CHANNELS[ChannelName.UNIONPAY]
    async with spooled(pieces()) as file:
        return list(layout.read(lines_of(file, layout), Expected(day, merchant_id)))


async def test_the_zip_has_payments_and_refunds_with_their_fees() -> None:
    paid, back = await read(zipped(row(PAID), row(REFUNDED, _5="1001093000")))
    assert paid == Line(
        1, Movement.PAYMENT, ORDER, QUERY, 4140, 25_000, LineState.DONE, "2026-10-01T08:00:07+08:00", ""
    )
    assert back == Line(
        2, Movement.REFUND, REFUND, "", -1000, -6_000, LineState.DONE, "2026-10-01T09:30:00+08:00", BACK
    )


async def test_a_reversal_on_the_same_day_is_a_refund() -> None:
    (line,) = await read(zipped(row(REFUNDED, _20="31")))
    assert (line.movement, line.amount_fen) == (Movement.REFUND, -1000)


async def test_a_bare_file_without_trailing_blanks_is_read() -> None:
    """Text editors strip the blanks that pad the last columns."""
    text = "\n".join((row(PAID).rstrip(), row(REFUNDED)[:500], ""))
    assert [line.number for line in await read(text.encode("gbk"))] == [ORDER, REFUND]


async def test_a_day_begins_in_the_evening_before_even_at_new_year() -> None:
    (line,) = await read(zipped(row(PAID, _5="1231233000")), day=date(2027, 1, 1))
    assert line.at == "2026-12-31T23:30:00+08:00"


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (zipped(row(PAID, _5="1002080007")), StatementOfOtherDay),
        (zipped(row(PAID, _5="0929230000")), StatementOfOtherDay),
        (zipped(row(PAID, _28="898650149000002")), StatementOfOtherMerchant),
        (zipped(row(PAID, _5="1001250000")), StatementMalformed),
        (zipped(row(PAID, _20="02")), StatementMalformed),
        (zipped(row(PAID, _7="000000004141")), StatementMalformed),
        (zipped(row(PAID, _16="C000000000025")), StatementMalformed),
        (zipped(row(PAID, _16="X000000000025")), StatementMalformed),
        (zipped(row(PAID, _7="-00000004140")), StatementMalformed),
        (zipped(row(PAID, _12="")), StatementMalformed),
        (zipped(row(PAID).replace(f" {ORDER}", f"x{ORDER}")), StatementMalformed),
        (zipped(row(PAID)[:300]), StatementMalformed),
        (zipped(row(PAID), name="INN26100188ZMS"), ArchiveUnclear),
        (zipped(row(PAID))[:-60], ZipBroken),
    ],
    ids=[
        "another_day",
        "long_before",
        "another_merchant",
        "no_time",
        "no_kind_we_know",
        "sums_differ",
        "fee_that_comes",
        "no_letter",
        "a_sign",
        "no_number",
        "columns_moved",
        "cut_line",
        "no_file_of_transactions",
        "cut_zip",
    ],
)
async def test_a_faulty_file_is_refused(raw: bytes, refusal: type[Problem]) -> None:
    with pytest.raises(refusal):
        await read(raw)


async def fetched(settings: Settings, rig: UnionpayRig) -> bytes:
    async with open_channels(settings.model_copy(update={"unionpay": rig.settings})) as channels:
        channel = channels[ChannelName.UNIONPAY]
        assert isinstance(channel, StatementChannel)
        return b"".join([part async for part in channel.statement(DAY)])


async def test_the_file_is_fetched_from_a_signed_compressed_answer(settings: Settings) -> None:
    rig = UnionpayRig(UnionpayDouble())
    async with running(rig):
        with pytest.raises(NoStatement):
            await fetched(settings, rig)
        many = zipped(*(row(PAID, _12=f"{number:032}", _10=f"{number:021}") for number in range(2_000)))
        rig.double.files["1001"] = many
        assert await fetched(settings, rig) == many
        assert len(await read(many)) == 2_000
        ours = settings.model_copy(update={"unionpay": rig.settings})
        assert merchant_of(ChannelName.UNIONPAY, ours) == MERCHANT


@pytest.mark.parametrize(
    "change", [{"settleDate": "1002"}, {"merId": "898650149000002"}, {"fileContent": "eJw="}, {"fileContent": "%"}]
)
async def test_a_missing_or_different_file_is_refused(settings: Settings, change: dict[str, str]) -> None:
    rig = UnionpayRig(UnionpayDouble(files={"1001": zipped(row(PAID))}))
    rig.double.forge = lambda fields: written(rig.double.sign({**fields, **change}))
    async with running(rig):
        with pytest.raises(NotUnderstood):
            await fetched(settings, rig)
