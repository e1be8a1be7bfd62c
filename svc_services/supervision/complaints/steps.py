"""The steps of complaints, kept and told. Every caller holds the lock on the row."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.outbox import emit
from kit.approvals import SecondPersonNeeded
from kit.calendar import today
from kit.papers.codes import ALPHABET
from svc_services.calendar.days.queries import calendar_of
from svc_services.cases.applications.models import ApplicationStep
from svc_services.providers.own_company.outsiders import require_outsider
from svc_services.supervision.complaints import clock
from svc_services.supervision.complaints.events import ComplaintMoved
from svc_services.supervision.complaints.models import (
    CallBackOutcome,
    Complaint,
    ComplaintAction,
    ComplaintActor,
    ComplaintEntry,
    ComplaintStatus,
    ComplaintSubject,
)
from svc_services.supervision.complaints.refusals import ComplaintOpenAlready
from svc_services.supply.arrears import disputes

_NUMBER_CHARACTERS = 8
_ONE_OPEN = "uq_complaints_open"


def new_number() -> str:
    """A number that can be said on the phone, and tells nobody how many complaints there are."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(_NUMBER_CHARACTERS))
    return f"TS{today():%Y%m%d}-{drawn}"


async def file(tx: AsyncSession, row: Complaint, actor: ComplaintActor) -> None:
    """Begin a complaint; the days to decide whether it is accepted begin to count."""
    row.number, row.status, row.filed_at, row.revision = new_number(), ComplaintStatus.FILED, now(), 0
    clock.start(row, await calendar_of(tx))
    tx.add(row)
    await _flush(tx)
    await note(tx, row, ComplaintAction.FILE, actor)


async def move(tx: AsyncSession, row: Complaint, action: ComplaintAction, status: ComplaintStatus) -> None:
    """Move a complaint with its clock.

    Raises:
        IllegalMove
        ComplaintOpenAlready: it would be open again beside another one.
    """
    await clock.move(tx, row, action, status)
    await _flush(tx)


@dataclass(frozen=True)
class Said:
    """What was said with a step."""

    words: str | None = None
    outcome: CallBackOutcome | None = None
    hotline_reference: str | None = None


NOTHING = Said()


async def note(
    tx: AsyncSession,
    row: Complaint,
    action: ComplaintAction,
    actor: ComplaintActor,
    actor_id: UUID | None = None,
    said: Said = NOTHING,
) -> None:
    """Keep a step, and tell of it."""
    row.revision += 1
    entry = ComplaintEntry(complaint_id=row.id, position=row.revision, action=action, actor=actor, taken_at=now())
    entry.actor_id, entry.words, entry.outcome = actor_id, said.words, said.outcome
    entry.hotline_reference = said.hotline_reference
    tx.add(entry)
    await tx.flush()
    await _stop_cut_off(tx, row, action)
    names = set(ComplaintMoved.model_fields) - {"complaint_id", "action", "outcome"}
    same = {name: getattr(row, name) for name in names}
    await emit(tx, ComplaintMoved(complaint_id=row.id, action=action, outcome=said.outcome, **same))


async def _stop_cut_off(tx: AsyncSession, row: Complaint, action: ComplaintAction) -> None:
    """Let nobody be cut off for a bill that a resident disputes, until the answer that they cannot dispute."""
    if row.subject != ComplaintSubject.BILL or not row.person_id or not row.provider_id:
        return
    if action == ComplaintAction.FILE:
        await disputes.begin(tx, row.id, row.provider_id, UUID(str(row.subject_ref)), row.person_id)
        return
    last_word = row.status == ComplaintStatus.ANSWERED and row.disputed
    undecided = row.ended_at is None and not last_word and not row.reopened
    await disputes.follow(tx, row.id, undecided=undecided)


async def require_independent(tx: AsyncSession, caller: Caller, row: Complaint, *actions: ComplaintAction) -> None:
    """Refuse who is the complainant, took part in what it is about, or took one of these steps of it.

    Raises:
        SecondPersonNeeded, OwnCompany
    """
    if caller.id == row.person_id:
        raise SecondPersonNeeded
    if row.provider_id:
        await require_outsider(tx, caller, row.provider_id)
    taken = exists().where(
        ComplaintEntry.complaint_id == row.id,
        ComplaintEntry.actor_id == caller.id,
        ComplaintEntry.action.in_(actions),
    )
    if actions and await tx.scalar(select(taken)):
        raise SecondPersonNeeded
    if row.subject == ComplaintSubject.APPLICATION and row.subject_ref:
        step = exists().where(
            ApplicationStep.application_id == UUID(row.subject_ref), ApplicationStep.actor_id == caller.id
        )
        if await tx.scalar(select(step)):
            raise SecondPersonNeeded


async def _flush(tx: AsyncSession) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        if _ONE_OPEN in str(error.orig):
            raise ComplaintOpenAlready from None
        raise
