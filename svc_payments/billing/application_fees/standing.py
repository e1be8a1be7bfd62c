"""What becomes of a fee when its bill moves. The caller has locked the bill, which comes before the fee everywhere."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from kit.calendar import database_time
from kit.invariants import InvariantBrokenError
from svc_payments.billing.application_fees.events import (
    ApplicationFeeEvent,
    ApplicationFeePaid,
    ApplicationFeeRefunded,
    ApplicationFeeReleased,
    ApplicationFeeReserved,
)
from svc_payments.billing.application_fees.models import ApplicationFee
from svc_payments.billing.bills.events import BillVoided
from svc_payments.billing.bills.models import Bill, BillKind, BillStatus, ChangeReason
from svc_payments.billing.bills.replaced import keep_version


async def reserved(tx: AsyncSession, bill: Bill) -> None:
    """A payment of the bill has begun."""
    if bill.kind == BillKind.APPLICATION_FEE:
        await _tell(tx, ApplicationFeeReserved, await _locked(tx, bill.id))


async def booked(tx: AsyncSession, bill: Bill) -> None:
    """The provider has booked all of the bill."""
    if bill.kind == BillKind.APPLICATION_FEE:
        fee = await _locked(tx, bill.id)
        fee.booked_at = fee.booked_at or await database_time(tx)
        await _tell(tx, ApplicationFeePaid, fee)


async def released(tx: AsyncSession, bill: Bill) -> None:
    """The bill is due again: a fee that is still asked may be paid again, any other is not owed any more."""
    if bill.kind != BillKind.APPLICATION_FEE:
        return
    fee = await _locked(tx, bill.id)
    await _tell(tx, ApplicationFeeRefunded if fee.booked_at else ApplicationFeeReleased, fee)
    if fee.withdrawn_at or fee.booked_at:
        await void(tx, bill, fee)


async def void(tx: AsyncSession, bill: Bill, fee: ApplicationFee) -> None:
    """Void a due bill whose fee is not owed any more."""
    await tx.flush()
    keep_version(tx, bill, ChangeReason.FEE_WITHDRAWN)
    bill.move_to(BillStatus.VOID)
    if fee.withdrawn_at:
        fee.settled_at = fee.settled_at or await database_time(tx)
    await tx.flush()
    reason = ChangeReason.FEE_WITHDRAWN.value
    await emit(tx, BillVoided(bill_id=bill.id, provider_id=bill.provider_id, version=bill.version, reason=reason))


async def any_of(tx: AsyncSession, bill_ids: Collection[UUID | None]) -> bool:
    """Whether one of these bills is a fee of an application."""
    found = select(ApplicationFee.id).where(ApplicationFee.bill_id.in_([each for each in bill_ids if each]))
    return await tx.scalar(found.limit(1)) is not None


async def _locked(tx: AsyncSession, fee_id: UUID) -> ApplicationFee:
    fee = await tx.get(ApplicationFee, fee_id, with_for_update=True, populate_existing=True)
    if fee is None:
        raise InvariantBrokenError("the bill of a fee has no fee")
    return fee


async def _tell(tx: AsyncSession, event: type[ApplicationFeeEvent], fee: ApplicationFee) -> None:
    fee.told += 1
    same = {name: getattr(fee, name) for name in ("application_id", "provider_id", "amount_fen")}
    await emit(tx, event(fee_id=fee.id, bill_id=fee.id, sequence=fee.told, **same))
