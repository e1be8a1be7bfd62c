"""What channels tell of refunds by themselves: believed when signed, and then asked about, once and in any order."""

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
from tests.svc_payments.collection.refunds.making import NOBODYS_ACCOUNT, refunds, statuses
from tests.svc_payments.world import World

TellingRig = AlipayRig | UnionpayRig | WechatRig
TELLING: dict[str, Callable[[], TellingRig]] = {
    "alipay": lambda: AlipayRig(AlipayDouble(), "page"),
    "unionpay": lambda: UnionpayRig(UnionpayDouble()),
    "wechat": lambda: WechatRig(WechatDouble()),
    "wechat-public-key": lambda: WechatRig(public_key_double()),
}


@pytest_asyncio.fixture(params=sorted(TELLING))
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[TellingRig]:
    """Each channel that tells of refunds, running."""
    rig = TELLING[request.param]()
    async with running(rig):
        yield rig


@pytest.fixture
def settings(settings: Settings, rig: TellingRig) -> Settings:
    """Settings with which the channel is offered."""
    return settings.model_copy(update={rig.name.value: rig.settings})


@dataclass
class GoingBack:
    """The money of a payment that its provider would not book, on its way back through the channel."""

    world: World
    rig: TellingRig

    async def refund(self) -> Refund:
        (refund,) = await refunds(self.world)
        return refund

    async def ask(self) -> int:
        """What the worker does with refunds whose time has come."""
        async with self.world.refunds() as driving:
            return await driving.ask_due()

    async def notify(self, told: RawNotice) -> bool:
        raw, headers = told
        url = f"/payments/v1/channels/{self.rig.name}/notices"
        return self.rig.taken(await self.world.api.post(url, content=raw, headers=headers))

    async def told(self, what: str = "") -> RawNotice:
        return self.rig.refund_notice((await self.refund()).number, what)

    async def finished(self) -> None:
        """The payer has the money."""
        self.rig.finish_refund((await self.refund()).number)

    async def entries(self) -> int:
        async with self.world.database.read() as tx:
            return await tx.scalar(select(func.count()).select_from(Entry)) or 0


@pytest_asyncio.fixture
async def going_back(world: World, rig: TellingRig) -> GoingBack:
    """Asked for at the channel a moment ago, and not to be asked about for a while."""
    person = new_id()
    await captured(world, rig, person)
    await world.deliver_postings()
    back = GoingBack(world, rig)
    assert await back.ask() == 1
    assert await statuses(world) == ["refunding"]
    async with world.database.transaction() as tx:
        await tx.execute(update(Refund).values(ask_at=now() + timedelta(hours=1)))
    return back


async def captured(world: World, rig: TellingRig, person: UUID) -> None:
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


async def test_a_notice_has_its_refund_asked_about_at_once(going_back: GoingBack) -> None:
    await going_back.finished()
    assert await going_back.ask() == 0
    assert await going_back.notify(await going_back.told())
    assert await going_back.ask() == 1
    assert await statuses(going_back.world) == ["refunded"]


async def test_the_same_notice_many_times_at_once_and_signed_anew_has_one_effect(going_back: GoingBack) -> None:
    before = await going_back.entries()
    await going_back.finished()
    told, again = await going_back.told(), await going_back.told()
    assert await asyncio.gather(*(going_back.notify(one) for one in (told, told, again))) == [True] * 3
    assert await going_back.ask() == 1
    assert await going_back.notify(again)
    assert await going_back.ask() == 0
    assert await going_back.entries() == before + 2


async def test_one_that_comes_too_early_changes_nothing_and_the_asking_goes_on(going_back: GoingBack) -> None:
    await going_back.finished()
    told = await going_back.told()
    refund = await going_back.refund()
    unfinished(going_back.rig, refund.number)
    assert await going_back.notify(told)
    assert await going_back.ask() == 1
    assert await statuses(going_back.world) == ["refunding"]
    await going_back.finished()
    async with going_back.world.database.transaction() as tx:
        await tx.execute(update(Refund).values(ask_at=now()))
    await going_back.ask()
    assert await statuses(going_back.world) == ["refunded"]


def unfinished(rig: TellingRig, number: str) -> None:
    """Their query does not know yet what their notice has told."""
    match rig:
        case AlipayRig():
            rig.double.not_known_yet.add(number)
        case UnionpayRig():
            rig.double.finish_refund(number, "05")
        case WechatRig():
            rig.double.finish_refund(number, "PROCESSING")


@pytest.mark.parametrize(("what", "incident"), [("merchant", "other_merchant"), ("refund", "unknown_refund")])
async def test_one_by_the_right_key_for_another_merchant_or_refund_is_refused(
    going_back: GoingBack, what: str, incident: str
) -> None:
    await going_back.finished()
    before = await going_back.world.incidents()
    told = await going_back.told(what)
    assert [await going_back.notify(told) for _ in range(2)] == [False, False]
    assert await going_back.world.incidents() == [*before, incident]
    assert await going_back.ask() == 0


async def test_money_that_went_back_after_the_channel_had_refused_it_is_shown_to_people(going_back: GoingBack) -> None:
    await going_back.finished()
    told = await going_back.told()
    async with going_back.world.database.transaction() as tx:
        await tx.execute(update(Refund).values(status=RefundStatus.FAILED, ask_at=None))
    assert not await going_back.notify(told)
    assert (await going_back.world.incidents())[-1] == "refund_disagrees"
