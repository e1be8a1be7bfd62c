"""The life of a till session: opened and counted by a clerk, closed and deposited by a supervisor of the counter.

The session's row is locked before anything else, so that a payment and a count of the drawer
cannot overlap.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller, Membership
from chassis.db import new_id
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from kit.calendar import database_time
from kit.invariants import InvariantBrokenError
from kit.staff.reach import divisions_of
from kit.staff.second_person import require_second_holder
from svc_payments.amounts import money
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind
from svc_payments.oversight.audit import service as audit
from svc_payments.oversight.incidents import service as incidents
from svc_payments.oversight.incidents.models import IncidentKind
from svc_payments.settings.channels import ChannelName
from svc_payments.tills import queries, schemas
from svc_payments.tills.events import (
    TillSessionClosed,
    TillSessionCounted,
    TillSessionDeposited,
    TillSessionOpened,
    TillSessionReopened,
    event_of,
)
from svc_payments.tills.models import SessionStatus, TillCount, TillSession

CLERK, SUPERVISOR = "clerk", "till_supervisor"
OVERSEERS = ("operator", "auditor")


class NotClerkOfCounter(Problem):
    status, code = 403, "not_clerk_of_counter"


class TillInUse(Problem):
    """The till, or the clerk, has a session that is not closed yet."""

    status, code = 409, "till_in_use"


class TillSessionNotOpen(Problem):
    status, code = 409, "till_session_not_open"


class TillPaymentsUnfinished(Problem):
    """A card terminal's answer has not been entered."""

    status, code = 409, "till_payments_unfinished"


class OwnTillSession(Problem):
    """A session must be closed by a person other than its clerk."""

    status, code = 403, "own_till_session"


class NothingToDeposit(Problem):
    status, code = 409, "nothing_to_deposit"


class DepositDiffers(Problem):
    status, code = 409, "deposit_differs"


class DepositReferenceUsed(Problem):
    status, code = 409, "deposit_reference_used"


async def open_session(tx: AsyncSession, caller: Caller, new: schemas.NewTillSession) -> schemas.TillSession:
    """Begin taking payments at a till.

    Raises:
        NotClerkOfCounter: the caller is no clerk of this counter.
        TillInUse: the till or the clerk has another session that is not closed.
    """
    membership = _membership(caller, CLERK, new.organisation_id)
    if membership is None:
        raise NotClerkOfCounter
    values = {"id": new_id(), **new.model_dump(), "division_code": membership.division_code, "clerk_id": caller.id}
    opened = insert(TillSession).values(**values, status=SessionStatus.OPEN).on_conflict_do_nothing()
    session_id = await tx.scalar(opened.returning(TillSession.id))
    if session_id is None:
        raise TillInUse
    session = await tx.get_one(TillSession, session_id)
    await audit.record(tx, caller, "open_till_session", session_id, opening_float_fen=session.opening_float_fen)
    await emit(tx, event_of(TillSessionOpened, session))
    return schemas.shown(session)


def visible_to(caller: Caller) -> ColumnElement[bool]:
    """Clerks see their own sessions, supervisors those of the counter, auditors and operators those of the division."""
    overseen = divisions_of(caller, *OVERSEERS)
    if overseen is None:
        return TillSession.id.is_not(None)
    supervised = [each.organisation_id for each in caller.memberships_as(SUPERVISOR)]
    of_counter = TillSession.organisation_id.in_(supervised)
    return or_(TillSession.clerk_id == caller.id, of_counter, TillSession.division_code.in_(overseen))


async def get_session(tx: AsyncSession, caller: Caller, session_id: UUID) -> TillSession:
    """A session that the caller may see.

    Raises:
        NotFound: there is none, which is also the answer to those of other counters.
    """
    session = await tx.scalar(select(TillSession).where(TillSession.id == session_id, visible_to(caller)))
    if session is None:
        raise NotFound
    return session


async def lock_own(tx: AsyncSession, caller: Caller, session_id: UUID) -> TillSession:
    """The clerk's own open session, at a counter that they still are a clerk of.

    Raises:
        NotFound, TillSessionNotOpen
    """
    session = await _lock(tx, session_id)
    if session.clerk_id != caller.id or not _membership(caller, CLERK, session.organisation_id):
        raise NotFound
    if session.status != SessionStatus.OPEN:
        raise TillSessionNotOpen(session_status=session.status)
    return session


async def lock_supervised(tx: AsyncSession, caller: Caller, session_id: UUID) -> TillSession:
    """A session of another clerk, at the counter that the caller supervises.

    Raises:
        NotFound: it is another counter's.
        OwnTillSession: it is the caller's own.
        RoleNotKnownYet, RoleTooNew, NotIndependent: as `require_second_holder`.
    """
    session = await _lock(tx, session_id)
    if not _membership(caller, SUPERVISOR, session.organisation_id):
        raise NotFound
    within = [session.division_code] if session.division_code else None
    await require_second_holder(
        tx, caller, session.clerk_id, role=SUPERVISOR, first_role=CLERK, within=within, refusal=OwnTillSession
    )
    return session


