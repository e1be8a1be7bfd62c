"""Helpers of a family account: what they read and pay for another person, in the trail, and within their limits.

The trail itself is what the limits are counted by, so that nothing is paid for another that it does not hold.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from fastapi import APIRouter, FastAPI
from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import CHINA, Database, now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from kit.calendar import today_of
from svc_payments.amounts import money
from svc_payments.collection.data_reads.events import PersonalDataRead
from svc_payments.collection.data_reads.service import BILLS
from svc_payments.collection.payments import schemas
from svc_payments.collection.payments.models import GIVEN_UP, Payment
from svc_payments.oversight.audit import service as audit
from svc_payments.oversight.audit.models import AuditRecord
from svc_payments.parties.callers import RELATIVE

PAY_FOR_OTHER = "pay_for_other"


@contextlib.asynccontextmanager
async def _reads_recorded(app: FastAPI) -> AsyncIterator[None]:
    app.state.record_helper_read = record_read
    yield


router = APIRouter(lifespan=_reads_recorded)
"""By which the rooms below record the reads of helpers."""


class HelperLimitReached(Problem):
    """The helped person lets the helper pay no more on this day, or in this month."""

    status, code = 409, "helper_limit_reached"


async def record_read(database: Database, caller: Caller, action: str) -> None:
    """Record that a helper is about to read bills, in the trail and for the person whose bills they are."""
    async with database.transaction() as tx:
        record_id = await _record(tx, caller, action, caller.subject)
        about = {"audit_record_id": record_id, "action": action, "data": [BILLS], "role": RELATIVE}
        await emit(tx, PersonalDataRead(person_id=caller.id, organisation_id=None, read_at=now(), **about))


async def pay_within_limits(
    tx: AsyncSession, caller: Caller, work: Callable[[], Awaitable[schemas.Payment]]
) -> schemas.Payment:
    """Create a payment; one by a helper counts towards the limits, one at a time.

    Args:
        tx: the transaction of the payment.
        caller: who pays; for others than helpers nothing is counted.
        work: creates the payment.

    Raises:
        HelperLimitReached, and what the work raises.
    """
    if caller.kind != RELATIVE:
        return await work()
    # The lock is taken before the sum is read, and held until the payment that it allows is committed.
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"helper {caller.authority}", 0))))
    on_day, in_month = await _paid(tx, caller)
    payment = await work()
    counted = {"day_limit_fen": on_day, "month_limit_fen": in_month}
    for name, before in counted.items():
        limit = caller.limits.get(name, 0)
        if before + payment.amount_fen > limit:
            raise HelperLimitReached(**money(limit=limit, left=max(0, limit - before)))
    await _record(tx, caller, PAY_FOR_OTHER, payment.payment_id, amount_fen=payment.amount_fen)
    return payment


async def require_made_by(tx: AsyncSession, caller: Caller, payment_id: UUID) -> None:
    """Hide the payments of the person that this helper has not made by this family account.

    Raises:
        NotFound
    """
    if caller.kind != RELATIVE:
        return
    made = select(AuditRecord.id).where(*_made_by(caller), AuditRecord.subject == str(payment_id))
    if await tx.scalar(made.limit(1)) is None:
        raise NotFound


async def _paid(tx: AsyncSession, caller: Caller) -> tuple[int, int]:
    """What the helper has paid on this day and in this month, without what no money came for."""
    day = await today_of(tx)
    month = _midnight(day.replace(day=1))
    made = select(AuditRecord.subject).where(*_made_by(caller), AuditRecord.created_at >= month)
    ids = [UUID(each) for each in await tx.scalars(made)]
    counts = or_(Payment.status.not_in(GIVEN_UP), Payment.captured_at.is_not(None))
    paid = select(Payment.created_at, Payment.amount_fen).where(Payment.id.in_(ids), counts)
    rows: Sequence[tuple[datetime, int]] = [(each.created_at, each.amount_fen) for each in await tx.execute(paid)]
    return sum(fen for at, fen in rows if at >= _midnight(day)), sum(fen for _, fen in rows)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, CHINA)


def _made_by(caller: Caller) -> tuple[Any, ...]:
    return (
        AuditRecord.actor == caller.actor,
        AuditRecord.action == PAY_FOR_OTHER,
        AuditRecord.details["family_account_id"].astext == caller.authority,
    )


async def _record(
    tx: AsyncSession, caller: Caller, action: str, subject: object, amount_fen: int | None = None
) -> UUID:
    """Record an act of the helper, and for whom and by what it was done."""
    helper = replace(caller, subject=caller.actor or "")
    about = {"for_person": caller.subject, "family_account_id": caller.authority}
    amount = {} if amount_fen is None else {"amount_fen": amount_fen}
    (record_id,) = await audit.record_all(tx, helper, action, {subject: {**about, **amount}})
    return record_id
