"""Refunds that WeChat Pay could not deliver (ABNORMAL): people finish them there; nothing is paid a second time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from chassis.db import new_id
from chassis.testing import once
from svc_payments.collection.refunds.models import Refund
from svc_payments.settings import Settings
from tests.svc_payments.channels.doubles.wechat import WechatDouble
from tests.svc_payments.channels.rigs.registry import running
from tests.svc_payments.channels.rigs.wechat import WechatRig
from tests.svc_payments.collection.notifications.test_refund_notices import captured
from tests.svc_payments.collection.refunds.steps import balances, refund_trail, refunds, statuses, step
from tests.svc_payments.world import World

REASON = {"reason": "居民的卡已注销"}


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[WechatRig]:
    rig = WechatRig(WechatDouble())
    async with running(rig):
        yield rig


@pytest.fixture
def settings(settings: Settings, rig: WechatRig) -> Settings:
    return settings.model_copy(update={"wechat": rig.settings})


@dataclass
class AbnormalRefund:
    world: World
    rig: WechatRig
    refund: Refund

    async def becomes(self, status: str) -> None:
        """The channel has this status now, and is polled."""
        self.rig.double.finish_refund(self.refund.number, status)
        assert await step(self.world) == 1


@pytest_asyncio.fixture
async def abnormal(world: World, rig: WechatRig) -> AbnormalRefund:
    await captured(world, rig, new_id())
    await world.deliver_postings()
    await step(world)
    (refund,) = await refunds(world)
    case = AbnormalRefund(world, rig, refund)
    await case.becomes("ABNORMAL")
    return case


async def test_it_waits_for_people_and_keeps_being_polled(abnormal: AbnormalRefund) -> None:
    world = abnormal.world
    for _ in range(3):
        await abnormal.becomes("ABNORMAL")
    assert await statuses(world) == ["abnormal"]
    assert (await world.incidents()).count("refund_failed") == 1
    listed = await world.api.get("/payments/v1/refund-worklist", headers=world.tokens.staff("operator"))
    (item,) = listed.json()["items"]
    assert (item["status"], item["failure"], item["expected_by"]) == ("abnormal", "ABNORMAL", None)
    # The money has left the payer's claim and is not back: no other refund could take it.
    assert (await balances(world))["refunds"] == -4140


async def test_once_finished_in_the_console_it_is_refunded_under_its_number(abnormal: AbnormalRefund) -> None:
    world = abnormal.world
    await abnormal.becomes("PROCESSING")
    assert await statuses(world) == ["refunding"]
    await abnormal.becomes("SUCCESS")
    assert await statuses(world) == ["refunded"]
    assert await refund_trail(world, abnormal.refund.id) == ["started", "abnormal", "refunded"]
    assert "refunds" not in await balances(world)


async def test_a_notice_of_its_success_is_followed_by_a_query(abnormal: AbnormalRefund) -> None:
    world, rig = abnormal.world, abnormal.rig
    rig.double.finish_refund(abnormal.refund.number)
    raw, headers = rig.refund_notice(abnormal.refund.number)
    answer = await world.api.post("/payments/v1/channels/wechat/notices", content=raw, headers=headers)
    assert rig.taken(answer)
    async with world.refunds() as worker:
        assert await worker.ask_due() == 1
    assert await statuses(world) == ["refunded"]


@pytest.mark.parametrize("way", ["channel", "bank_transfer"])
async def test_it_is_never_paid_a_second_time(abnormal: AbnormalRefund, way: str) -> None:
    world = abnormal.world
    operator = world.tokens.staff("operator")
    url = f"/payments/v1/refunds/{abnormal.refund.id}"
    for path, body in (("retry", REASON | {"way": way}), ("cannot-be-paid", REASON)):
        answer = await world.api.post(f"{url}/{path}", json=body, headers=operator | once())
        assert (answer.status_code, answer.json()["code"]) == (409, "illegal_move")
    again = await world.api.post(
        f"/payments/v1/payments/{abnormal.refund.payment_id}/refunds",
        json={"reason": "other", "note": "居民来电要求退款"},
        headers=operator | once(),
    )
    assert again.status_code == 409, again.text
    await abnormal.becomes("SUCCESS")
    assert [refund["amount"]["refund"] for refund in abnormal.rig.double.refunds.values()] == [4140]


async def test_an_answer_that_says_nothing_leaves_it_with_people(abnormal: AbnormalRefund) -> None:
    abnormal.rig.double.faults.append(("/refunds", 500, "SYSTEM_ERROR"))
    assert await step(abnormal.world) == 1
    assert await statuses(abnormal.world) == ["abnormal"]


async def test_one_that_the_channel_closes_may_be_tried_another_way(abnormal: AbnormalRefund) -> None:
    await abnormal.becomes("CLOSED")
    assert await statuses(abnormal.world) == ["failed"]
    answer = await abnormal.world.api.post(
        f"/payments/v1/refunds/{abnormal.refund.id}/retry",
        json=REASON | {"way": "bank_transfer"},
        headers=abnormal.world.tokens.staff("operator") | once(),
    )
    assert answer.status_code == 201, answer.text
