"""An owner invites family and tenants to an account, and withdraws their access.

The owner's binding is locked before its invitations: whoever ends it locks in that order too.
"""

import hmac
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.calendar import today_of
from kit.security_log import record_on_commit
from svc_services.accounts.bindings.attestations import Attestation
from svc_services.accounts.bindings.ends import tell_ended
from svc_services.accounts.bindings.events import activated
from svc_services.accounts.bindings.models import AccountBinding, BindingStatus, Role
from svc_services.accounts.bindings.service import BindingInProgress, consume, own
from svc_services.accounts.holder_changes.queries import held_from
from svc_services.accounts.invitations import codes, schemas
from svc_services.accounts.invitations.models import AccountInvitation, InvitationStatus
from svc_services.accounts.invitations.queries import own_access
from svc_services.base import lock

INVITED = SecurityEvent("account_invitation_created")
JOINED = SecurityEvent("account_invitation_accepted")
REFUSED = SecurityEvent("account_invitation_refused")
"""A code reached somebody for whom it was not meant, or the code of no invitation was tried."""
_LIFE = timedelta(days=3)
_MOST_TRIES = 5
_MOST_MEMBERS = 10
"""With access or invited, for one account."""
_MOST_A_DAY = 20
_MOST_AHEAD, _MOST_BEHIND = timedelta(days=3 * 366), timedelta(days=366)


class NotTheOwner(Problem):
    status, code = 403, "not_the_owner"


class BadAccessDays(Problem):
    status, code = 422, "bad_access_days"


class TooManyMembers(Problem):
    status, code = 409, "too_many_members"


class TooManyInvitations(Problem):
    status, code = 429, "too_many_invitations"
    headers = {"Retry-After": "86400"}  # noqa: RUF012 - the base class declares it a read-only Mapping


class InvitationUnknown(Problem):
    status, code, security = 404, "invitation_unknown", REFUSED


class InvitationOver(Problem):
    """It was accepted, withdrawn, tried too often, or its time is over."""

    status, code = 409, "invitation_over"


class InvitationNotYours(Problem):
    status, code, security = 403, "invitation_not_yours", REFUSED


class AlreadyHasAccess(Problem):
    status, code = 409, "already_has_access"


async def invite(
    tx: AsyncSession, person_id: UUID, binding_id: UUID, new: schemas.NewAccountInvitation
) -> schemas.CreatedAccountInvitation:
    """Create an invitation, whose code is shown this once.

    Raises:
        NotFound, NotTheOwner, BadAccessDays, TooManyMembers, TooManyInvitations
    """
    owner = await owned(tx, person_id, binding_id)
    starts_on = _checked_start(new, await today_of(tx))
    await _require_room(tx, owner.id)
    code = codes.new_code()
    invitation = AccountInvitation(
        binding_id=owner.id,
        role=new.role,
        label=new.label,
        starts_on=starts_on,
        access_until=new.access_until,
        code_hash=codes.hash_of(code),
        name_mac=codes.mac_of(code, new.name),
        expires_at=now() + _LIFE,
    )
    tx.add(invitation)
    await tx.flush()
    record_on_commit(tx, INVITED, new.role, invitation_id=invitation.id, binding_id=owner.id, person_id=person_id)
    return schemas.CreatedAccountInvitation(**shown(invitation).model_dump(), code=codes.grouped(code))


async def withdraw(
    tx: AsyncSession, person_id: UUID, binding_id: UUID, invitation_id: UUID
) -> schemas.AccountInvitation:
    """Withdraw an invitation that nobody has accepted yet.

    Raises:
        NotFound, NotTheOwner, IllegalMove
    """
    await owned(tx, person_id, binding_id)
    invitation = await tx.get(AccountInvitation, invitation_id, with_for_update=True)
    if invitation is None or invitation.binding_id != binding_id:
        raise NotFound
    invitation.decide(InvitationStatus.WITHDRAWN)
    return shown(invitation)


async def accept(tx: AsyncSession, person_id: UUID, attestation: Attestation, code: str) -> AccountBinding | Problem:
    """Accept an invitation. Returns the new binding, or the refusal to raise after the commit: tries are counted.

    Raises:
        AttestationAlreadyUsed
    """
    await consume(tx, attestation)
    await lock(tx, "bindings of", person_id)
    by_code = select(AccountInvitation).where(AccountInvitation.code_hash == codes.hash_of(codes.typed(code)))
    invitation = await tx.scalar(by_code)
    if invitation is None:
        return InvitationUnknown()
    owner = await tx.get_one(AccountBinding, invitation.binding_id, with_for_update=True)
    await tx.refresh(invitation, with_for_update=True)
    name_mac = codes.mac_of(codes.typed(code), attestation.name.get_secret_value())
    if not hmac.compare_digest(invitation.name_mac, name_mac):
        return _count_try(invitation)
    over = invitation.access_until is not None and invitation.access_until < await today_of(tx)
    if invitation.status != InvitationStatus.OPEN or invitation.expires_at < now() or over:
        return InvitationOver()
    if refusal := await _standing(tx, person_id, owner):
        return refusal
    return await _join(tx, person_id, owner, invitation)


