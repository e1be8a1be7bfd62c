"""Alipay's own ways: orders that come into being when they are opened, keys that change, notices of every kind."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select, update

from chassis.db import CHINA, Database, new_id, now
from chassis.outside import NoAnswer
from chassis.problems import Problem
from chassis.testing import client_of, once
from deploy.local.programs import free_port
from svc_payments.app import create_app
from svc_payments.bills.models import Bill
from svc_payments.channels.alipay.client import AlipayChannel
from svc_payments.channels.alipay.messages import yuan_of
from svc_payments.channels.alipay.notices import REPEATED_FOR
from svc_payments.channels.models import Nonce
from svc_payments.channels.notices import NothingNew, NoticeMalformed, NoticeNotAuthentic, PaidNotice, RefundNotice
from svc_payments.channels.provider import (
    Absent,
    ChannelName,
    NoStatement,
    Order,
    Paid,
    RefundAbsent,
    Refunded,
    Refunding,
    RefundOrder,
    RefundRefused,
    Refused,
    Unclear,
    Waiting,
)
from svc_payments.channels.registry import open_channels
from svc_payments.channels.service import forget_nonces, take_notice
from svc_payments.payments.models import Attempt, Payment
from svc_payments.reconciliation.work import work_off
from svc_payments.refunds.models import Refund
from svc_payments.settings import Settings
from svc_payments.statements.fetching import fetch
from svc_payments.statements.service import today
from tests.svc_payments.channels.doubles.alipay import (
    APP,
    SELLER,
    AlipayDouble,
    Told,
    moment_text,
    signature,
)
from tests.svc_payments.channels.doubles.parties import key_of, public_pem
from tests.svc_payments.world import World, served

NOTICES = "/payments/v1/channels/alipay/notices"
METHODS = ["precreate", "page", "wap", "app"]


@pytest_asyncio.fixture
async def alipay() -> AsyncIterator[AlipayDouble]:
    double, port = AlipayDouble(), free_port()
    double.base_url = f"http://127.0.0.1:{port}"
    async with served(double.app(), port):
        yield double


@pytest.fixture
def settings(settings: Settings, alipay: AlipayDouble) -> Settings:
    return settings.model_copy(update={"alipay": alipay.settings(alipay.base_url)})


@pytest_asyncio.fixture
async def channel(settings: Settings) -> AsyncIterator[AlipayChannel]:
    async with open_channels(settings) as channels:
        found = channels[ChannelName.ALIPAY]
        assert isinstance(found, AlipayChannel)
        yield found


@pytest_asyncio.fixture
async def rotated(settings: Settings, alipay: AlipayDouble) -> AsyncIterator[AlipayChannel]:
    """The channel after Alipay's key was changed, with the old one still set."""
    both = alipay.settings(
        alipay.base_url, public_key=public_pem(key_of("Alipay's next")), former_public_key=public_pem(alipay.key)
    )
    async with open_channels(settings.model_copy(update={"alipay": both})) as channels:
        found = channels[ChannelName.ALIPAY]
        assert isinstance(found, AlipayChannel)
        yield found


def order_of(method: str | None = "precreate", minutes: float = 5, amount_fen: int = 4140) -> Order:
    return Order(new_id().hex, amount_fen, now() + timedelta(minutes=minutes), method)


async def opened(channel: AlipayChannel, alipay: AlipayDouble, order: Order | None = None) -> Order:
    order = order or order_of()
    answer = await channel.place(order)
    assert isinstance(answer, Waiting), answer
    alipay.follow(answer.pay_url, answer.pay_parameters)
    return order


async def paid(channel: AlipayChannel, alipay: AlipayDouble) -> tuple[Order, str]:
    order = await opened(channel, alipay)
    return order, alipay.pay(order.number)["trade_no"]


def refund_of(order: Order, transaction_id: str, amount_fen: int) -> RefundOrder:
    return RefundOrder(new_id().hex, order.number, transaction_id, amount_fen, order.amount_fen)


# Orders.