async def count_drawer(
    tx: AsyncSession, caller: Caller, session_id: UUID, new: schemas.NewCount
) -> schemas.TillSession:
    """End the taking of payments by counting the drawer.

    Raises:
        NotFound, TillSessionNotOpen: as `lock_own`.
        TillPaymentsUnfinished: the result of a card payment has to be entered first.
    """
    session = await lock_own(tx, caller, session_id)
    if waiting := await queries.unfinished(tx, session.id):
        raise TillPaymentsUnfinished(payments=waiting)
    session.expected_fen = await queries.in_drawer_fen(tx, session)
    session.counted_fen = sum(int(fen) * pieces for fen, pieces in new.pieces.items())
    session.move_to(SessionStatus.COUNTED)
    tx.add(
        TillCount(
            till_session_id=session.id,
            counted_by=caller.id,
            pieces=new.pieces,
            counted_fen=session.counted_fen,
            expected_fen=session.expected_fen,
        )
    )
    await tx.flush()
    await emit(tx, event_of(TillSessionCounted, session))
    return schemas.shown(session)


async def send_back(tx: AsyncSession, caller: Caller, session_id: UUID, reason: str) -> schemas.TillSession:
    """Reopen a counted session to correct and recount it; the old count stays on record.

    Raises:
        NotFound, OwnTillSession: as `lock_supervised`.
        IllegalMove: it has not been counted, or is closed.
    """
    session = await lock_supervised(tx, caller, session_id)
    session.move_to(SessionStatus.OPEN)
    session.counted_fen = session.expected_fen = None
    await audit.record(tx, caller, "send_back_till_session", session.id, reason=reason)
    await emit(tx, event_of(TillSessionReopened, session))
    return schemas.shown(session)


async def close_session(tx: AsyncSession, caller: Caller, session_id: UUID) -> schemas.TillSession:
    """Close a counted session; a cash difference is booked to suspense and becomes an incident.

    Raises:
        NotFound, OwnTillSession: as `lock_supervised`.
        IllegalMove: it has not been counted, or is closed.
    """
    session = await lock_supervised(tx, caller, session_id)
    moment = await database_time(tx)
    session.move_to(SessionStatus.CLOSED)
    session.closed_at, session.closed_by = moment, caller.id
    difference = session.difference_fen
    if difference is None:
        raise InvariantBrokenError("a closed session was not counted")
    await audit.record(tx, caller, "close_till_session", session.id, difference_fen=difference)
    await emit(tx, event_of(TillSessionClosed, session))
    if difference:
        await incidents.record(tx, IncidentKind.CASH_DIFFERENCE, session.id, amount_fen=difference)
        await _book_difference(tx, session.id, difference)
    return schemas.shown(session)


async def deposit(tx: AsyncSession, caller: Caller, session_id: UUID, new: schemas.NewDeposit) -> schemas.TillSession:
    """The cash of a closed session has been taken to the bank; the float stays in the drawer.

    Raises:
        NotFound, OwnTillSession: as `lock_supervised`.
        IllegalMove: it is not closed, or has been deposited.
        NothingToDeposit: the drawer held no more than the float.
        DepositDiffers: the slip says another amount.
        DepositReferenceUsed: the slip is another session's.
    """
    session = await lock_supervised(tx, caller, session_id)
    moment = await database_time(tx)
    if session.status == SessionStatus.CLOSED:
        await _check_deposit(tx, session, new)
    session.move_to(SessionStatus.DEPOSITED)
    session.deposited_at, session.deposited_by = moment, caller.id
    session.deposit_reference = new.reference
    await audit.record(tx, caller, "deposit_till_cash", session.id, amount_fen=new.amount_fen)
    await emit(tx, event_of(TillSessionDeposited, session))
    await ledger.transfer(
        tx,
        TransferKind.CASH_DEPOSITED,
        session.id,
        debit=ledger.bank(),
        credit=ledger.channel_receivable(ChannelName.CASH),
        amount_fen=new.amount_fen,
    )
    return schemas.shown(session)


async def _check_deposit(tx: AsyncSession, session: TillSession, new: schemas.NewDeposit) -> None:
    if session.counted_fen is None:
        raise InvariantBrokenError("a closed session was not counted")
    amount_fen = session.counted_fen - session.opening_float_fen
    if amount_fen <= 0:
        raise NothingToDeposit
    if new.amount_fen != amount_fen:
        raise DepositDiffers(**money(amount=amount_fen))
    # Two supervisors who enter one bank slip at once: the second finds what the first has done.
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"deposit\n{new.reference}", 0))))
    if await tx.scalar(select(TillSession.id).where(TillSession.deposit_reference == new.reference)):
        raise DepositReferenceUsed


async def _book_difference(tx: AsyncSession, session_id: UUID, difference_fen: int) -> None:
    receivable, suspense = ledger.channel_receivable(ChannelName.CASH), ledger.suspense(ChannelName.CASH)
    excess = difference_fen > 0
    await ledger.transfer(
        tx,
        TransferKind.CASH_DIFFERENCE,
        session_id,
        debit=receivable if excess else suspense,
        credit=suspense if excess else receivable,
        amount_fen=abs(difference_fen),
    )


def _membership(caller: Caller, role: str, organisation_id: UUID) -> Membership | None:
    return next((each for each in caller.memberships_as(role) if each.organisation_id == organisation_id), None)


async def _lock(tx: AsyncSession, session_id: UUID) -> TillSession:
    query = select(TillSession).where(TillSession.id == session_id).with_for_update()
    session = await tx.scalar(query.execution_options(populate_existing=True))
    if session is None:
        raise NotFound
    return session
