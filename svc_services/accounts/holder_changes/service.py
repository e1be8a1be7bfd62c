"""An account changes hands: the bindings of its former holder end, on the provider's word or on that of two operators.

Whether anybody has bound the account is told to nobody who reports a change.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database, now
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.calendar import today
from kit.leases import claimable
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in
from kit.staff.second_person import require_second_holder
from svc_services.accounts.bindings import ends
from svc_services.accounts.bindings.provider import Question
from svc_services.accounts.bindings.service import BadAccountNumber
from svc_services.accounts.holder_changes import schemas
from svc_services.accounts.holder_changes.models import HolderChange, HolderChangeStatus
from svc_services.accounts.holder_changes.queries import latest_day
from svc_services.base import lock
from svc_services.callers import OPERATOR
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.models import PROPOSAL_LIFE, Action, ChangeStatus, ProviderChange
from svc_services.providers.connections.queries import locked_caller
from svc_services.providers.connections.refusals import ProposalExpired
from svc_services.providers.deliveries.models import DeliveryKind
from svc_services.providers.deliveries.service import enqueue
from svc_services.providers.own_company.outsiders import require_outsider

_MOST_AHEAD = timedelta(days=366)
_MOST_BEHIND = timedelta(days=5 * 366)
"""A report of an earlier day has a mistyped year, and would take from the holder all that they see."""
_REJECTED = SecurityEvent("holder_change_rejected")
_EVENTS = {
    HolderChangeStatus.PROPOSED: SecurityEvent("holder_change_proposed"),
    HolderChangeStatus.SCHEDULED: SecurityEvent("holder_change_scheduled"),
    HolderChangeStatus.DONE: SecurityEvent("holder_changed"),
    HolderChangeStatus.REJECTED: _REJECTED,
    HolderChangeStatus.WITHDRAWN: _REJECTED,
}
_IN_FORCE = (HolderChangeStatus.SCHEDULED, HolderChangeStatus.DONE)


class EffectiveDayTooFar(Problem):
    status, code = 422, "effective_on_too_far"


class LaterChangeKnown(Problem):
    """A later change has taken effect: the account is with its holder after that one."""

    status, code = 409, "later_change_known"


class OtherChangeKnown(Problem):
    """The account's change of that day is known as one of the other kind."""

    status, code = 409, "other_change_known"


async def report(tx: AsyncSession, provider_id: UUID, new: schemas.NewHolderChange) -> schemas.HolderChange:
    """Keep a provider's report; a repeated one has no effect.

    Raises:
        NotAllowed, ClientSuspended, BadAccountNumber, EffectiveDayTooFar, LaterChangeKnown, OtherChangeKnown
    """
    provider = await locked_caller(tx, provider_id, read=True)
    await _require_number(tx, provider, new.account_number)
    await _lock_account(tx, provider_id, new.account_number)
    if known := await _known(tx, provider_id, new):
        if known.kind != new.kind:
            raise OtherChangeKnown(day=known.effective_on.isoformat())
        return shown(known)
    change = await _added(tx, provider_id, new, HolderChangeStatus.SCHEDULED)
    await _carry_out_if_due(tx, change)
    return _recorded(tx, change)


async def withdraw(tx: AsyncSession, provider_id: UUID, change_id: UUID) -> schemas.HolderChange:
    """Withdraw a provider's report before its day.

    Raises:
        NotFound, ClientSuspended, IllegalMove
    """
    await _of_provider(tx, provider_id, change_id)
    await locked_caller(tx, provider_id, read=True)
    change = await _locked(tx, provider_id, change_id)
    if change.proposed_by is not None:
        raise NotFound
    change.move_to(HolderChangeStatus.WITHDRAWN)
    return _recorded(tx, change)


