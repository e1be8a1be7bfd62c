"""UnionPay's signing certificates: the chain leads to our root, the dates are valid, the owner is UnionPay."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from chassis.db import now
from svc_payments.channels.notices import NoticeNotAuthentic, PaidNotice
from svc_payments.channels.provider import Answer, Order, Paid, Unclear
from svc_payments.channels.registry import open_channels
from svc_payments.channels.unionpay.client import UnionpayChannel
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.doubles.parties import Certified, certified
from tests.svc_payments.channels.doubles.unionpay import (
    OWNER,
    UnionpayDouble,
    operations,
    root,
    signer,
    strange_signer,
    written,
)
from tests.svc_payments.channels.rigs.unionpay import UnionpayRig
from tests.svc_payments.channels.unionpay.payments import PASSED


def renewed() -> Certified:
    """The intermediate's certificate, renewed with another key."""
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


class TestSigners:
    async def query(self, channel: UnionpayChannel, order: Order, double: UnionpayDouble, by: Certified) -> Answer:
        double.signer = by
        return await channel.query(order)

    async def test_the_next_certificate_is_accepted_without_configuration(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order
    ) -> None:
        double.pay(order.number)
        before = double.notice(order.number)
        assert isinstance(await self.query(channel, order, double, signer("00020001")), Paid)
        # During a rotation, notices signed with the former certificate are still repeated.
        assert isinstance(await channel.read_notice({}, before), PaidNotice)

    @pytest.mark.parametrize("who", sorted(OTHERS))
    async def test_others_are_not(
        self, channel: UnionpayChannel, double: UnionpayDouble, order: Order, who: str
    ) -> None:
        by = OTHERS[who]()
        double.pay(order.number)
        assert await self.query(channel, order, double, by) == Unclear("unknown_key_00")
        with pytest.raises(NoticeNotAuthentic):
            await channel.read_notice({}, double.notice(order.number, sign_with=by))

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
        notice = double.notice(order.number)
        assert isinstance(await channel.read_notice({}, notice), PaidNotice)
        with time_machine.travel(now() + timedelta(hours=2)), pytest.raises(NoticeNotAuthentic):
            await channel.read_notice({}, notice)

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
