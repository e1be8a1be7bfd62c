"""Tells the hotline of each step, with growing pauses while it cannot be reached. Our own cases never wait for it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from prometheus_client import Gauge
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.telemetry import log
from kit.leases import claimable, pause_after
from svc_services.supervision.complaints.models import Complaint
from svc_services.supervision.hotline.models import HotlineTicket
from svc_services.supervision.hotline.provider import Acknowledgement, Hotline
from svc_services.supervision.hotline.schemas import HandedTicket
from svc_services.supervision.hotline.service import lock_number
from svc_services.supervision.hotline.states import handed

PAUSES = (10.0, 60.0, 300.0, 900.0, 3600.0)
_LEASE, _AT_ONCE = timedelta(seconds=60), 10
CONTRADICTIONS = Gauge("myili_hotline_contradictions", "Complaints of which the hotline gave numbers against ours.")
OLDEST = Gauge("myili_hotline_oldest_seconds", "How long the hotline could not be told of a step, at the longest.")


@dataclass(frozen=True)
class Due:
    complaint_id: UUID
    number: int
    ticket: HandedTicket


async def tell_due(database: Database, hotline: Hotline) -> None:
    """Tell the hotline where the complaints stand of which it does not know the last step."""
    due = await _lease(database)
    answers = await asyncio.gather(*(hotline.tell(each.ticket) for each in due))
    for each, answer in zip(due, answers, strict=True):
        async with database.transaction() as tx:
            await _apply(tx, each, answer)
    await _measure(database)


async def _measure(database: Database) -> None:
    contradicted = select(func.count()).where(Complaint.hotline_problem.is_not(None))
    waiting = func.extract("epoch", func.now() - func.min(HotlineTicket.failing_since))
    async with database.read() as tx:
        CONTRADICTIONS.set(await tx.scalar(contradicted) or 0)
        OLDEST.set(float(await tx.scalar(select(waiting).where(HotlineTicket.failing_since.is_not(None))) or 0))


async def _lease(database: Database) -> Sequence[Due]:
    async with database.transaction() as tx:
        due = (
            select(HotlineTicket, Complaint)
            .join(Complaint, Complaint.id == HotlineTicket.complaint_id)
            .where(
                HotlineTicket.try_at <= now(),
                HotlineTicket.told_revision < Complaint.revision,
                Complaint.hotline_problem.is_(None),
            )
        )
        rows = (await tx.execute(claimable(due, HotlineTicket.try_at, limit=_AT_ONCE, of=HotlineTicket))).all()
        return [Due(ticket.complaint_id, ticket.lease(_LEASE), await handed(tx, row, ticket)) for ticket, row in rows]


async def _apply(tx: AsyncSession, due: Due, answer: Acknowledgement | None) -> None:
    row = await tx.get_one(Complaint, due.complaint_id, with_for_update=True)
    ticket = await tx.get_one(HotlineTicket, due.complaint_id, with_for_update=True)
    if ticket.tries != due.number:
        return
    if answer is None:
        ticket.try_at = now() + pause_after(PAUSES, ticket.failures)
        ticket.failures += 1
        ticket.failing_since = ticket.failing_since or now()
        return
    if problem := await _contradiction(tx, row, answer):
        log.error("hotline_contradiction", number=row.number, problem=problem)
        row.hotline_problem = problem
        return
    row.hotline_number = answer.hotline_number
    ticket.told_revision, ticket.failures, ticket.try_at = due.ticket.revision, 0, now()
    ticket.failing_since = None


async def _contradiction(tx: AsyncSession, row: Complaint, answer: Acknowledgement) -> str | None:
    """Why the numbers of an answer cannot be kept: ours stay as they are."""
    if answer.number != row.number:
        return "other_ticket"
    if row.hotline_number not in {None, answer.hotline_number}:
        return "number_changed"
    await lock_number(tx, answer.hotline_number)
    taken = select(Complaint.id).where(Complaint.hotline_number == answer.hotline_number, Complaint.id != row.id)
    return "number_taken" if await tx.scalar(taken) else None
