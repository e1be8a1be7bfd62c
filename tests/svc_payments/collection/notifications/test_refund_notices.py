"""Refund notices of channels: each is verified and then triggers one query, in any order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import func, select, update

from chassis.db import new_id, now
from chassis.testing import once
from svc_payments.collection.refunds.models import Refund, RefundStatus
from svc_payments.ledger.models import Entry
from svc_payments.settings import Settings
from tests.svc_payments.channels.doubles.alipay import AlipayDouble
from tests.svc_payments.channels.doubles.unionpay import UnionpayDouble
from tests.svc_payments.channels.doubles.wechat import WechatDouble, public_key_double
from tests.svc_payments.channels.rigs.alipay import AlipayRig
from tests.svc_payments.channels.rigs.contract import RawNotice
from tests.svc_payments.channels.rigs.registry import running
from tests.svc_payments.channels.rigs.unionpay import UnionpayRig
from tests.svc_payments.channels.rigs.wechat import WechatRig
from tests.svc_payments.collection.refunds.steps import NOBODYS_ACCOUNT, refunds, statuses
from tests.svc_payments.world import World

NotifyingRig = AlipayRig | UnionpayRig | WechatRig
NOTIFYING: dict[str, Callable[[], NotifyingRig]] = {
    "alipay": lambda: AlipayRig(AlipayDouble(), "page"),
    "unionpay": lambda: UnionpayRig(UnionpayDouble()),
    "wechat": lambda: WechatRig(WechatDouble()),
    "wechat-public-key": lambda: WechatRig(public_key_double()),
}


@pytest_asyncio.fixture(params=sorted(NOTIFYING))
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[NotifyingRig]:
    """Each running channel that sends refund notices."""
    rig = NOTIFYING[request.param]()
    async with running(rig):
        yield rig


@pytest.fixture
def settings(settings: Settings, rig: NotifyingRig) -> Settings:
    """Settings that enable the channel."""
    return settings.model_copy(update={rig.name.value: rig.settings})


@dataclass
class PendingRefund:
    """An open refund at the channel of a payment whose posting was refused."""

    world: World
    rig: NotifyingRig

    async def refund(self) -> Refund:
        (refund,) = await refunds(self.world)
        return refund

    async def poll(self) -> int:
        """Query the due refunds as the worker does, and return how many."""
        async with self.world.refunds() as worker:
            return await worker.ask_due()

    async def notify(self, notice: RawNotice) -> bool:
        raw, headers = notice
        url = f"/payments/v1/channels/{self.rig.name}/notices"
        return self.rig.taken(await self.world.api.post(url, content=raw, headers=headers))

    async def notice(self, what: str = "") -> RawNotice:
        return self.rig.refund_notice((await self.refund()).number, what)

    async def finish(self) -> None:
        """Complete the refund at the channel."""
        self.rig.finish_refund((await self.refund()).number)

    async def entries(self) -> int:
        async with self.world.database.read() as tx:
            return await tx.scalar(select(func.count()).select_from(Entry)) or 0


@pytest_asyncio.fixture
async def pending(world: World, rig: NotifyingRig) -> PendingRefund:
    """A refund just requested at the channel, whose next query is an hour away."""
    person = new_id()
    await captured(world, rig, person)
    await world.deliver_postings()
    refund = PendingRefund(world, rig)
    assert await refund.poll() == 1
    assert await statuses(world) == ["refunding"]
    async with world.database.transaction() as tx:
        await tx.execute(update(Refund).values(ask_at=now() + timedelta(hours=1)))
    return refund


async def captured(world: World, rig: NotifyingRig, person: UUID) -> None:
    bill = await world.bill(person, account=NOBODYS_ACCOUNT)
    resident = world.tokens.resident(person)
    body = {"bill_ids": [str(bill)], "channel": rig.name}
    created = await world.api.post("/payments/v1/payments", json=body, headers=resident | once())
    url = f"/payments/v1/payments/{created.json()['payment_id']}"
    way = (await world.api.post(f"{url}/confirm", json={"method": rig.method}, headers=resident)).json()
    await rig.opened(way["pay_url"], way["pay_parameters"])
    number = await world.order_number(created.json()["payment_id"])
    rig.pay(number)
    raw, headers = rig.paid_notice(number)
    answer = await world.api.post(f"/payments/v1/channels/{rig.name}/notices", content=raw, headers=headers)
    assert rig.taken(answer)


async def test_a_notice_makes_its_refund_due_for_a_query(pending: PendingRefund) -> None:
    await pending.finish()
    assert await pending.poll() == 0
    assert await pending.notify(await pending.notice())
    assert await pending.poll() == 1
    assert await statuses(pending.world) == ["refunded"]


async def test_the_same_notice_many_times_at_once_and_signed_anew_has_one_effect(pending: PendingRefund) -> None:
    before = await pending.entries()
    await pending.finish()
    notice, again = await pending.notice(), await pending.notice()
    assert await asyncio.gather(*(pending.notify(one) for one in (notice, notice, again))) == [True] * 3
    assert await pending.poll() == 1
    assert await pending.notify(again)
    assert await pending.poll() == 0
    assert await pending.entries() == before + 2


async def test_a_premature_notice_changes_nothing_and_polling_continues(pending: PendingRefund) -> None:
    await pending.finish()
    notice = await pending.notice()
    refund = await pending.refund()
    hide_result(pending.rig, refund.number)
    assert await pending.notify(notice)
    assert await pending.poll() == 1
    assert await statuses(pending.world) == ["refunding"]
    await pending.finish()
    async with pending.world.database.transaction() as tx:
        await tx.execute(update(Refund).values(ask_at=now()))
    await pending.poll()
    assert await statuses(pending.world) == ["refunded"]


def hide_result(rig: NotifyingRig, number: str) -> None:
    """The query of the channel lags behind its notice."""
    match rig:
        case AlipayRig():
            rig.double.not_known_yet.add(number)
        case UnionpayRig():
            rig.double.finish_refund(number, "05")
        case WechatRig():
            rig.double.finish_refund(number, "PROCESSING")


@pytest.mark.parametrize(("what", "incident"), [("merchant", "other_merchant"), ("refund", "unknown_refund")])
async def test_a_signed_notice_for_another_merchant_or_refund_is_refused(
    pending: PendingRefund, what: str, incident: str
) -> None:
    await pending.finish()
    before = await pending.world.incidents()
    notice = await pending.notice(what)
    assert [await pending.notify(notice) for _ in range(2)] == [False, False]
    assert await pending.world.incidents() == [*before, incident]
    assert await pending.poll() == 0


async def test_a_refund_that_succeeds_after_a_refusal_raises_an_incident(pending: PendingRefund) -> None:
    await pending.finish()
    notice = await pending.notice()
    async with pending.world.database.transaction() as tx:
        await tx.execute(update(Refund).values(status=RefundStatus.FAILED, ask_at=None))
    assert not await pending.notify(notice)
    assert (await pending.world.incidents())[-1] == "refund_disagrees"
