"""Payments as their payer sees them, with what a prepaid meter was given for them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.collection.payments import schemas
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.payments.schemas import Prepaid
from svc_payments.collection.postings.models import Posting


async def show(tx: AsyncSession, payment: Payment) -> schemas.Payment:
    (shown,) = await show_all(tx, [payment])
    return shown


async def show_all(tx: AsyncSession, payments: Sequence[Payment]) -> list[schemas.Payment]:
    prepaid = await _prepaid_by_payment(tx, [payment.id for payment in payments if payment.captured_at])
    return [schemas.shown(payment, prepaid.get(payment.id)) for payment in payments]


async def _prepaid_by_payment(tx: AsyncSession, payment_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[UUID, Prepaid]]:
    """The tokens and cards issued for the bills of each payment."""
    found: dict[UUID, dict[UUID, Prepaid]] = defaultdict(dict)
    if payment_ids:
        booked = select(Posting).where(Posting.payment_id.in_(payment_ids), Posting.prepaid_kind.is_not(None))
        for posting in await tx.scalars(booked):
            if prepaid := prepaid_of(posting):
                found[posting.payment_id][posting.bill_id] = prepaid
    return found


def prepaid_of(posting: Posting) -> Prepaid | None:
    if posting.prepaid_kind is None:
        return None
    return Prepaid(kind=posting.prepaid_kind, token=posting.prepaid_token, state=posting.prepaid_state)
