"""Reconciliation finds every injected difference, and nothing else (I11)."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from svc_payments.reconciliation.runs.models import DIFFERENCES, Finding
from svc_payments.settings import Settings
from tests.svc_payments.reconciliation.runs.books import (
    DAY,
    SamplePayment,
    add_refund,
    capture,
    ingest,
    reconcile,
    sample_payment,
    statement_of,
    with_higher_amount,
)

NEXT = DAY + timedelta(days=1)
RIGHT = 150
OF_EACH = 3


@dataclass
class Sides:
    """The records of both sides, and the differences to be found."""

    tx: AsyncSession
    random: Random
    lines: dict[date, list[SamplePayment]] = field(default_factory=lambda: {DAY: [], NEXT: []})
    refunds: list[str] = field(default_factory=list)
    expected: set[tuple[str, str, int]] = field(default_factory=set)

    def payment(self) -> SamplePayment:
        at = time(self.random.randrange(1, 22), self.random.randrange(60), self.random.randrange(60))
        return sample_payment(self.random.randrange(1, 100_000), at=at)

    def difference(self, result: str, number: str, fen: int) -> None:
        self.expected.add((result, number, fen))


async def right(sides: Sides) -> None:
    payment = sides.payment()
    await capture(sides.tx, payment)
    sides.lines[DAY].append(payment)


async def right_refund(sides: Sides) -> None:
    payment = sides.payment()
    (payment_id,) = await capture(sides.tx, payment)
    number = await add_refund(sides.tx, payment_id, payment, payment.amount_fen)
    sides.lines[DAY].append(payment)
    sides.refunds.append(payment.refund_line(number, payment.amount_fen))


async def failed_refund(sides: Sides) -> None:
    """Neither side has moved money."""
    payment = sides.payment()
    (payment_id,) = await capture(sides.tx, payment)
    number = await add_refund(sides.tx, payment_id, payment, 1, done=False)
    sides.lines[DAY].append(payment)
    sides.refunds.append(payment.refund_line(number, 1, "closed"))


async def late_there(sides: Sides) -> None:
    payment = replace(sides.payment(), at=sample_payment(at=time(23, 59, 58)).at)
    await capture(sides.tx, payment)
    sides.lines[NEXT].append(payment)


async def late_here(sides: Sides) -> None:
    payment = replace(sides.payment(), at=sample_payment(at=time(0, 0, 2), day=NEXT).at)
    await capture(sides.tx, payment)
    sides.lines[DAY].append(payment)


async def unknown_here(sides: Sides) -> None:
    payment = sides.payment()
    sides.lines[DAY].append(payment)
    sides.difference("excess", payment.order_number, payment.amount_fen)


async def unknown_there(sides: Sides) -> None:
    payment = sides.payment()
    await capture(sides.tx, payment)
    sides.difference("shortage", payment.order_number, -payment.amount_fen)


async def other_amount(sides: Sides) -> None:
    payment, by_fen = sides.payment(), sides.random.choice((-1, 1)) * sides.random.randrange(1, 50)
    payment = with_higher_amount(payment, 50)
    await capture(sides.tx, payment)
    sides.lines[DAY].append(with_higher_amount(payment, by_fen))
    sides.difference("amount_differs", payment.order_number, by_fen)


async def paid_twice(sides: Sides) -> None:
    payment = sides.payment()
    await capture(sides.tx, payment)
    sides.lines[DAY] += [payment, replace(payment, transaction_id=f"{payment.transaction_id}-again")]
    sides.difference("excess", payment.order_number, payment.amount_fen)


async def billed_on_two_days(sides: Sides) -> None:
    payment = sides.payment()
    await capture(sides.tx, payment)
    sides.lines[DAY].append(payment)
    sides.lines[NEXT].append(payment)
    sides.difference("excess", payment.order_number, payment.amount_fen)


async def refund_unknown_here(sides: Sides) -> None:
    payment = sides.payment()
    await capture(sides.tx, payment)
    sides.lines[DAY].append(payment)
    number = f"unknown-{payment.order_number}"
    sides.refunds.append(payment.refund_line(number, payment.amount_fen))
    sides.difference("shortage", number, -payment.amount_fen)


async def refund_unknown_there(sides: Sides) -> None:
    payment = sides.payment()
    (payment_id,) = await capture(sides.tx, payment)
    number = await add_refund(sides.tx, payment_id, payment, payment.amount_fen)
    sides.lines[DAY].append(payment)
    sides.difference("excess", number, payment.amount_fen)


async def refund_of_other_amount(sides: Sides) -> None:
    payment = with_higher_amount(sides.payment(), 10)
    (payment_id,) = await capture(sides.tx, payment)
    number = await add_refund(sides.tx, payment_id, payment, payment.amount_fen - 5)
    sides.lines[DAY].append(payment)
    sides.refunds.append(payment.refund_line(number, payment.amount_fen))
    sides.difference("amount_differs", number, -5)


async def refund_done_here_only(sides: Sides) -> None:
    payment = sides.payment()
    (payment_id,) = await capture(sides.tx, payment)
    number = await add_refund(sides.tx, payment_id, payment, payment.amount_fen)
    sides.lines[DAY].append(payment)
    sides.refunds.append(payment.refund_line(number, payment.amount_fen, "processing"))
    sides.difference("state_differs", number, payment.amount_fen)


async def refund_done_there_only(sides: Sides) -> None:
    payment = sides.payment()
    (payment_id,) = await capture(sides.tx, payment)
    number = await add_refund(sides.tx, payment_id, payment, payment.amount_fen, done=False)
    sides.lines[DAY].append(payment)
    sides.refunds.append(payment.refund_line(number, payment.amount_fen))
    sides.difference("state_differs", number, -payment.amount_fen)


Injection = Callable[[Sides], Coroutine[Any, Any, None]]
HARMLESS: tuple[Injection, ...] = (right_refund, failed_refund, late_there, late_here)
INJECTIONS: tuple[Injection, ...] = (
    unknown_here,
    unknown_there,
    other_amount,
    paid_twice,
    billed_on_two_days,
    refund_unknown_here,
    refund_unknown_there,
    refund_of_other_amount,
    refund_done_here_only,
    refund_done_there_only,
)


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_injected_difference_is_found_and_nothing_else(
    database: Database, settings: Settings, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - reproducible, no secret
    injections = [right] * RIGHT + [*HARMLESS, *INJECTIONS] * OF_EACH
    random.shuffle(injections)
    async with database.transaction() as tx:
        sides = Sides(tx, random)
        for inject in injections:
            await inject(sides)
    for day, refunds in ((DAY, sides.refunds), (NEXT, [])):
        random.shuffle(sides.lines[day])
        await ingest(database, statement_of(*sides.lines[day], day=day, refunds=tuple(refunds)), day=day)
    found = {difference for day in (DAY, NEXT) for difference in await differences(database, settings, day)}
    assert found == sides.expected
    assert len(found) == OF_EACH * len(INJECTIONS)


async def differences(database: Database, settings: Settings, day: date) -> set[tuple[str, str, int]]:
    run = await reconcile(database, settings, day)
    async with database.read() as tx:
        found = await tx.scalars(select(Finding).where(Finding.run_id == run.id, Finding.result.in_(DIFFERENCES)))
        return {(finding.result, finding.number, finding.difference_fen) for finding in found}
