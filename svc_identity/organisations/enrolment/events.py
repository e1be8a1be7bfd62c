from datetime import datetime
from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event
from svc_identity.organisations.enrolment.models import FactorReset


class FactorResetEvent(Event):
    """A step of resetting the second factors of a person. Its reason, which may name people, is kept under its id."""

    key_field: ClassVar[str] = "factor_reset_id"

    factor_reset_id: UUID
    person_id: UUID
    proposed_by: UUID
    proposed_at: datetime


class FactorResetProposed(FactorResetEvent):
    event_type: ClassVar[str] = "cn.ili.identity.factor_reset.proposed.v1"


class FactorResetApproved(FactorResetEvent):
    """The factors were removed, and the person got a code to set up a new one."""

    event_type: ClassVar[str] = "cn.ili.identity.factor_reset.approved.v1"

    decided_by: UUID
    decided_at: datetime


class FactorResetRejected(FactorResetEvent):
    """Rejected by an operator, or withdrawn where `decided_by` is `proposed_by`."""

    event_type: ClassVar[str] = "cn.ili.identity.factor_reset.rejected.v1"

    decided_by: UUID
    decided_at: datetime


def event_of(kind: type[FactorResetEvent], reset: FactorReset) -> FactorResetEvent:
    """The event of a step that a reset has just taken."""
    names = ("person_id", "proposed_by", "proposed_at", "decided_by", "decided_at")
    return kind.model_validate({"factor_reset_id": reset.id, **{name: getattr(reset, name) for name in names}})
