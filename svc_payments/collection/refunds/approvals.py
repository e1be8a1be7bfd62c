"""Who acts on a refund: never on one's own money, never alone where it takes two, and always on record."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import NotFound
from kit.approvals import require_second_person
from kit.calendar import database_time
from kit.staff.second_person import require_second_holder
from svc_payments.billing.application_fees.queries import is_applicant
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds import schemas, worker
from svc_payments.collection.refunds.models import Refund
from svc_payments.oversight.audit import service as audit
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.settings import Settings


async def existing_refund(tx: AsyncSession, refund_id: UUID) -> Refund:
    refund = await tx.get(Refund, refund_id)
    if refund is None:
        raise NotFound
    return refund


async def lock(tx: AsyncSession, refund_id: UUID) -> tuple[Refund, Payment]:
    await existing_refund(tx, refund_id)
    return await worker.lock(tx, refund_id)


async def payment_of(tx: AsyncSession, payment_id: UUID) -> Payment:
    if not await tx.scalar(select(Payment.id).where(Payment.id == payment_id)):
        raise NotFound
    return await payments.lock(tx, payment_id)


async def require_not_payer(tx: AsyncSession, caller: Caller, payment: Payment) -> None:
    """Refuse staff whose money it is: the payer, who has applied, and whoever is or was bound to an account paid for.

    A payment at a counter may name no payer, so the accounts and applications count as well.

    Raises:
        SecondPersonNeeded
    """
    require_second_person(caller.id, payment.person_id)
    own = select(AccountBinding.person_id).join(
        Bill,
        (Bill.provider_id == AccountBinding.provider_id) & (Bill.account_number == AccountBinding.account_number),
    )
    bound = own.where(AccountBinding.person_id == caller.id, Bill.id.in_(payment.bill_ids))
    require_second_person(caller.id, await tx.scalar(bound.limit(1)))
    if await is_applicant(tx, caller.id, payment.bill_ids):
        require_second_person(caller.id, caller.id)


async def approve_as_second(tx: AsyncSession, caller: Caller, refund: Refund) -> None:
    """Let the caller be the refund's second operator.

    Raises:
        SecondPersonNeeded, and the others of `require_second_holder`
    """
    await require_second_holder(tx, caller, refund.proposed_by, since=await database_time(tx))
    refund.approved_by = caller.id


async def record(
    tx: AsyncSession, caller: Caller, action: str, refund: Refund, reason: str | None, **more: str
) -> None:
    payment_id, amount_fen = str(refund.payment_id), refund.amount_fen
    await audit.record(
        tx, caller, action, refund.id, reason=reason, payment_id=payment_id, amount_fen=amount_fen, **more
    )


def to_staff(refund: Refund, payment: Payment, settings: Settings) -> schemas.StaffRefund:
    return schemas.shown_to_staff(refund, payment, settings.refund_expected)
