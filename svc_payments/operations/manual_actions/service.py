"""Proposing, agreeing to and rejecting manual actions. What is agreed to is done in the same transaction."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import NotFound, Problem
from kit.calendar import database_time
from kit.invariants import InvariantBrokenError
from kit.staff.second_person import require_second_holder
from svc_payments.collection.payments.models import AT_CHANNEL, Attempt, Payment
from svc_payments.collection.postings.models import Posting, PostingStatus
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind
from svc_payments.ledger.service import AccountName
from svc_payments.operations.manual_actions import schemas
from svc_payments.operations.manual_actions.models import ActionStatus, ManualAction
from svc_payments.oversight.audit import service as audit
from svc_payments.oversight.incidents.models import Incident


class NothingToDo(Problem):
    """The target is not, or no longer, in a state that the action applies to."""

    status, code = 409, "nothing_to_do"


async def propose(tx: AsyncSession, caller: Caller, new: schemas.NewManualAction) -> schemas.ManualAction:
    """Keep a proposal for another operator to decide on.

    Raises:
        NotFound: what it is about does not exist.
        NothingToDo: it would change nothing.
    """
    await _target(tx, new.what)
    action = ManualAction(
        kind=new.what.kind,
        what=new.what.model_dump(mode="json"),
        reason=new.reason,
        proposed_by=caller.subject,
        proposed_at=await database_time(tx),
    )
    tx.add(action)
    await tx.flush()
    await _record(tx, caller, "propose", action, new.reason)
    return shown(action)


async def approve(tx: AsyncSession, caller: Caller, action_id: UUID) -> schemas.ManualAction:
    """Agree to what another operator has proposed, which does it.

    Raises:
        NotFound: the action or its target does not exist.
        SecondPersonNeeded: it is the caller's own; and the others of `require_second_holder`.
        IllegalMove: it is decided already.
        NothingToDo: there is nothing left of what it was about.
    """
    action = await _locked(tx, action_id)
    await require_second_holder(tx, caller, action.proposed_by, since=action.proposed_at)
    action.move_to(ActionStatus.DONE)
    await _decide(tx, caller, action)
    await _record(tx, caller, "approve", action, None)
    what = _WHAT.validate_python(action.what)
    await _DOING[type(what)](tx, action, what)
    return shown(action)


async def reject(tx: AsyncSession, caller: Caller, action_id: UUID, reason: str) -> schemas.ManualAction:
    """Reject a proposal, or withdraw one's own.

    Raises:
        NotFound: there is no such action.
        IllegalMove: it is decided already.
    """
    action = await _locked(tx, action_id)
    action.move_to(ActionStatus.REJECTED)
    await _decide(tx, caller, action)
    await _record(tx, caller, "reject", action, reason)
    return shown(action)


def shown(action: ManualAction) -> schemas.ManualAction:
    return schemas.ManualAction(
        manual_action_id=action.id,
        what=action.what,
        reason=action.reason,
        status=action.status,
        proposed_by=action.proposed_by,
        proposed_at=action.proposed_at,
        decided_by=action.decided_by,
        decided_at=action.decided_at,
    )


async def _locked(tx: AsyncSession, action_id: UUID) -> ManualAction:
    action = await tx.get(ManualAction, action_id, with_for_update=True)
    if action is None:
        raise NotFound
    return action


async def _decide(tx: AsyncSession, caller: Caller, action: ManualAction) -> None:
    action.decided_by = caller.subject
    action.decided_at = await database_time(tx)
    await tx.flush()


async def _record(tx: AsyncSession, caller: Caller, verb: str, action: ManualAction, reason: str | None) -> None:
    """Write it down under the action and under what it acts on, so that either leads to it."""
    for subject in {str(action.id), _subject(action)}:
        await audit.record(tx, caller, f"{verb}_{action.kind}", subject, reason=reason, manual_action_id=str(action.id))


def _subject(action: ManualAction) -> str:
    ids = (value for name, value in action.what.items() if name.endswith("_id"))
    return str(next(ids, action.id))


async def _target(tx: AsyncSession, what: schemas.What) -> Any:  # noqa: ANN401 - the row that each kind is about
    """What an action is about, locked, when there is something to do about it."""
    match what:
        case schemas.AskChannel(payment_id=payment_id):
            # The attempt before its payment, as everywhere.
            attempt = await tx.scalar(select(Attempt).where(Attempt.payment_id == payment_id).with_for_update())
            payment = await tx.get(Payment, payment_id)
            _require_fit(payment, fits=payment is not None and payment.status in AT_CHANNEL)
            return attempt
        case schemas.TellProvider(posting_id=posting_id):
            posting = await tx.get(Posting, posting_id, with_for_update=True)
            waits = posting is not None and posting.status in {PostingStatus.PENDING, PostingStatus.UNKNOWN}
            return _require_fit(posting, fits=waits)
        case schemas.ResolveIncident(incident_id=incident_id):
            incident = await tx.get(Incident, incident_id, with_for_update=True)
            return _require_fit(incident, fits=incident is not None and incident.resolved_at is None)
        case schemas.CorrectLedger():
            return None


def _require_fit(target: object, *, fits: bool) -> object:
    if target is None:
        raise NotFound
    if not fits:
        raise NothingToDo
    return target


async def _ask_channel(tx: AsyncSession, _: ManualAction, what: schemas.What) -> None:
    (await _target(tx, what)).ask_at = func.now()


async def _tell_provider(tx: AsyncSession, _: ManualAction, what: schemas.What) -> None:
    (await _target(tx, what)).try_at = func.now()


async def _resolve_incident(tx: AsyncSession, _: ManualAction, what: schemas.What) -> None:
    (await _target(tx, what)).resolved_at = func.now()


async def _correct_ledger(tx: AsyncSession, action: ManualAction, what: schemas.What) -> None:
    if not isinstance(what, schemas.CorrectLedger):
        raise InvariantBrokenError("a correction of the ledger is something else")
    debit, credit = (AccountName(account.kind, account.holder) for account in (what.debit, what.credit))
    await ledger.transfer(tx, TransferKind.CORRECTED, action.id, debit=debit, credit=credit, amount_fen=what.amount_fen)


_WHAT: TypeAdapter[schemas.What] = TypeAdapter(schemas.What)
_DOING: dict[type, Callable[[AsyncSession, ManualAction, schemas.What], Awaitable[None]]] = {
    schemas.AskChannel: _ask_channel,
    schemas.TellProvider: _tell_provider,
    schemas.ResolveIncident: _resolve_incident,
    schemas.CorrectLedger: _correct_ledger,
}
