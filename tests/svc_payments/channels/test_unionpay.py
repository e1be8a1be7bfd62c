"""UnionPay: whose signature is believed, and what its codes, forms and times mean."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
import pytest_asyncio
import time_machine
from pydantic import ValidationError

from chassis.db import new_id, now
from svc_payments.channels.notices import NothingNew, NoticeMalformed, NoticeNotAuthentic, PaidNotice, RefundNotice
from svc_payments.channels.provider import (
    Absent,
    Answer,
    ChannelName,
    Closed,
    Order,
    Paid,
    RefundAbsent,
    Refunded,
    Refunding,
    RefundOrder,
    RefundRefused,
    Unclear,
    Waiting,
)
from svc_payments.channels.registry import open_channels
from svc_payments.channels.unionpay.client import UnionpayChannel
from svc_payments.channels.unionpay.signing import of_answer
from svc_payments.channels.unionpay.times import begun_at, beijing, with_year
from svc_payments.settings import Settings
from tests.svc_payments.channels.doubles.parties import Certified, certified, private_pem
from tests.svc_payments.channels.doubles.unionpay import (
    CARD,
    MERCHANT,
    OWNER,
    UnionpayDouble,
    operations,
    root,
    signer,
    strange_signer,
    written,
)
from tests.svc_payments.channels.rigs import UnionpayRig, running

PASSED = now() - timedelta(seconds=5)


def renewed() -> Certified:
    """The authority's certificate after it was renewed with another key."""
    return certified("CFCA OCA1", by=root(), authority=True, key_name="CFCA OCA1, renewed")


OTHERS: dict[str, Callable[[], Certified]] = {
    "of a foreign root": strange_signer,
    "of another owner": lambda: signer("1", owner="Somebody Else"),
    "with a longer name": lambda: signer("2", owner=f"{OWNER}@00016495"),
    "expired": lambda: signer("3", until=PASSED),
    "of an intermediate that is not known": lambda: signer("4", by=renewed()),
    "signed by one that may not sign": lambda: signer("5", by=signer("6")),
    "with the name and more": lambda: certified(f"{OWNER} (friends)", by=operations()),
    "signed by itself": lambda: certified(f"041@8310000000083040@{OWNER}@7"),
}


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[UnionpayRig]:
    rig = UnionpayRig(UnionpayDouble())
    async with running(rig):
        yield rig


@pytest.fixture
def double(rig: UnionpayRig) -> UnionpayDouble:
    return rig.double


@pytest_asyncio.fixture
async def channel(settings: Settings, rig: UnionpayRig) -> AsyncIterator[UnionpayChannel]:
    async with open_channels(settings.model_copy(update={"unionpay": rig.settings})) as channels:
        yield cast(UnionpayChannel, channels[ChannelName.UNIONPAY])


@pytest_asyncio.fixture
async def order(channel: UnionpayChannel, rig: UnionpayRig) -> Order:
    """An order that its payer has brought to the cashier."""
    order = new_order()
    await rig.opened(*await form_of(channel, order))
    return order


def new_order(method: str | None = None) -> Order:
    return Order(new_id().hex, 4140, now() + timedelta(minutes=5), method)


async def form_of(channel: UnionpayChannel, order: Order) -> tuple[str, dict[str, str]]:
    answer = await channel.place(order)
    assert isinstance(answer, Waiting)
    assert answer.pay_url
    assert answer.pay_parameters
    return answer.pay_url, dict(answer.pay_parameters)