async def propose(
    tx: AsyncSession, caller: Caller, provider_id: UUID, new: schemas.ProposedHolderChange
) -> schemas.HolderChange:
    """Propose a change as an operator; nothing changes before another one approves.

    Raises:
        NotFound, NotYourDivision, BadAccountNumber, EffectiveDayTooFar, LaterChangeKnown
    """
    provider = await tx.get(Provider, provider_id)
    if provider is None:
        raise NotFound
    acting_in(caller, provider.division_codes, OPERATOR)
    await _require_number(tx, provider, new.account_number)
    await _lock_account(tx, provider_id, new.account_number)
    change = await _added(tx, provider_id, new, HolderChangeStatus.PROPOSED)
    change.proposed_by, change.reason = caller.id, new.reason
    await tx.flush()
    return _recorded(tx, change)


async def approve(tx: AsyncSession, caller: Caller, provider_id: UUID, change_id: UUID) -> schemas.HolderChange:
    """Approve another operator's proposal.

    Raises:
        NotFound, NotYourDivision, OwnCompany, ProposalExpired, IllegalMove, LaterChangeKnown
        SecondPersonNeeded, and the others of `require_second_holder`
    """
    change = await _locked(tx, provider_id, change_id)
    if change.proposed_by is None:
        raise NotFound
    within = (await tx.get_one(Provider, provider_id)).division_codes
    acting = acting_in(caller, within, OPERATOR)
    await require_outsider(tx, caller, provider_id)
    await require_second_holder(tx, acting, change.proposed_by, since=change.reported_at, within=within)
    if change.status == HolderChangeStatus.PROPOSED and change.reported_at + PROPOSAL_LIFE < now():
        raise ProposalExpired
    await _require_latest(tx, change)
    if await _known(tx, provider_id, change):
        raise LaterChangeKnown(day=change.effective_on.isoformat())
    change.decide(HolderChangeStatus.SCHEDULED, caller.id)
    await tx.flush()
    await _carry_out_if_due(tx, change)
    return _recorded(tx, change)


async def reject(tx: AsyncSession, caller: Caller, provider_id: UUID, change_id: UUID) -> schemas.HolderChange:
    """Reject a proposal, or withdraw one's own.

    Raises:
        NotFound, NotYourDivision, IllegalMove
    """
    change = await _locked(tx, provider_id, change_id)
    if change.proposed_by is None:
        raise NotFound
    acting_in(caller, (await tx.get_one(Provider, provider_id)).division_codes, OPERATOR)
    own = caller.id == change.proposed_by and change.status == HolderChangeStatus.PROPOSED
    change.decide(HolderChangeStatus.WITHDRAWN if own else HolderChangeStatus.REJECTED, caller.id)
    return _recorded(tx, change)


async def carry_out_due(database: Database) -> None:
    """End the bindings whose account changes hands today, one account in a transaction."""
    while True:
        async with database.transaction() as tx:
            due = (
                select(HolderChange)
                .join(Provider, Provider.id == HolderChange.provider_id)
                .where(
                    HolderChange.status == HolderChangeStatus.SCHEDULED,
                    HolderChange.effective_on <= today(),
                    # What a suspended provider has reported waits.
                    Provider.suspended_at.is_(None),
                )
            )
            order = (HolderChange.effective_on, HolderChange.id)
            change = await tx.scalar(claimable(due, *order, limit=1, of=HolderChange))
            if change is None:
                return
            await _carry_out_if_due(tx, change)
            _recorded(tx, change)


async def carry_out_before(tx: AsyncSession, question: Question) -> None:
    """Carry out the account's changes that are due, before the provider's answer about a new binding is applied.

    Otherwise the worker would end a binding that the next holder makes right after midnight.
    """
    await _lock_account(tx, question.provider_id, question.account_number)
    due = select(HolderChange).where(
        HolderChange.provider_id == question.provider_id,
        HolderChange.account_number == question.account_number,
        HolderChange.status == HolderChangeStatus.SCHEDULED,
        HolderChange.effective_on < question.asked_on,
    )
    for change in (await tx.scalars(due.order_by(HolderChange.effective_on).with_for_update())).all():
        await _carry_out_if_due(tx, change, asking=question.binding_id)
        _recorded(tx, change)


