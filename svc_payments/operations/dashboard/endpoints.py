from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import select

from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery, page_of
from kit.calendar import database_time
from kit.staff.reach import allow_of_whole
from svc_payments.collection.payments.models import Payment
from svc_payments.operations.dashboard import queries, schemas
from svc_payments.operations.dashboard.overdue import OVERDUE, deadline_of

router = APIRouter(
    prefix="/payments/v1",
    tags=["figures"],
    dependencies=[Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))],
)

Minutes = Annotated[int, Query(ge=1, le=7 * 24 * 60, description="How far to look back from now.")]


@router.get("/figures")
async def get_figures(tx: ReadTx, minutes: Minutes = 60) -> schemas.Figures:
    """Get current payment figures: success by channel and provider, time to posting, what is stuck."""
    at = await database_time(tx)
    return await queries.figures(tx, at - timedelta(minutes=minutes), at)


@router.get("/overdue-payments")
async def list_overdue_payments(tx: ReadTx, page: PageQuery) -> Page[schemas.OverduePayment]:
    """List payments past the deadline of their state, oldest first."""
    return await page_of(tx, select(Payment).where(OVERDUE), page, Payment.id, _shown)


def _shown(payment: Payment) -> schemas.OverduePayment:
    return schemas.OverduePayment(
        payment_id=payment.id,
        provider_id=payment.provider_id,
        channel=payment.channel,
        status=payment.status,
        amount_fen=payment.amount_fen,
        deadline=deadline_of(payment),
        created_at=payment.created_at,
    )
