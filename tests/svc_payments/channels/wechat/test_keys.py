"""WeChat Pay's platform certificates and public key, and their rotation."""

from datetime import timedelta
from typing import Any, cast

import pytest

from chassis.db import now
from svc_payments.channels.notices import NoticeNotAuthentic, PaidNotice
from svc_payments.channels.provider import Paid, Unclear
from svc_payments.channels.registry import open_channels
from svc_payments.channels.wechat import keys
from svc_payments.channels.wechat.client import WechatChannel
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.doubles.parties import Certified, certified, key_of
from tests.svc_payments.channels.doubles.wechat import WechatDouble
from tests.svc_payments.channels.rigs.wechat import WechatRig
from tests.svc_payments.channels.wechat.payments import lowercase_names, new_order, paid_order

NEXT = "Tenpay.com, the next certificate"


class TestKeys:
    async def read(self, channel: WechatChannel, double: WechatDouble, number: str, by: Certified) -> Any:  # noqa: ANN401 - a notice
        raw, headers = double.paid_notice(number, sign_with=by)
        return await channel.read_notice(lowercase_names(headers), raw)

    async def test_the_next_certificate_is_fetched_when_something_is_signed_with_it(
        self, channel: WechatChannel, double: WechatDouble, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keys, "REFRESH_SECONDS", 0.0)
        order = await paid_order(channel, double)
        old = double.platforms[0]
        double.platforms.append(certified(NEXT))
        assert isinstance(await channel.query(order), Paid)
        for by in (double.platforms[1], old):
            assert isinstance(await self.read(channel, double, order.number, by), PaidNotice)

    async def test_an_expired_certificate_is_rejected(
        self, channel: WechatChannel, double: WechatDouble, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keys, "REFRESH_SECONDS", 0.0)
        order = await paid_order(channel, double)
        expired = certified(NEXT, until=now() - timedelta(seconds=5))
        double.platforms.insert(0, expired)
        with pytest.raises(NoticeNotAuthentic):
            await self.read(channel, double, order.number, expired)

    async def test_unknown_serials_cause_no_further_fetch(self, channel: WechatChannel, double: WechatDouble) -> None:
        order = await paid_order(channel, double)
        before = len(double.requests)
        for _ in range(3):
            with pytest.raises(NoticeNotAuthentic):
                await self.read(channel, double, order.number, certified("Somebody"))
        assert len(double.requests) == before

    async def test_certificates_encrypted_with_another_key_are_rejected(
        self, settings: Settings, rig: WechatRig, double: WechatDouble
    ) -> None:
        order = new_order()
        stranger = WechatDouble()
        wrong = rig.settings.model_copy(update={"api_key": stranger.settings(double.base_url).api_key})
        async with open_channels(settings.model_copy(update={"wechat": wrong})) as channels:
            assert isinstance(await channels[ChannelName.WECHAT].place(order), Unclear)

    async def test_a_merchant_moves_from_certificates_to_the_public_key(
        self, settings: Settings, by_public_key: WechatRig
    ) -> None:
        double = by_public_key.double
        async with open_channels(settings.model_copy(update={"wechat": by_public_key.settings})) as channels:
            channel = cast(WechatChannel, channels[ChannelName.WECHAT])
            order = await paid_order(channel, double)
            assert isinstance(await channel.query(order), Paid)
            # During the migration WeChat Pay still signs some notices with its certificate.
            assert isinstance(await self.read(channel, double, order.number, double.platforms[-1]), PaidNotice)

    async def test_another_public_key_under_the_same_id_is_rejected(
        self, settings: Settings, by_public_key: WechatRig
    ) -> None:
        double = by_public_key.double
        async with open_channels(settings.model_copy(update={"wechat": by_public_key.settings})) as channels:
            channel = cast(WechatChannel, channels[ChannelName.WECHAT])
            order = await paid_order(channel, double)
            double.public_key = key_of("Somebody's public key")
            raw, headers = double.paid_notice(order.number)
            with pytest.raises(NoticeNotAuthentic):
                await channel.read_notice(lowercase_names(headers), raw)