async def _carry_out_if_due(tx: AsyncSession, change: HolderChange, *, asking: UUID | None = None) -> None:
    if change.effective_on > today():
        return
    latest = await latest_day(tx, change.provider_id, change.account_number)
    # One that comes after a later change must not end the bindings of the holder after that.
    if latest is None or latest < change.effective_on:
        account = (change.provider_id, change.account_number)
        await ends.end_of_account(tx, *account, held_until=change.effective_on, asking=asking)
    change.move_to(HolderChangeStatus.DONE)
    change.done_at = now()
    await tx.flush()
    await enqueue(tx, change.provider_id, DeliveryKind.HOLDER_CHANGE_DONE, change.id)


async def _added(
    tx: AsyncSession, provider_id: UUID, new: schemas.NewHolderChange, status: HolderChangeStatus
) -> HolderChange:
    if not today() - _MOST_BEHIND <= new.effective_on <= today() + _MOST_AHEAD:
        raise EffectiveDayTooFar
    change = HolderChange(
        provider_id=provider_id,
        account_number=new.account_number,
        kind=new.kind,
        effective_on=new.effective_on,
        status=status,
    )
    await _require_latest(tx, change)
    tx.add(change)
    if status == HolderChangeStatus.SCHEDULED:
        await tx.flush()
    return change


async def _require_number(tx: AsyncSession, provider: Provider, account_number: str) -> None:
    """Refuse a number that is none of the company's; after it declared others, one of before may be meant."""
    fault = provider.account_numbers.fault(account_number)
    if fault is None:
        return
    declared_anew = select(ProviderChange.id).where(
        ProviderChange.provider_id == provider.id,
        ProviderChange.action == Action.DECLARE_CUSTOMER_PARAMETERS,
        ProviderChange.status == ChangeStatus.APPROVED,
    )
    if await tx.scalar(declared_anew.limit(1)) is None:
        raise BadAccountNumber(provider.account_numbers, reason=fault)


async def _require_latest(tx: AsyncSession, change: HolderChange) -> None:
    latest = await latest_day(tx, change.provider_id, change.account_number)
    if latest and latest > change.effective_on:
        raise LaterChangeKnown(day=latest.isoformat())


async def _known(
    tx: AsyncSession, provider_id: UUID, new: schemas.NewHolderChange | HolderChange
) -> HolderChange | None:
    """The change of the same account and day that is in force, or will be."""
    found: HolderChange | None = await tx.scalar(
        select(HolderChange).where(
            HolderChange.provider_id == provider_id,
            HolderChange.account_number == new.account_number,
            HolderChange.effective_on == new.effective_on,
            HolderChange.status.in_(_IN_FORCE),
        )
    )
    return found


async def _lock_account(tx: AsyncSession, provider_id: UUID, account_number: str) -> None:
    """The lock under which bindings of the account become active."""
    await lock(tx, "owner of", provider_id, account_number)


async def _of_provider(tx: AsyncSession, provider_id: UUID, change_id: UUID) -> HolderChange:
    found = await tx.get(HolderChange, change_id)
    if found is None or found.provider_id != provider_id:
        raise NotFound
    return found


async def _locked(tx: AsyncSession, provider_id: UUID, change_id: UUID) -> HolderChange:
    found = await _of_provider(tx, provider_id, change_id)
    await _lock_account(tx, provider_id, found.account_number)
    await tx.refresh(found, with_for_update=True)
    return found


def _recorded(tx: AsyncSession, change: HolderChange) -> schemas.HolderChange:
    # Not the account number, nor the reason that an operator wrote; the log redacts whatever is named after a holder.
    about = {name: getattr(change, name) for name in ("provider_id", "proposed_by", "decided_by")}
    record_on_commit(tx, _EVENTS[HolderChangeStatus(change.status)], change.kind, change_id=change.id, **about)
    return shown(change)


def shown(change: HolderChange) -> schemas.HolderChange:
    names = ("provider_id", "account_number", "kind", "effective_on", "status", "reason", "proposed_by")
    times = ("reported_at", "decided_by", "decided_at", "done_at")
    fields = {name: getattr(change, name) for name in (*names, *times)}
    return schemas.HolderChange(holder_change_id=change.id, **fields)
