"""The life of a case, from the run that opens it to its closing entry in the ledger."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import CHINA, new_id
from chassis.outbox import emit
from chassis.problems import NotFound
from kit.approvals import require_second_person
from kit.calendar import database_time, today_of, working_day_after
from kit.changed_days import working_days
from kit.staff.second_person import require_second_holder
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind
from svc_payments.oversight.audit import service as audit
from svc_payments.reconciliation.discrepancies import events
from svc_payments.reconciliation.discrepancies.models import (
    Discrepancy,
    DiscrepancyAct,
    DiscrepancyEntry,
    DiscrepancyStatus,
    Resolution,
)
from svc_payments.reconciliation.runs.models import Finding
from svc_payments.reconciliation.statements.models import Source
from svc_payments.reconciliation.statements.service import Counterparty

WORKING_DAYS = 2
"""How long a difference may stay unexplained; the day it is found does not count."""
_CLOSES = time(19, 0)
"""When offices close here, where the sun is two hours behind the clock."""
OWNER_ROLE = "operator"


async def open_cases(
    tx: AsyncSession, counterparty: Counterparty, findings: Sequence[Finding]
) -> Sequence[Discrepancy]:
    """Open a case for each difference that has none.

    One that a person has closed stays closed: its difference has been dealt with, and does not go away by that. One
    that a run has closed because the difference was gone is followed by a new one.

    The entries in the ledger are still to be made: see `book`.
    """
    known = select(Discrepancy.number, Discrepancy.transaction_id).where(
        Discrepancy.source == counterparty.source,
        Discrepancy.holder == counterparty.holder,
        Discrepancy.number.in_([finding.number for finding in findings]),
        Discrepancy.resolution.is_distinct_from(Resolution.RESOLVED),
    )
    dealt_with = {(row.number, row.transaction_id) for row in await tx.execute(known)}
    due_on = working_day_after(await today_of(tx), WORKING_DAYS, counts=await working_days(tx))
    due_at = datetime.combine(due_on, _CLOSES, CHINA)
    cases = [
        _of(counterparty, finding, due_at)
        for finding in findings
        if (finding.number, finding.transaction_id) not in dealt_with
    ]
    tx.add_all(cases)
    await tx.flush()
    await _note_all(tx, None, DiscrepancyAct.OPENED, {case: {"difference_fen": case.difference_fen} for case in cases})
    if cases:
        await emit(tx, *map(events.opened, cases))
    return cases


async def unclosed(tx: AsyncSession, counterparty: Counterparty, days: Sequence[date]) -> Sequence[Discrepancy]:
    """The cases of some days that are still open, locked."""
    query = select(Discrepancy).where(
        Discrepancy.source == counterparty.source,
        Discrepancy.holder == counterparty.holder,
        Discrepancy.day.in_(days),
        Discrepancy.status != DiscrepancyStatus.CLOSED,
    )
    return (await tx.scalars(query.order_by(Discrepancy.id).with_for_update())).all()


def _of(counterparty: Counterparty, finding: Finding, due_at: datetime) -> Discrepancy:
    return Discrepancy(
        id=new_id(),
        source=counterparty.source,
        holder=counterparty.holder,
        day=finding.day,
        movement=finding.movement,
        number=finding.number,
        transaction_id=finding.transaction_id,
        result=finding.result,
        statement_fen=finding.statement_fen,
        ledger_fen=finding.ledger_fen,
        difference_fen=finding.difference_fen,
        reference_id=finding.reference_id,
        status=DiscrepancyStatus.OPEN,
        owner_role=OWNER_ROLE,
        due_at=due_at,
    )


async def days_with_unclosed(tx: AsyncSession, counterparty: Counterparty, first: date, last: date) -> Sequence[date]:
    """The days of a period that have open cases."""
    days = select(Discrepancy.day).where(
        Discrepancy.source == counterparty.source,
        Discrepancy.holder == counterparty.holder,
        Discrepancy.day.between(first, last),
        Discrepancy.status != DiscrepancyStatus.CLOSED,
    )
    return (await tx.scalars(days.distinct().order_by(Discrepancy.day))).all()


async def lock(tx: AsyncSession, case_id: UUID) -> Discrepancy:
    """A case for changing.

    Raises:
        NotFound: there is none.
    """
    case = await tx.get(Discrepancy, case_id, with_for_update=True, populate_existing=True)
    if case is None:
        raise NotFound
    return case


async def hand_over(tx: AsyncSession, caller: Caller, case_id: UUID, assignee_id: UUID, reason: str) -> Discrepancy:
    """Assign a discrepancy.

    Raises:
        NotFound: there is no such case.
        IllegalMove: it is closed.
    """
    case = await _unclosed(tx, case_id)
    before, case.assignee_id = case.assignee_id, assignee_id
    changed = {"from": str(before) if before else None, "to": str(assignee_id)}
    await _note(tx, case, caller, DiscrepancyAct.HANDED_OVER, reason, **changed)
    return case


async def comment(tx: AsyncSession, caller: Caller, case_id: UUID, words: str) -> Discrepancy:
    case = await lock(tx, case_id)
    await _note(tx, case, caller, DiscrepancyAct.COMMENTED, words)
    return case


async def settle(tx: AsyncSession, caller: Caller, case_id: UUID, reason: str) -> Discrepancy:
    """Close a case that the other side has put right.

    Raises:
        NotFound: there is no such case.
        IllegalMove: it is closed already.
    """
    case = await _unclosed(tx, case_id)
    await _close(tx, case, Resolution.SETTLED, caller, reason)
    return case


async def propose_write_off(tx: AsyncSession, caller: Caller, case_id: UUID, reason: str) -> Discrepancy:
    """Propose to write a discrepancy off; a second person decides.

    Raises:
        NotFound: there is no such case.
        IllegalMove: it is closed, or proposed already.
    """
    case = await lock(tx, case_id)
    case.move_to(DiscrepancyStatus.PROPOSED)
    case.proposed_by = caller.subject
    await _note(tx, case, caller, DiscrepancyAct.WRITE_OFF_PROPOSED, reason)
    return case


async def decide_write_off(
    tx: AsyncSession, caller: Caller, case_id: UUID, *, agreed: bool, reason: str
) -> Discrepancy:
    """Agree to a proposed write-off, or refuse it.

    Raises:
        NotFound: there is no such case.
        IllegalMove: it is not proposed.
        SecondPersonNeeded: it is the caller's own proposal.
        RoleTooNew, NotIndependent and others: as `require_second_holder`.
    """
    case = await lock(tx, case_id)
    if case.status != DiscrepancyStatus.PROPOSED:
        case.move_to(DiscrepancyStatus.OPEN)  # raises: an open case has nothing to decide on, a closed one no more
    require_second_person(caller.subject, case.proposed_by)
    if agreed:
        await require_second_holder(tx, caller, case.proposed_by, since=await database_time(tx))
        await _close(tx, case, Resolution.WRITTEN_OFF, caller, reason)
    else:
        case.move_to(DiscrepancyStatus.OPEN)
        case.proposed_by = None
        await _note(tx, case, caller, DiscrepancyAct.WRITE_OFF_REFUSED, reason)
    return case


async def resolve(tx: AsyncSession, cases: Sequence[Discrepancy]) -> None:
    """Resolve locked cases whose difference is gone; `book` makes their ledger entries."""
    await _end(tx, cases, Resolution.RESOLVED, None, None)


async def book(tx: AsyncSession, *, opened: Sequence[Discrepancy], closed: Sequence[Discrepancy]) -> None:
    """Make the entries of cases in the ledger, where locks are held until the transaction ends.

    A case is booked into suspense when it is opened, so that the books show what the channel has, and out of it again
    when it is closed. What a provider says moves no money here.
    """
    taken_out = [_taken_out(case) for case in closed if case.source == Source.CHANNEL]
    recorded = [_recorded(case) for case in opened if case.source == Source.CHANNEL]
    await ledger.transfer_all(tx, taken_out + recorded)


def _taken_out(case: Discrepancy) -> ledger.Movement:
    written_off = case.resolution == Resolution.WRITTEN_OFF
    other = ledger.fees(case.holder) if written_off else ledger.channel_receivable(case.holder)
    return _movement(TransferKind.CASE_CLOSED, case, -case.difference_fen, other)


def _recorded(case: Discrepancy) -> ledger.Movement:
    kind = TransferKind.EXCESS_RECORDED if case.difference_fen > 0 else TransferKind.SHORTAGE_RECORDED
    return _movement(kind, case, case.difference_fen, ledger.channel_receivable(case.holder))


def _movement(kind: TransferKind, case: Discrepancy, amount_fen: int, other: ledger.AccountName) -> ledger.Movement:
    return ledger.Movement(kind, case.id, {other: amount_fen, ledger.suspense(case.holder): -amount_fen})


async def _close(tx: AsyncSession, case: Discrepancy, resolution: Resolution, caller: Caller, reason: str) -> None:
    await _end(tx, [case], resolution, caller, reason)
    await book(tx, opened=[], closed=[case])


async def _end(
    tx: AsyncSession, cases: Sequence[Discrepancy], resolution: Resolution, caller: Caller | None, reason: str | None
) -> None:
    if not cases:
        return
    closed_at = await database_time(tx)
    for case in cases:
        case.move_to(DiscrepancyStatus.CLOSED)
        case.resolution = resolution
        case.closed_at = closed_at
    await _note_all(tx, caller, DiscrepancyAct.CLOSED, {case: {"resolution": resolution} for case in cases}, reason)
    await emit(tx, *map(events.closed, cases))


async def _unclosed(tx: AsyncSession, case_id: UUID) -> Discrepancy:
    case = await lock(tx, case_id)
    if case.status == DiscrepancyStatus.CLOSED:
        case.move_to(DiscrepancyStatus.CLOSED)  # raises
    return case


async def _note(
    tx: AsyncSession,
    case: Discrepancy,
    caller: Caller | None,
    act: DiscrepancyAct,
    words: str | None = None,
    **details: Any,  # noqa: ANN401 - JSON
) -> None:
    await _note_all(tx, caller, act, {case: details}, words)


async def _note_all(
    tx: AsyncSession,
    caller: Caller | None,
    act: DiscrepancyAct,
    cases: Mapping[Discrepancy, Mapping[str, Any]],
    words: str | None = None,
) -> None:
    """The same act on several cases, each with its details: a run may open thousands."""
    actor = caller.subject if caller else audit.SYSTEM
    tx.add_all(
        DiscrepancyEntry(case_id=case.id, act=act, actor=actor, words=words, details=dict(details))
        for case, details in cases.items()
    )
    # What was written stays with the case: the trail says only that it was.
    await audit.record_all(tx, caller, f"case_{act}", {case.id: details for case, details in cases.items()})
