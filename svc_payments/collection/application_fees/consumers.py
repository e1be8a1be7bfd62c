"""What svc_services says about the fees of applications; correct for events in any order and repeated."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_payments.billing.application_fees.models import ApplicationFee
from svc_payments.collection.application_fees import service


class _Fee(EventData):
    fee_id: UUID
    application_id: UUID
    person_id: UUID
    provider_id: UUID
    amount_fen: int


class ApplicationFeeQuoted(_Fee):
    payable_until: date | None


class ApplicationFeeWithdrawn(_Fee):
    pass


async def on_quoted(tx: AsyncSession, event: Received[ApplicationFeeQuoted]) -> None:
    if await _added(tx, event.data):
        await service.charge(tx, event.data.fee_id, event.data.payable_until)


async def on_withdrawn(tx: AsyncSession, event: Received[ApplicationFeeWithdrawn]) -> None:
    await _added(tx, event.data)
    await service.withdraw(tx, event.data.fee_id)


async def _added(tx: AsyncSession, fee: _Fee) -> bool:
    """Whether nothing was known of the fee before."""
    same = ("application_id", "person_id", "provider_id", "amount_fen")
    row: dict[str, Any] = {"id": fee.fee_id} | {name: getattr(fee, name) for name in same}
    inserting = insert(ApplicationFee).values(row).on_conflict_do_nothing().returning(ApplicationFee.id)
    return await tx.scalar(inserting) is not None


HANDLERS: list[AnyHandler] = [
    Handler("cn.ili.services.application_fee.quoted.v1", ApplicationFeeQuoted, on_quoted),
    Handler("cn.ili.services.application_fee.withdrawn.v1", ApplicationFeeWithdrawn, on_withdrawn),
]
