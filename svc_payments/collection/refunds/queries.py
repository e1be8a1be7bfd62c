"""Refunds as their payers and as staff read them."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds import schemas
from svc_payments.collection.refunds.models import Refund


async def own_refunds(
    tx: AsyncSession, person_id: UUID, payment_id: UUID | None, page: PageRequest, expected: timedelta
) -> Page[schemas.Refund]:
    query = _of_person(person_id)
    if payment_id:
        query = query.where(Refund.payment_id == payment_id)
    return await page_of(
        tx, query, page, Refund.id, lambda refund: schemas.shown(refund, refund.payment, expected), newest_first=True
    )


async def own_refund(tx: AsyncSession, person_id: UUID, refund_id: UUID, expected: timedelta) -> schemas.Refund:
    """A refund of this person's payment.

    Raises:
        NotFound: there is none, or it belongs to another person; the answer does not say which.
    """
    refund = await tx.scalar(_of_person(person_id).where(Refund.id == refund_id))
    if refund is None:
        raise NotFound
    return schemas.shown(refund, refund.payment, expected)


async def for_staff(
    tx: AsyncSession, query: Select[Refund], page: PageRequest, expected: timedelta
) -> Page[schemas.StaffRefund]:
    with_payment = query.options(selectinload(Refund.payment))
    return await page_of(
        tx, with_payment, page, Refund.id, lambda refund: schemas.shown_to_staff(refund, refund.payment, expected)
    )


def _of_person(person_id: UUID) -> Select[Refund]:
    own = select(Refund).join(Refund.payment).where(Payment.person_id == person_id)
    return own.options(selectinload(Refund.payment))
