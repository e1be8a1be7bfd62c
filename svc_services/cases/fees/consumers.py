"""What svc_payments says about fees; correct for events in any order and repeated."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from kit.calendar import today
from svc_services.cases.applications import engine
from svc_services.cases.applications.models import Application
from svc_services.cases.fees.models import ApplicationFee, FeeStatus
from svc_services.cases.workflows.models import Workflow


class FeeMoved(EventData):
    fee_id: UUID
    sequence: int


async def _reserved(tx: AsyncSession, event: Received[FeeMoved]) -> None:
    await _note(tx, event.data, FeeStatus.PAYING)


async def _released(tx: AsyncSession, event: Received[FeeMoved]) -> None:
    if case := await _note(tx, event.data, FeeStatus.UNPAID):
        case.look_at = today()  # its time may have run out while it waited for the payment


async def _paid(tx: AsyncSession, event: Received[FeeMoved]) -> None:
    if case := await _note(tx, event.data, FeeStatus.PAID):
        await engine.pay(tx, case, await tx.get_one(Workflow, case.workflow_id))


async def _refunded(tx: AsyncSession, event: Received[FeeMoved]) -> None:
    await _note(tx, event.data, FeeStatus.REFUNDED)


async def _note(tx: AsyncSession, moved: FeeMoved, status: FeeStatus) -> Application | None:
    """Note what became of a fee. Returns the locked case if it waits for the fee."""
    fee = await tx.get(ApplicationFee, moved.fee_id)
    if fee is None:
        return None
    case = await tx.get_one(Application, fee.application_id, with_for_update=True, populate_existing=True)
    await tx.refresh(fee, with_for_update=True)
    if moved.sequence <= fee.sequence:
        return None
    fee.status, fee.sequence = status, moved.sequence
    return case if fee.withdrawn_at is None and fee.used_at is None else None


_HANDLED = {"reserved": _reserved, "released": _released, "paid": _paid, "refunded": _refunded}
HANDLERS: list[AnyHandler] = [
    Handler(f"cn.ili.payments.application_fee.{name}.v1", FeeMoved, handle) for name, handle in _HANDLED.items()
]