class TestForm:
    async def test_it_goes_to_the_gateway_with_all_that_the_cashier_needs(
        self, channel: UnionpayChannel, double: UnionpayDouble
    ) -> None:
        order = new_order()
        url, form = await form_of(channel, order)
        assert url.endswith("/gateway/api/frontTransReq.do")
        assert form["certId"] == str(double.merchant.certificate.serial_number)
        assert (form["txnAmt"], form["currencyCode"], form["merId"]) == ("4140", "156", MERCHANT)
        assert form["payTimeout"] == beijing(order.expires_at - timedelta(minutes=1))

    async def test_it_is_the_same_whenever_it_is_made(self, channel: UnionpayChannel) -> None:
        order = new_order()
        first = await form_of(channel, order)
        with time_machine.travel(now() + timedelta(minutes=3)):
            assert await form_of(channel, order) == first

    @pytest.mark.parametrize(("method", "channel_type"), [(None, "07"), ("web", "07"), ("wap", "08")])
    async def test_phones_get_the_page_for_phones(
        self, channel: UnionpayChannel, method: str | None, channel_type: str
    ) -> None:
        _, form = await form_of(channel, new_order(method))
        assert form["channelType"] == channel_type

    async def test_one_that_was_changed_is_refused_by_the_gateway(
        self, channel: UnionpayChannel, double: UnionpayDouble
    ) -> None:
        url, form = await form_of(channel, new_order())
        async with httpx.AsyncClient(trust_env=False) as browser:
            page = await browser.post(url, data={**form, "txnAmt": "1"})
        assert (page.status_code, page.text) == (400, "<p>11</p>")
        assert not double.transactions

    def test_the_certificate_must_be_the_keys(self, double: UnionpayDouble) -> None:
        with pytest.raises(ValidationError, match="merchant_certificate must be of merchant_key"):
            double.settings("http://127.0.0.1:1", merchant_key=private_pem(root().key))


class TestTime:
    def test_an_orders_time_stands_in_its_number(self) -> None:
        moment = datetime(2026, 12, 31, 16, 30, 5, tzinfo=UTC)
        assert begun_at(f"{int(moment.timestamp() * 1000):012x}{'7' * 20}") == "20270101003005"

    @pytest.mark.parametrize(
        ("said", "begun", "moment"),
        [
            ("1126101500", "20261126101000", "2026-11-26T10:15:00+08:00"),
            ("0101000030", "20261231235900", "2027-01-01T00:00:30+08:00"),
            ("1231235959", "20270101000001", "2026-12-31T23:59:59+08:00"),
            ("0229120000", "20280229115900", "2028-02-29T12:00:00+08:00"),
        ],
    )
    def test_a_time_without_a_year_is_close_to_its_order(self, said: str, begun: str, moment: str) -> None:
        assert with_year(said, begun) == datetime.fromisoformat(moment)

    def test_a_time_that_is_none_is_none(self) -> None:
        assert with_year("1332256199", "20261126101000") is None