@pytest.mark.parametrize("method", METHODS)
async def test_an_order_comes_into_being_when_its_payer_opens_it(
    channel: AlipayChannel, alipay: AlipayDouble, method: str
) -> None:
    order = order_of(method)
    answer = await channel.place(order)
    assert isinstance(answer, Waiting)
    assert await channel.query(order) == Absent()
    assert await channel.close(order) == Absent()
    alipay.follow(answer.pay_url, answer.pay_parameters)
    assert await channel.query(order) == Waiting()
    alipay.pay(order.number)
    found = await channel.query(order)
    assert isinstance(found, Paid)
    assert (found.merchant_id, found.amount_fen, found.currency) == (SELLER, 4140, "CNY")


@pytest.mark.parametrize("method", ["page", "wap"])
async def test_a_page_to_open_is_signed_here_and_ends_at_the_orders_time(
    settings: Settings, alipay: AlipayDouble, method: str
) -> None:
    back = alipay.settings(alipay.base_url, return_url="https://app.test/paid")
    order = order_of(method)
    async with open_channels(settings.model_copy(update={"alipay": back})) as channels:
        answer = await channels[ChannelName.ALIPAY].place(order)
    assert isinstance(answer, Waiting)
    assert answer.pay_url
    said = parse_qs(urlsplit(answer.pay_url).query)
    assert said["return_url"] == ["https://app.test/paid"]
    assert moment_text(order.expires_at) in said["biz_content"][0]
    assert alipay.requests == []


async def test_an_order_that_is_open_at_the_payers_is_not_placed_again_nor_given_up(
    world: World, alipay: AlipayDouble
) -> None:
    person, payment_id = await confirmed(world, "page")
    async with world.orders() as orders:
        await due(world)
        await orders.ask_due()
        assert await world.status(person, payment_id) == "pending"
        assert (await world.act(person, payment_id, "cancel")).json()["status"] == "pending"
        await due(world, over=True)
        await orders.ask_due()
    assert await world.status(person, payment_id) == "expired"
    assert {method for method, _ in alipay.requests} == {"alipay.trade.query", "alipay.trade.close"}


async def confirmed(world: World, method: str) -> tuple[Any, str]:
    person = new_id()
    bill = await world.bill(person)
    body = {"bill_ids": [str(bill)], "channel": "alipay"}
    headers = world.tokens.resident(person)
    answer = await world.api.post("/payments/v1/payments", json=body, headers=headers | once())
    payment_id = answer.json()["payment_id"]
    url = f"/payments/v1/payments/{payment_id}/confirm"
    answer = await world.api.post(url, json={"method": method}, headers=headers)
    assert answer.json()["status"] == "pending", answer.text
    return person, payment_id


async def due(world: World, *, over: bool = False) -> None:
    async with world.database.transaction() as tx:
        await tx.execute(update(Attempt).values(ask_at=now()))
        if over:
            await tx.execute(update(Payment).values(expires_at=now()))


@pytest.mark.parametrize(
    ("code", "sub_code", "kind"),
    [
        ("40004", "ACQ.INVALID_PARAMETER", Refused),
        ("40004", "ACQ.TOTAL_FEE_EXCEED", Refused),
        ("40004", "ACQ.TRADE_HAS_CLOSE", Absent),
        ("40004", "ACQ.SYSTEM_ERROR", Unclear),
        ("40002", "isv.invalid-signature", Unclear),
        ("40006", "isv.insufficient-isv-permissions", Unclear),
        ("20000", "aop.unknow-error", Unclear),
    ],
)
async def test_only_words_about_its_content_end_an_order(
    channel: AlipayChannel, alipay: AlipayDouble, code: str, sub_code: str, kind: type
) -> None:
    alipay.faults.append(("precreate", code, sub_code))
    assert isinstance(await channel.place(order_of()), kind)