async def leave(tx: AsyncSession, person_id: UUID, access_id: UUID) -> None:
    """End one's own access. Idempotent.

    Raises:
        NotFound
    """
    access = await own_access(tx, person_id, access_id, locked=True)
    if access.status == BindingStatus.ACTIVE:
        access.end()
        await tell_ended(tx, access, "by_person")


async def withdraw_access(tx: AsyncSession, person_id: UUID, binding_id: UUID, member_id: UUID) -> None:
    """End an invited person's access at once. Idempotent.

    Raises:
        NotFound, NotTheOwner
    """
    await owned(tx, person_id, binding_id)
    member = await tx.get(AccountBinding, member_id, with_for_update=True)
    if member is None or member.granted_by != binding_id:
        raise NotFound
    if member.status == BindingStatus.ACTIVE:
        member.end()
        await tell_ended(tx, member, "by_owner")


async def require_owner(tx: AsyncSession, person_id: UUID, binding_id: UUID) -> None:
    """Refuse everybody but the owner of an active binding.

    Raises:
        NotFound, NotTheOwner
    """
    _check_owner(await own(tx, person_id, binding_id))


async def owned(tx: AsyncSession, person_id: UUID, binding_id: UUID) -> AccountBinding:
    """The owner's active binding, locked.

    Raises:
        NotFound, NotTheOwner
    """
    binding = await own(tx, person_id, binding_id, locked=True)
    _check_owner(binding)
    return binding


def _check_owner(binding: AccountBinding) -> None:
    if binding.status != BindingStatus.ACTIVE:
        raise NotFound
    if binding.role != Role.OWNER:
        raise NotTheOwner


def _checked_start(new: schemas.NewAccountInvitation, today: date) -> date | None:
    """The first day of a tenancy, after the days of an invitation are checked."""
    if new.access_until is not None and not today <= new.access_until <= today + _MOST_AHEAD:
        raise BadAccessDays
    if new.role == Role.FAMILY:
        if new.starts_on is not None:
            raise BadAccessDays
        return None
    starts_on = new.starts_on or today
    if new.access_until is None or not today - _MOST_BEHIND <= starts_on <= new.access_until:
        raise BadAccessDays
    return starts_on


async def _require_room(tx: AsyncSession, binding_id: UUID) -> None:
    members = select(func.count()).where(
        AccountBinding.granted_by == binding_id, AccountBinding.status == BindingStatus.ACTIVE
    )
    of_owner = AccountInvitation.binding_id == binding_id
    waiting = select(func.count()).where(
        of_owner, AccountInvitation.status == InvitationStatus.OPEN, AccountInvitation.expires_at > now()
    )
    if (await tx.scalars(members)).one() + (await tx.scalars(waiting)).one() >= _MOST_MEMBERS:
        raise TooManyMembers(most=_MOST_MEMBERS)
    recent = select(func.count()).where(of_owner, AccountInvitation.created_at > now() - timedelta(days=1))
    if (await tx.scalars(recent)).one() >= _MOST_A_DAY:
        raise TooManyInvitations(most=_MOST_A_DAY)


def _count_try(invitation: AccountInvitation) -> Problem:
    invitation.tries += 1
    if invitation.status == InvitationStatus.OPEN and invitation.tries >= _MOST_TRIES:
        invitation.decide(InvitationStatus.BLOCKED)
    return InvitationNotYours()


async def _standing(tx: AsyncSession, person_id: UUID, owner: AccountBinding) -> Problem | None:
    """What stands between a person and access to this account: a binding of theirs."""
    live = select(AccountBinding).where(
        AccountBinding.person_id == person_id,
        AccountBinding.provider_id == owner.provider_id,
        AccountBinding.account_number == owner.account_number,
        AccountBinding.status.in_((BindingStatus.PENDING, BindingStatus.ACTIVE, BindingStatus.UNKNOWN)),
    )
    binding = await tx.scalar(live.with_for_update())
    if binding is None:
        return None
    if binding.status == BindingStatus.PENDING:
        return BindingInProgress()
    if binding.status == BindingStatus.ACTIVE:
        return AlreadyHasAccess()
    binding.end()  # they asked for the account as its holder and were given no answer
    await tx.flush()
    return None


async def _join(
    tx: AsyncSession, person_id: UUID, owner: AccountBinding, invitation: AccountInvitation
) -> AccountBinding:
    binding = AccountBinding(
        person_id=person_id,
        provider_id=owner.provider_id,
        account_number=owner.account_number,
        role=invitation.role,
        status=BindingStatus.ACTIVE,
        activated_at=now(),
        granted_by=owner.id,
        starts_on=invitation.starts_on,
        access_until=invitation.access_until,
    )
    tx.add(binding)
    await tx.flush()
    invitation.accepted_as = binding.id
    invitation.decide(InvitationStatus.ACCEPTED)
    await emit(tx, activated(binding, await held_from(tx, owner.provider_id, owner.account_number)))
    about = {"binding_id": binding.id, "provider_id": owner.provider_id, "person_id": person_id}
    record_on_commit(tx, JOINED, binding.role, invitation_id=invitation.id, **about)
    return binding


def shown(invitation: AccountInvitation) -> schemas.AccountInvitation:
    names = ("binding_id", "role", "label", "starts_on", "access_until", "status")
    fields = {name: getattr(invitation, name) for name in (*names, "created_at", "expires_at", "decided_at")}
    return schemas.AccountInvitation(invitation_id=invitation.id, **fields)
