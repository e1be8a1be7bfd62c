"""A till session as its clerk, supervisor and auditor see it."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.pagination import Page, PageRequest, page_of
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.receipts.models import Receipt
from svc_payments.tills import queries, schemas
from svc_payments.tills.models import TillPayment, TillSession


async def report_of(tx: AsyncSession, session: TillSession) -> schemas.TillReport:
    taken = await queries.totals(tx, session.id)
    paid_out_fen = await queries.paid_out_fen(tx, session.id)
    return schemas.TillReport(
        session=schemas.shown(session),
        totals=[schemas.ChannelTotal(**vars(total)) for total in taken],
        unfinished_payments=await queries.unfinished(tx, session.id),
        paid_out_fen=paid_out_fen,
        expected_fen=queries.expected_fen(session, taken, paid_out_fen),
        counts=[schemas.Count.model_validate(count) for count in await queries.counts(tx, session.id)],
    )


async def payments_of(tx: AsyncSession, session: TillSession, page: PageRequest) -> Page[schemas.TillPayment]:
    own = select(TillPayment).where(TillPayment.till_session_id == session.id)
    rows: Page[TillPayment] = await page_of(tx, own, page, TillPayment.payment_id, lambda row: row)
    ids = [row.payment_id for row in rows.items]
    payments = {each.id: each for each in await tx.scalars(select(Payment).where(Payment.id.in_(ids)))}
    receipts = {each.payment_id: each for each in await tx.scalars(select(Receipt).where(Receipt.payment_id.in_(ids)))}
    items = [schemas.shown_payment(row, payments[row.payment_id], receipts.get(row.payment_id)) for row in rows.items]
    return Page(items=items, next_cursor=rows.next_cursor)
