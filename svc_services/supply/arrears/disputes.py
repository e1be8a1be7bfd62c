"""Disputed bills: nobody is cut off for one until it is decided.

Complaints, a floor above, say of each dispute when it begins and when it is decided.
"""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from chassis.db import now
from kit.calendar import today_of
from svc_services.accounts.bindings.models import AccountBinding
from svc_services.accounts.bindings.queries import in_force
from svc_services.supply.arrears.models import ArrearsAction, ArrearsBill, ArrearsNotice, ArrearsStatus, BillDispute
from svc_services.supply.arrears.queries import notices_of
from svc_services.supply.arrears.steps import take_step

_STOPPED = (ArrearsStatus.OPEN, ArrearsStatus.CUT_OFF_ANNOUNCED)


async def begin(tx: AsyncSession, complaint_id: UUID, provider_id: UUID, bill_id: UUID, person_id: UUID) -> None:
    """Keep a dispute, and stop the cut-off for its bill."""
    dispute = BillDispute(complaint_id=complaint_id, provider_id=provider_id, bill_id=bill_id, person_id=person_id)
    tx.add(dispute)
    await tx.flush()
    await _look_again(tx, dispute)


async def follow(tx: AsyncSession, complaint_id: UUID, *, undecided: bool) -> None:
    """Note whether a dispute is decided. Idempotent."""
    dispute = await tx.get(BillDispute, complaint_id, with_for_update=True)
    if dispute is None or undecided == (dispute.decided_at is None):
        return
    dispute.decided_at = None if undecided else now()
    await tx.flush()
    await _look_again(tx, dispute)


async def learn_bills(tx: AsyncSession, notice: ArrearsNotice, bill_ids: Collection[UUID]) -> None:
    """Keep which bills a notice is about. The notice is locked."""
    of_notice = ArrearsBill.notice_id == notice.id
    await tx.execute(delete(ArrearsBill).where(of_notice, ArrearsBill.bill_id.not_in(bill_ids)))
    if bill_ids:
        rows = [{"notice_id": notice.id, "bill_id": bill_id} for bill_id in bill_ids]
        await tx.execute(insert(ArrearsBill).values(rows).on_conflict_do_nothing())
    await look(tx, notice)


async def look(tx: AsyncSession, notice: ArrearsNotice) -> None:
    """Stop a cut-off for a disputed bill, or let it go on once that is decided. The notice is locked.

    An announced cut-off is announced anew after a dispute: people have its days of notice again.
    """
    if notice.status not in _STOPPED:
        return
    disputed = await _is_disputed(tx, notice)
    if disputed == notice.disputed:
        return
    notice.disputed, notice.cut_off_check = disputed, None
    if notice.status == ArrearsStatus.CUT_OFF_ANNOUNCED:
        notice.move_to(ArrearsStatus.OPEN)
        notice.cut_off_on = None
    action = ArrearsAction.DISPUTE if disputed else ArrearsAction.DECIDE_DISPUTE
    await take_step(tx, notice, action, by_company=False)


async def is_own_bill(tx: AsyncSession, person_id: UUID, provider_id: UUID, bill_id: UUID) -> bool:
    """Whether a notice that the person sees is about a bill."""
    about = exists().where(ArrearsBill.notice_id == ArrearsNotice.id, ArrearsBill.bill_id == bill_id)
    seen = notices_of(person_id, await today_of(tx)).where(ArrearsNotice.provider_id == provider_id, about)
    return await tx.scalar(seen.limit(1)) is not None


async def _look_again(tx: AsyncSession, dispute: BillDispute) -> None:
    about = exists().where(ArrearsBill.notice_id == ArrearsNotice.id, ArrearsBill.bill_id == dispute.bill_id)
    live = select(ArrearsNotice).where(
        ArrearsNotice.provider_id == dispute.provider_id, ArrearsNotice.status.in_(_STOPPED), about
    )
    locked = live.order_by(ArrearsNotice.id).with_for_update().execution_options(populate_existing=True)
    for notice in (await tx.scalars(locked)).all():
        await look(tx, notice)


async def _is_disputed(tx: AsyncSession, notice: ArrearsNotice) -> bool:
    """Whether somebody of the account disputes a bill of it, for the first time: a decided bill is disputed no more."""
    open_, earlier, today = aliased(BillDispute), aliased(BillDispute), await today_of(tx)
    decided = exists().where(
        earlier.provider_id == notice.provider_id,
        earlier.bill_id == open_.bill_id,
        earlier.decided_at.is_not(None),
        _of_account(notice, earlier.person_id, today),
    )
    disputed = exists().where(
        ArrearsBill.notice_id == notice.id,
        open_.bill_id == ArrearsBill.bill_id,
        open_.provider_id == notice.provider_id,
        open_.decided_at.is_(None),
        _of_account(notice, open_.person_id, today),
        ~decided,
    )
    return bool(await tx.scalar(select(disputed)))


def _of_account(notice: ArrearsNotice, person_id: InstrumentedAttribute[UUID], today: date) -> ColumnElement[bool]:
    return exists().where(
        AccountBinding.person_id == person_id,
        AccountBinding.provider_id == notice.provider_id,
        AccountBinding.account_number == notice.account_number,
        in_force(today),
    )
