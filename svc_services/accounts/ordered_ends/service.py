"""Two operators end a binding, with a reason; its person sees no bill of the account any more."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in
from kit.staff.second_person import require_second_holder
from svc_services.accounts.bindings.ends import end_members, tell_ended
from svc_services.accounts.bindings.models import AccountBinding, BindingStatus
from svc_services.accounts.ordered_ends import schemas
from svc_services.accounts.ordered_ends.models import BindingEnd, BindingEndStatus
from svc_services.callers import OPERATOR
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.models import PROPOSAL_LIFE
from svc_services.providers.connections.refusals import ProposalExpired

_EVENTS = {status: SecurityEvent(f"binding_end_{status}") for status in BindingEndStatus}


class BindingNotActive(Problem):
    status, code = 409, "binding_not_active"


class BindingEndProposed(Problem):
    """Another proposal of the same is still to be decided."""

    status, code = 409, "binding_end_proposed"


async def propose(tx: AsyncSession, caller: Caller, new: schemas.NewBindingEnd) -> schemas.BindingEnd:
    """Propose the end of a binding; nothing changes before another operator approves.

    Raises:
        NotFound, NotYourDivision, BindingNotActive, BindingEndProposed
    """
    binding = await tx.get(AccountBinding, new.binding_id)
    if binding is None:
        raise NotFound
    acting_in(caller, (await tx.get_one(Provider, binding.provider_id)).division_codes, OPERATOR)
    if binding.status != BindingStatus.ACTIVE:
        raise BindingNotActive
    values = {"binding_id": binding.id, "provider_id": binding.provider_id, "reason": new.reason}
    proposed = insert(BindingEnd).values(**values, proposed_by=caller.id).on_conflict_do_nothing()
    end_id = await tx.scalar(proposed.returning(BindingEnd.id))
    if end_id is None:
        raise BindingEndProposed
    end = await tx.get_one(BindingEnd, end_id)
    return _recorded(tx, end)


async def approve(tx: AsyncSession, caller: Caller, end_id: UUID) -> schemas.BindingEnd:
    """Approve another operator's proposal: the binding ends, and with an owner's the access of whom they invited.

    Raises:
        NotFound, NotYourDivision, ProposalExpired, IllegalMove, BindingNotActive
        SecondPersonNeeded, and the others of `require_second_holder`
    """
    end, within = await _locked(tx, end_id)
    acting = acting_in(caller, within, OPERATOR)
    await require_second_holder(tx, acting, end.proposed_by, since=end.proposed_at, within=within)
    if end.status == BindingEndStatus.PROPOSED and end.proposed_at + PROPOSAL_LIFE < now():
        raise ProposalExpired
    end.decide(BindingEndStatus.DONE, caller.id)
    binding = await tx.get_one(AccountBinding, end.binding_id, with_for_update=True)
    if binding.status != BindingStatus.ACTIVE:
        raise BindingNotActive
    binding.end()
    await tell_ended(tx, binding, "by_operators")
    await end_members(tx, binding)
    return _recorded(tx, end)


async def reject(tx: AsyncSession, caller: Caller, end_id: UUID) -> schemas.BindingEnd:
    """Reject a proposal, or withdraw one's own.

    Raises:
        NotFound, NotYourDivision, IllegalMove
    """
    end, within = await _locked(tx, end_id)
    acting_in(caller, within, OPERATOR)
    own = caller.id == end.proposed_by
    end.decide(BindingEndStatus.WITHDRAWN if own else BindingEndStatus.REJECTED, caller.id)
    return _recorded(tx, end)


async def _locked(tx: AsyncSession, end_id: UUID) -> tuple[BindingEnd, list[str]]:
    """The proposal, locked, and the divisions of its provider."""
    end = await tx.get(BindingEnd, end_id, with_for_update=True)
    if end is None:
        raise NotFound
    return end, (await tx.get_one(Provider, end.provider_id)).division_codes


def _recorded(tx: AsyncSession, end: BindingEnd) -> schemas.BindingEnd:
    about = {name: getattr(end, name) for name in ("binding_id", "provider_id", "proposed_by", "decided_by")}
    record_on_commit(tx, _EVENTS[BindingEndStatus(end.status)], binding_end_id=end.id, **about)
    return shown(end)


def shown(end: BindingEnd) -> schemas.BindingEnd:
    names = ("binding_id", "provider_id", "reason", "status", "proposed_by", "proposed_at", "decided_by", "decided_at")
    return schemas.BindingEnd(binding_end_id=end.id, **{name: getattr(end, name) for name in names})
