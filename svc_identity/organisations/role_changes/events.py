from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import Event
from svc_identity.organisations.models import Membership, Organisation
from svc_identity.organisations.role_changes.models import Action, RoleChange, Status


class RoleChangeEvent(Event):
    """A step of a role change. Its reason, which may name people, is kept under its id."""

    key_field: ClassVar[str] = "role_change_id"

    role_change_id: UUID
    action: Action
    organisation_id: UUID
    person_id: UUID
    role: str
    division_code: str
    """Of the organisation: the role reaches it and the divisions below."""
    proposed_by: UUID | None
    """None for operators who are appointed by a command, for roles that expired and for those of a lost identity."""
    proposed_at: datetime


class RoleChangeProposed(RoleChangeEvent):
    event_type: ClassVar[str] = "cn.ili.identity.role_change.proposed.v1"


class RoleChangeApproved(RoleChangeEvent):
    """The role is granted, renewed, removed or expired. `decided_by` is None where the role needs no second person."""

    event_type: ClassVar[str] = "cn.ili.identity.role_change.approved.v1"

    membership_id: UUID
    decided_by: UUID | None
    decided_at: datetime


class RoleChangeRejected(RoleChangeEvent):
    """Rejected by a second person, or withdrawn by its proposer, as `status` says."""

    event_type: ClassVar[str] = "cn.ili.identity.role_change.rejected.v1"

    status: Status
    decided_by: UUID
    decided_at: datetime


class MembershipExpiring(Event):
    """A role ends soon unless operators renew it; emitted 30 and 7 days before."""

    event_type: ClassVar[str] = "cn.ili.identity.membership.expiring.v1"
    key_field: ClassVar[str] = "membership_id"

    membership_id: UUID
    organisation_id: UUID
    person_id: UUID
    role: str
    expires_at: datetime

    @classmethod
    def of(cls, membership: Membership) -> "MembershipExpiring":
        names = ("organisation_id", "person_id", "role", "expires_at")
        return cls(membership_id=membership.id, **{name: getattr(membership, name) for name in names})


async def fields_of(tx: AsyncSession, change: RoleChange) -> dict[str, Any]:
    """The fields of all three events; each takes its own."""
    names = (
        *("action", "status", "organisation_id", "person_id", "role", "membership_id"),
        *("proposed_by", "proposed_at", "decided_by", "decided_at"),
    )
    division_code = (await tx.get_one(Organisation, change.organisation_id)).division_code
    return {
        "role_change_id": change.id,
        "division_code": division_code,
        **{name: getattr(change, name) for name in names},
    }