async def test_an_order_refused_because_it_is_there_already_is_what_it_is(
    channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order, transaction_id = await paid(channel, alipay)
    answer = await channel.place(order)
    assert isinstance(answer, Paid)
    assert answer.transaction_id == transaction_id


async def test_an_order_given_back_in_the_console_is_neither_paid_nor_unpaid(
    channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order, _ = await paid(channel, alipay)
    alipay.refund_in_console(order.number, "41.40")
    assert await channel.query(order) == Unclear("refunded_elsewhere")


async def test_money_is_counted_in_whole_fen_and_times_are_beijings(
    channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order = await opened(channel, alipay, order_of(amount_fen=123_456_789))
    alipay.pay(order.number)
    alipay.trades[order.number]["gmt_payment"] = "2026-03-01 00:30:00"
    answer = await channel.query(order)
    assert isinstance(answer, Paid)
    assert answer.amount_fen == 123_456_789
    assert answer.paid_at == datetime(2026, 3, 1, 0, 30, tzinfo=CHINA)
    assert [yuan_of(fen) for fen in (1, 10, 100, 29, 1_234_567)] == ["0.01", "0.10", "1.00", "0.29", "12345.67"]


@pytest.mark.parametrize("amount", ["41.404", "1e2", "-1.00", "0.00", "41,40", "４１.40", "NaN", ""])
async def test_what_is_no_amount_in_yuan_is_no_answer(
    channel: AlipayChannel, alipay: AlipayDouble, amount: str
) -> None:
    order, _ = await paid(channel, alipay)
    alipay.trades[order.number]["total_amount"] = amount
    assert await channel.query(order) == Unclear("answer_malformed")


# Answers.


MANGLED = {
    "cut": lambda body: body[:-40],
    "unsigned": lambda body: body.partition(b',"sign"')[0] + b"}",
    "empty": lambda _: b"",
    "another_word": lambda body: body.replace(b"TRADE_SUCCESS", b"TRADE_FINISHE"),
    "written_again": lambda body: body.replace(rb"\"", rb"\u0022"),
    "further_member": lambda body: b'{"error_response":{"code":"10000"},' + body[1:],
    "another_interface": lambda body: body.replace(b"trade_query", b"trade_close", 1),
    "a_page": lambda _: b"<html><body>502</body></html>",
    "deep": lambda _: b'{"alipay_trade_query_response":' + b"{" * 30_000,
}


@pytest.mark.parametrize("how", sorted(MANGLED))
async def test_an_answer_that_is_not_whole_as_it_was_signed_is_none(
    channel: AlipayChannel, alipay: AlipayDouble, how: str
) -> None:
    order, _ = await paid(channel, alipay)
    alipay.mangle = MANGLED[how]
    assert isinstance(await channel.query(order), Unclear)
    alipay.mangle = None
    assert isinstance(await channel.query(order), Paid)


async def test_an_answer_is_verified_as_the_bytes_it_came_in(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    """Written otherwise than any parser would: spaces, escapes, brackets within texts, the certificate's number."""
    order, _ = await paid(channel, alipay)

    def spaced(member: bytes, _: str) -> tuple[bytes, str]:
        loose = member.replace(b'","', b'" ,\n "')
        return loose, signature(alipay.key, loose)

    alipay.forge = spaced
    alipay.mangle = lambda body: body.replace(b',"sign"', b' , "alipay_cert_sn" : "a5b59edf65dc" ,\r\n"sign"')
    assert isinstance(await channel.query(order), Paid)


async def test_an_answer_about_another_order_played_again_is_none(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid(channel, alipay)
    kept: list[bytes] = []

    def keep(body: bytes) -> bytes:
        kept.append(body)
        return body

    alipay.mangle = keep
    await channel.query(order)
    another = await opened(channel, alipay)
    alipay.mangle = lambda _: kept[0]
    assert await channel.query(another) == Unclear("other_order")


# Keys.


async def test_while_alipays_key_changes_both_are_good(rotated: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid(rotated, alipay)
    repeated = alipay.notice(order.number)
    alipay.key = key_of("Alipay's next")
    assert isinstance(await rotated.query(order), Paid)
    assert isinstance(await read(rotated, alipay.notice(order.number)), PaidNotice)
    assert isinstance(await read(rotated, repeated), PaidNotice)
    with pytest.raises(NoticeNotAuthentic):
        await read(rotated, alipay.notice(order.number, sign_with=key_of("Somebody")))


async def test_a_key_that_is_no_longer_set_is_not_good_any_more(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid(channel, alipay)
    alipay.key = key_of("Alipay's next")
    assert isinstance(await channel.query(order), Unclear)
    with pytest.raises(NoticeNotAuthentic):
        await read(channel, alipay.notice(order.number))


async def test_alipay_refuses_what_another_application_signed(settings: Settings, alipay: AlipayDouble) -> None:
    async with open_channels(settings) as channels:
        alipay.app_key = key_of("Another Application")
        assert await channels[ChannelName.ALIPAY].query(order_of()) == Unclear("40002_isv.invalid-signature")


# Notices.


async def read(channel: AlipayChannel, told: Told) -> PaidNotice | RefundNotice | NothingNew:
    return await channel.read_notice(told[1], told[0])


def replaced(told: Told, **changes: str) -> Told:
    """A notice with parameters changed, and its signature as it was."""
    return urlencode({**dict(parse_qsl(told[0].decode())), **changes}).encode(), told[1]


@pytest.mark.parametrize("charset", ["utf-8", "GBK", "gb2312"])
async def test_a_notice_is_verified_in_its_own_charset(
    channel: AlipayChannel, alipay: AlipayDouble, charset: str
) -> None:
    order, transaction_id = await paid(channel, alipay)
    alipay.charset = charset
    notice = await read(channel, alipay.notice(order.number))
    assert isinstance(notice, PaidNotice)
    assert (notice.order_number, notice.paid.transaction_id) == (order.number, transaction_id)
    assert (notice.paid.merchant_id, notice.paid.amount_fen) == (SELLER, 4140)
    assert abs(notice.paid.paid_at - now()) < timedelta(seconds=10)


async def test_empty_and_new_parameters_are_signed_as_well(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid(channel, alipay)
    told = dict(parse_qsl(alipay.notice(order.number)[0].decode())) | {"passback_params": "", "merchant_app_id": APP}
    del told["sign"], told["sign_type"]
    text = "&".join(f"{name}={told[name]}" for name in sorted(told)).encode()
    raw = urlencode({**told, "sign_type": "RSA2", "sign": signature(alipay.key, text)}).encode()
    assert isinstance(await read(channel, (raw, {})), PaidNotice)


async def test_a_notice_that_is_not_alipays_is_refused(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid(channel, alipay)
    told = alipay.notice(order.number)
    other = dict(parse_qsl(alipay.notice(order.number)[0].decode()))
    wrong = {
        "unsigned": replaced(told, sign=""),
        "by another key": alipay.notice(order.number, sign_with=key_of("Somebody")),
        "another notice's signature": replaced(told, sign=other["sign"]),
        "another amount": replaced(told, total_amount="41.41"),
        "a further parameter": replaced(told, further="1"),
        "the older algorithm": replaced(told, sign_type="RSA"),
        "no base64": replaced(told, sign="%%%"),
        "a parameter twice": (told[0] + b"&total_amount=0.01", told[1]),
        "empty": (b"", {}),
        "no form": (b'{"trade_status": "TRADE_SUCCESS"}', {}),
    }
    for what, notice in wrong.items():
        with pytest.raises(NoticeNotAuthentic):
            pytest.fail(f"{what}: {await read(channel, notice)}")
    assert isinstance(await read(channel, told), PaidNotice)


async def test_a_parameter_hidden_in_the_one_before_it_is_found(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    """Signed text does not tell `a=1` and `b=2` from `a=1&b=2`: a refund must not be made to look like a payment."""
    order, transaction_id = await paid(channel, alipay)
    refund = refund_of(order, transaction_id, 1000)
    await channel.refund(refund)
    said = dict(parse_qsl(alipay.refund_notice(order.number, refund.number)[0].decode()))
    gmt_refund = said.pop("gmt_refund")
    said["gmt_payment"] += f"&gmt_refund={gmt_refund}"
    with pytest.raises(NoticeNotAuthentic) as refusal:
        await read(channel, (urlencode(said).encode(), {}))
    assert refusal.value.values["reason"] == "parameters_malformed"


@pytest.mark.parametrize(
    ("age", "taken"),
    [
        (timedelta(), True),
        (REPEATED_FOR, True),
        (REPEATED_FOR + timedelta(minutes=10), False),
        (timedelta(minutes=-10), False),
    ],
)
async def test_a_notice_is_believed_for_as_long_as_alipay_repeats_it(
    channel: AlipayChannel, alipay: AlipayDouble, age: timedelta, *, taken: bool
) -> None:
    order, _ = await paid(channel, alipay)
    told = alipay.notice(order.number, notify_time=moment_text(now() - age))
    if taken:
        assert isinstance(await read(channel, told), PaidNotice)
        return
    with pytest.raises(NoticeNotAuthentic) as refusal:
        await read(channel, told)
    assert refusal.value.values["reason"] == "clock_skew"


@pytest.mark.parametrize(
    "changes",
    [
        {"total_amount": "41.4.0"},
        {"total_amount": "0.00"},
        {"trade_status": "TRADE_LOST"},
        {"gmt_payment": None},
        {"gmt_payment": "yesterday"},
        {"gmt_payment": "2026-02-30 10:00:00"},
        {"gmt_payment": "2019-12-31 10:00:00"},
        {"notify_id": None},
        {"out_trade_no": "我的"},
        {"trade_no": "a b"},
    ],
)
async def test_a_notice_that_makes_no_sense_is_malformed(
    channel: AlipayChannel, alipay: AlipayDouble, changes: dict[str, Any]
) -> None:
    order, _ = await paid(channel, alipay)
    with pytest.raises(NoticeMalformed):
        await read(channel, alipay.notice(order.number, **changes))


async def test_notices_of_a_trade_in_every_state(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order = await opened(channel, alipay)
    assert isinstance(await read(channel, alipay.notice(order.number)), NothingNew)
    transaction_id = alipay.pay(order.number)["trade_no"]
    refund = refund_of(order, transaction_id, 4140)
    assert isinstance(await read(channel, alipay.notice(order.number, refund_fee="0.00")), PaidNotice)
    finished = alipay.notice(order.number, trade_status="TRADE_FINISHED")
    assert isinstance(await read(channel, finished), PaidNotice)
    await channel.refund(refund)
    told = await read(channel, alipay.refund_notice(order.number, refund.number))
    assert isinstance(told, RefundNotice)
    assert (told.merchant_id, told.refund_number, told.answer) == (SELLER, refund.number, Refunding())
    unpaid = await opened(channel, alipay)
    await channel.close(unpaid)
    assert isinstance(await read(channel, alipay.notice(unpaid.number)), NothingNew)


# Notices at the door.


async def notify(world: World, told: Told) -> httpx.Response:
    return await world.api.post(NOTICES, content=told[0], headers=told[1])


async def told_of(world: World, alipay: AlipayDouble, person_payment: tuple[Any, str]) -> str:
    """The number of a payment's order, opened and paid."""
    answer = (await world.get(*person_payment)).json()
    number = alipay.follow(answer["pay_url"], answer["pay_parameters"])
    alipay.pay(number)
    return number


@pytest.mark.parametrize("method", METHODS)
async def test_a_payment_by_each_method_is_captured_and_alipay_hears_success(
    world: World, alipay: AlipayDouble, method: str
) -> None:
    payment = await confirmed(world, method)
    answer = await notify(world, alipay.notice(await told_of(world, alipay, payment)))
    assert (answer.status_code, answer.text) == (200, "success")
    assert answer.headers["content-type"].startswith("text/plain")
    assert await world.trail(payment[1]) == ["created", "pending", "captured"]


async def test_without_its_settings_the_channel_has_no_door(world: World, settings: Settings) -> None:
    async with client_of(create_app(settings.model_copy(update={"alipay": None}))) as api:
        answer = await api.post(NOTICES, content=b"sign=1")
    assert (answer.status_code, answer.text) == (404, "fail")


@pytest.mark.parametrize("state", ["WAIT_BUYER_PAY", "TRADE_SUCCESS", "TRADE_CLOSED"])
@pytest.mark.parametrize("changes", [{"app_id": "2021000000000002"}, {"seller_id": "2088521231912069"}])
async def test_a_notice_by_the_right_key_for_another_application_or_seller_is_refused(
    world: World, alipay: AlipayDouble, changes: dict[str, Any], state: str
) -> None:
    payment = await confirmed(world, "page")
    number = await told_of(world, alipay, payment)
    answer = await notify(world, alipay.notice(number, trade_status=state, **changes))
    assert (answer.status_code, answer.text) == (403, "fail")
    assert await world.incidents() == ["other_merchant"]
    assert await world.trail(payment[1]) == ["created", "pending"]


async def test_a_notice_told_again_is_welcome_and_its_id_with_other_content_is_not(
    world: World, alipay: AlipayDouble
) -> None:
    payment = await confirmed(world, "page")
    number = await told_of(world, alipay, payment)
    first = alipay.notice(number, notify_id="n1", notify_time=moment_text(now() - timedelta(minutes=4)))
    again = alipay.notice(number, notify_id="n1")
    answers = await asyncio.gather(*(notify(world, told) for told in (first, again, first)))
    assert [answer.text for answer in answers] == ["success"] * 3
    other = await notify(world, alipay.notice(number, notify_id="n1", trade_status="TRADE_FINISHED"))
    assert (other.status_code, other.text) == (409, "fail")
    assert await world.trail(payment[1]) == ["created", "pending", "captured"]


async def test_the_ids_of_notices_are_kept_for_as_long_as_they_may_be_repeated(
    database: Database, channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order = await opened(channel, alipay)
    for age, left in ((timedelta(hours=24), 1), (timedelta(hours=26), 0)):
        async with database.transaction() as tx:
            await take_notice(tx, ChannelName.ALIPAY, await read(channel, alipay.notice(order.number)), SELLER)
            await tx.execute(update(Nonce).values(seen_at=now() - age))
            await forget_nonces(tx)
            assert len((await tx.scalars(select(Nonce))).all()) == left


async def test_a_trade_closed_by_its_refund_undoes_nothing_whenever_it_is_told(
    world: World, alipay: AlipayDouble
) -> None:
    payment = await confirmed(world, "page")
    number = await told_of(world, alipay, payment)
    in_time, late = alipay.notice(number), alipay.notice(number)
    alipay.refund_in_console(number, "41.40")
    (request_number,) = alipay.trades[number]["refunds"]
    closed = alipay.refund_notice(number, request_number)
    assert (await notify(world, closed)).text == "success"
    assert await world.trail(payment[1]) == ["created", "pending"]
    for told in (in_time, closed, late, alipay.notice(number)):
        assert (await notify(world, told)).text == "success"
    assert await world.trail(payment[1]) == ["created", "pending", "captured"]
    assert await world.status(*payment) == "captured"


# Refunds.


async def test_a_refund_asked_for_twice_under_its_number_is_one(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, transaction_id = await paid(channel, alipay)
    refund = refund_of(order, transaction_id, 1000)
    answers = await asyncio.gather(*(channel.refund(refund) for _ in range(3)))
    assert list(answers) == [Refunding()] * 3
    further = refund_of(order, transaction_id, 500)
    await channel.refund(further)
    for asked in (refund, further):
        answer = await channel.query_refund(asked)
        assert isinstance(answer, Refunded)
        # Its own, although what Alipay answers to a refund counts both.
        assert (answer.refund_id, answer.amount_fen) == (transaction_id, asked.amount_fen)
        assert abs(answer.refunded_at - now()) < timedelta(seconds=10)
    assert alipay.refunded_fen(alipay.trades[order.number]) == 1500


async def test_a_refunds_number_with_another_amount_gets_what_was_refunded(
    channel: AlipayChannel, alipay: AlipayDouble
) -> None:
    order, transaction_id = await paid(channel, alipay)
    refund = refund_of(order, transaction_id, 1000)
    await channel.refund(refund)
    answer = await channel.refund(RefundOrder(refund.number, order.number, transaction_id, 999, 4140))
    assert isinstance(answer, Refunded)
    assert answer.amount_fen == 1000


@pytest.mark.parametrize(
    ("sub_code", "kind"),
    [
        ("ACQ.TRADE_HAS_FINISHED", RefundRefused),
        ("ACQ.BUYER_ERROR", RefundRefused),
        ("ACQ.SELLER_BALANCE_NOT_ENOUGH", Unclear),
        ("ACQ.SYSTEM_ERROR", Unclear),
    ],
)
async def test_a_refund_waits_for_money_and_better_times_only(
    channel: AlipayChannel, alipay: AlipayDouble, sub_code: str, kind: type
) -> None:
    order, transaction_id = await paid(channel, alipay)
    alipay.faults.append(("trade.refund", "40004", sub_code))
    refund = refund_of(order, transaction_id, 1000)
    assert isinstance(await channel.refund(refund), kind)
    assert await channel.query_refund(refund) == RefundAbsent()


async def test_a_notice_of_a_refund_has_it_asked_for_at_once(world: World, alipay: AlipayDouble) -> None:
    payment = await confirmed(world, "page")
    number = await told_of(world, alipay, payment)
    async with world.database.transaction() as tx:
        # Given up and its bill gone: the money that comes all the same goes back.
        await tx.execute(update(Payment).values(expires_at=now()))
        await tx.execute(update(Attempt).values(ask_at=now()))
    alipay.trades[number] |= {"trade_status": "WAIT_BUYER_PAY"}
    async with world.orders() as orders:
        await orders.ask_due()
    assert await world.status(*payment) == "expired"
    alipay.trades[number] |= {"trade_status": "TRADE_SUCCESS"}
    await _void(world)
    assert (await notify(world, alipay.notice(number))).text == "success"
    async with world.refunds() as refunds:
        await refunds.ask_due()
    (waiting,) = await _refunds(world)
    assert (waiting.status, waiting.ask_at and waiting.ask_at > now()) == ("refunding", True)
    assert (await notify(world, alipay.refund_notice(number, waiting.number))).text == "success"
    async with world.refunds() as refunds:
        assert await refunds.ask_due() == 1
    (done,) = await _refunds(world)
    assert (done.status, done.amount_fen) == ("refunded", 4140)


async def _void(world: World) -> None:
    async with world.database.transaction() as tx:
        await tx.execute(update(Bill).values(status="void"))


async def _refunds(world: World) -> list[Refund]:
    async with world.database.read() as tx:
        return list(await tx.scalars(select(Refund)))


# Bills.


async def test_a_days_bill_is_fetched_and_reconciled(world: World, alipay: AlipayDouble) -> None:
    for method in METHODS:
        payment = await confirmed(world, method)
        assert (await notify(world, alipay.notice(await told_of(world, alipay, payment)))).text == "success"
    async with open_channels(world.settings) as channels:
        channel = channels[ChannelName.ALIPAY]
        assert isinstance(channel, AlipayChannel)
        await fetch(world.database, world.settings, "alipay", channel, today())
    await work_off(world.database, world.settings)
    answer = await world.api.get("/payments/v1/reconciliation-runs", headers=world.tokens.staff("auditor"))
    run = answer.json()["items"][0]
    assert (run["phase"], run["lines"], run["matched"], run["difference_fen"]) == ("finished", 4, 4, 0)


async def test_the_bill_of_another_account_is_refused(world: World, alipay: AlipayDouble) -> None:
    settings = world.settings.model_copy(
        update={"alipay": alipay.settings(alipay.base_url, seller_id="2088521231912069")}
    )
    payment = await confirmed(world, "page")
    await told_of(world, alipay, payment)
    async with open_channels(settings) as channels:
        channel = channels[ChannelName.ALIPAY]
        assert isinstance(channel, AlipayChannel)
        with pytest.raises(Problem) as refusal:
            await fetch(world.database, settings, "alipay", channel, today())
    assert refusal.value.code == "statement_of_other_merchant"


async def test_a_day_without_a_bill_is_told_from_trouble(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    with pytest.raises(NoStatement):
        await anext(channel.statement(today()))
    alipay.faults.append(("bill", "20000", "isp.unknow-error"))
    with pytest.raises(NoAnswer) as refusal:
        await anext(channel.statement(today()))
    assert not isinstance(refusal.value, NoStatement)