class TestOrders:
    async def test_one_whose_form_nobody_has_sent_is_absent_until_its_time_is_over(
        self, channel: UnionpayChannel
    ) -> None:
        order = new_order()
        assert await channel.query(order) == Absent()
        assert await channel.close(order) == Waiting()
        assert await channel.query(replace(order, expires_at=PASSED)) == Closed()

    async def test_one_whose_payer_is_at_the_cashier_waits_until_its_time_is_over(
        self, channel: UnionpayChannel, order: Order
    ) -> None:
        assert await channel.query(order) == Waiting()
        assert await channel.close(order) == Waiting()
        assert await channel.close(replace(order, expires_at=PASSED)) == Closed()

    @pytest.mark.parametrize("code", ["00", "A6"])
    async def test_a_paid_one_has_its_transaction(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, code: str
    ) -> None:
        paid = double.pay(order.number, code)
        answer = await channel.query(order)
        assert isinstance(answer, Paid)
        assert (answer.merchant_id, answer.transaction_id) == (MERCHANT, paid["queryId"])
        assert (answer.amount_fen, answer.currency) == (4140, "CNY")

    async def test_a_refused_card_ends_it_only_with_its_time(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number, "51")
        assert await channel.query(order) == Waiting()
        assert await channel.query(replace(order, expires_at=PASSED)) == Closed()
        double.pay(order.number)
        assert isinstance(await channel.query(order), Paid)

    @pytest.mark.parametrize("code", ["03", "04"])
    async def test_what_unionpay_does_not_know_is_asked_again_also_after_its_time(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, code: str
    ) -> None:
        double.pay(order.number, code)
        assert await channel.query(replace(order, expires_at=PASSED)) == Unclear(f"code_{code}")

    @pytest.mark.parametrize("code", ["03", "04", "05", "06", "37"])
    async def test_a_query_that_failed_says_nothing_of_the_order(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, code: str
    ) -> None:
        double.faults.append(("queryTrans", code))
        assert await channel.query(replace(order, expires_at=PASSED)) == Unclear(f"code_{code}")

    async def test_the_same_number_at_another_time_is_another_order(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        paid = double.pay(order.number)
        double.transactions = {(order.number, "20260101000000"): paid}
        assert await channel.query(order) == Absent()

    @pytest.mark.parametrize(
        "change",
        [
            {"queryId": ""},
            {"txnAmt": ""},
            {"txnAmt": "41.40"},
            {"txnAmt": "4_140"},
            {"currencyCode": ""},
            {"traceTime": ""},
            {"traceTime": "1332256199"},
            {"txnType": "04"},
            {"merId": "898650149000002"},
            {"orderId": "0" * 32},
        ],
    )
    async def test_a_paid_order_without_its_proof_is_not_believed(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, change: dict[str, str]
    ) -> None:
        double.pay(order.number)
        double.forge = lambda fields: written(double.sign({**fields, **change}))
        assert isinstance(await channel.query(order), Unclear)


class TestAnswers:
    @pytest.mark.parametrize("part", [0.0, 0.5, 0.98])
    async def test_one_that_was_cut_is_none(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, part: float
    ) -> None:
        double.pay(order.number)

        def cut(fields: dict[str, str]) -> str:
            whole = written(double.sign(fields))
            return whole[: int(len(whole) * part)]

        double.forge = cut
        assert isinstance(await channel.query(order), Unclear)

    async def test_one_that_is_not_signed_is_none(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.forge = written
        assert await channel.query(order) == Unclear("headers_malformed_00")
        refund = refund_of(order, "1" * 21)
        assert isinstance(await channel.refund(refund), Unclear)

    async def test_a_name_that_comes_twice_is_not_chosen_between(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        double.forge = lambda fields: "txnAmt=1&" + written(double.sign(fields))
        assert await channel.query(order) == Unclear("answer_malformed")

    async def test_our_own_signature_that_was_not_accepted_is_no_word_about_the_order(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.merchant = certified("041@Z2026@Sample Merchant@00000002")
        assert await channel.query(order) == Unclear("headers_malformed_11")

    def test_values_in_brackets_are_not_parted(self) -> None:
        raw = "a=1&customerInfo={x=1&y={z=2&w=3}}&couponInfo=[{k&v}]&respMsg=成功[0000000]&signature=ab+/=="
        assert of_answer(raw.encode()) == {
            "a": "1",
            "customerInfo": "{x=1&y={z=2&w=3}}",
            "couponInfo": "[{k&v}]",
            "respMsg": "成功[0000000]",
            "signature": "ab+/==",
        }


class TestSigners:
    async def query(self, channel: UnionpayChannel, order: Order, double: UnionpayDouble, by: Certified) -> Answer:
        double.signer = by
        return await channel.query(order)

    async def test_the_next_certificate_is_believed_without_being_told_of(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        before = double.told(order.number)
        assert isinstance(await self.query(channel, order, double, signer("00020001")), Paid)
        # While they change, notices signed with the one before are still told again.
        assert isinstance(await channel.read_notice({}, before), PaidNotice)

    @pytest.mark.parametrize("who", sorted(OTHERS))
    async def test_others_are_not(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, who: str
    ) -> None:
        by = OTHERS[who]()
        double.pay(order.number)
        assert await self.query(channel, order, double, by) == Unclear("unknown_key_00")
        with pytest.raises(NoticeNotAuthentic):
            await channel.read_notice({}, double.told(order.number, sign_with=by))

    async def test_an_authority_that_writes_the_name_alone_is_understood(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        assert isinstance(await self.query(channel, order, double, certified(OWNER, by=operations())), Paid)

    async def test_a_certificate_is_good_until_the_date_in_it(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        double.signer = signer("00020002", until=now() + timedelta(hours=1))
        told = double.told(order.number)
        assert isinstance(await channel.read_notice({}, told), PaidNotice)
        with time_machine.travel(now() + timedelta(hours=2)), pytest.raises(NoticeNotAuthentic):
            await channel.read_notice({}, told)

    async def test_the_authority_may_renew_its_own(
        self, settings: Settings, rig: UnionpayRig, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        trusted = root().pem + operations().pem + renewed().pem
        both = rig.settings.model_copy(update={"trusted_certificates": trusted})
        async with open_channels(settings.model_copy(update={"unionpay": both})) as channels:
            for above in (operations(), renewed()):
                double.signer = signer("00020003", by=above)
                assert isinstance(await channels[ChannelName.UNIONPAY].query(order), Paid)

    async def test_an_intermediate_that_our_root_has_not_signed_leads_nowhere(
        self, settings: Settings, rig: UnionpayRig, double: UnionpayDouble, order: Order
    ) -> None:
        strange = certified("CFCA OCA9", by=certified("Somebody's root", authority=True), authority=True)
        trusted = rig.settings.model_copy(update={"trusted_certificates": root().pem + strange.pem})
        double.signer = signer("00020004", by=strange)
        async with open_channels(settings.model_copy(update={"unionpay": trusted})) as channels:
            assert await channels[ChannelName.UNIONPAY].query(order) == Unclear("unknown_key_00")

    @pytest.mark.parametrize("change", [{"signPubKeyCert": ""}, {"signPubKeyCert": "x" * 20_000}, {"signMethod": "11"}])
    async def test_what_is_not_signed_as_agreed_is_not_believed(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, change: dict[str, str]
    ) -> None:
        double.forge = lambda fields: written(double.sign(fields) | change)
        assert isinstance(await channel.query(order), Unclear)


class TestNotices:
    async def test_one_says_what_was_paid_and_not_by_which_card(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        paid = double.pay(order.number)
        raw = double.told(order.number)
        assert CARD in raw.decode()
        notice = await channel.read_notice({}, raw)
        assert isinstance(notice, PaidNotice)
        assert (notice.order_number, notice.paid.transaction_id) == (order.number, paid["queryId"])
        assert CARD not in repr(notice)

    async def test_told_again_by_the_next_certificate_it_is_the_same(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        first = await channel.read_notice({}, double.told(order.number))
        again = await channel.read_notice({}, double.told(order.number, sign_with=signer("00020005")))
        assert again == first

    async def test_our_number_at_another_time_is_no_order_of_ours(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        notice = await channel.read_notice({}, double.told(order.number, txnTime="20260101000000"))
        assert isinstance(notice, PaidNotice)
        assert notice.order_number != order.number

    async def test_a_refused_card_is_nothing_new(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number, "51")
        assert isinstance(await channel.read_notice({}, double.told(order.number)), NothingNew)

    @pytest.mark.parametrize(
        "change",
        [
            {"txnType": "31"},
            {"txnAmt": "0"},
            {"txnAmt": "-4140"},
            {"txnAmt": "9" * 20},
            {"queryId": ""},
            {"traceTime": "0000000000"},
            {"respCode": "0"},
            {"txnTime": "yesterday"},
        ],
    )
    async def test_an_authentic_one_that_makes_no_sense_is_refused(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, change: dict[str, Any]
    ) -> None:
        double.pay(order.number)
        with pytest.raises(NoticeMalformed):
            await channel.read_notice({}, double.told(order.number, **change))

    @pytest.mark.parametrize("raw", [b"", b"&", b"a", b"{}", b"a=1&a=2", b"\xff\xfe", b"a=%ff", b"a=1&" * 4000])
    async def test_what_is_no_form_is_refused(self, channel: UnionpayChannel, raw: bytes) -> None:
        with pytest.raises(NoticeNotAuthentic):
            await channel.read_notice({}, raw)

    async def test_a_name_that_comes_twice_is_not_chosen_between(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        for doubled in (b"txnAmt=1&" + double.told(order.number), double.told(order.number) + b"&txnAmt=1"):
            with pytest.raises(NoticeNotAuthentic):
                await channel.read_notice({}, doubled)

    async def test_fields_that_come_in_time_are_signed_like_the_others(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        raw = double.told(order.number, payCardType="01", couponInfo='[{"discount":"100"}]')
        assert isinstance(await channel.read_notice({}, raw), PaidNotice)
        fields = dict(parse_qsl(raw.decode())) | {"payCardType": "02"}
        with pytest.raises(NoticeNotAuthentic):
            await channel.read_notice({}, urlencode(fields).encode())


def refund_of(order: Order, transaction_id: str, amount_fen: int = 1000) -> RefundOrder:
    return RefundOrder(new_id().hex, order.number, transaction_id, amount_fen, order.amount_fen)


async def test_the_payers_card_is_written_nowhere(
    channel: UnionpayChannel, double: UnionpayDouble, order: Order, capsys: pytest.CaptureFixture[str]
) -> None:
    double.pay(order.number)
    answer = await channel.query(order)
    notice = await channel.read_notice({}, double.told(order.number))
    double.faults.append(("queryTrans", "05"))
    unclear = await channel.query(order)
    assert isinstance(unclear, Unclear)
    out = capsys.readouterr()
    assert "channel_unclear" in out.out + out.err
    assert CARD not in out.out + out.err + repr((answer, notice, unclear))


class TestRefunds:
    @pytest_asyncio.fixture
    async def transaction_id(self, double: UnionpayDouble, order: Order) -> str:
        return double.pay(order.number)["queryId"]

    async def test_asked_twice_under_one_number_money_goes_back_once(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, transaction_id: str
    ) -> None:
        refund = refund_of(order, transaction_id)
        assert await channel.refund(refund) == Refunding()
        assert await channel.refund(refund) == Refunding()
        double.finish_refund(refund.number)
        answer = await channel.refund(refund)
        assert isinstance(answer, Refunded)
        assert (answer.amount_fen, answer.refund_id) == (1000, double.of(refund.number)["queryId"])
        assert double.gone(transaction_id) == 1000

    async def test_an_answer_that_was_lost_is_found_by_the_query_after_a_crash(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, transaction_id: str
    ) -> None:
        refund = refund_of(order, transaction_id)
        double.forge = lambda _: ""
        assert isinstance(await channel.refund(refund), Unclear)
        double.forge = None
        with time_machine.travel(now() + timedelta(hours=3)):
            assert await channel.query_refund(refund) == Refunding()

    @pytest.mark.parametrize("code", ["03", "04", "05", "02", "06", "11", "37", "39"])
    async def test_what_may_pass_leaves_it_open(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, transaction_id: str, code: str
    ) -> None:
        refund = refund_of(order, transaction_id)
        double.faults.append(("backTransReq", code))
        assert await channel.refund(refund) == Unclear(f"code_{code}")
        assert await channel.query_refund(refund) == RefundAbsent()

    async def test_what_was_refused_is_refused(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, transaction_id: str
    ) -> None:
        assert await channel.refund(refund_of(order, transaction_id, 4141)) == RefundRefused("36")
        assert await channel.refund(refund_of(order, "1" * 21)) == RefundRefused("35")
        refund = refund_of(order, transaction_id)
        await channel.refund(refund)
        double.finish_refund(refund.number, "61")
        assert await channel.query_refund(refund) == RefundRefused("61")

    async def test_a_number_that_stands_for_another_refund_is_not_this_one(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, transaction_id: str
    ) -> None:
        refund = refund_of(order, transaction_id)
        await channel.refund(refund)
        double.of(refund.number)["origQryId"] = "2" * 21
        assert await channel.query_refund(refund) == Unclear("other_refund")

    async def test_a_notice_says_how_it_ended(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, transaction_id: str
    ) -> None:
        refund = refund_of(order, transaction_id)
        await channel.refund(refund)
        for code, kind in (("05", Refunding), ("61", RefundRefused), ("00", Refunded)):
            double.finish_refund(refund.number, code)
            notice = await channel.read_notice({}, double.told(refund.number))
            assert isinstance(notice, RefundNotice)
            assert (notice.merchant_id, notice.refund_number) == (MERCHANT, refund.number)
            assert isinstance(notice.answer, kind)
