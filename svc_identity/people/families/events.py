from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class FamilyAccountEvent(Event):
    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "family_account_id"

    family_account_id: UUID
    helped_id: UUID
    """The person, by id."""
    helper_id: UUID
    """The person, by id."""


class FamilyAccountAccepted(FamilyAccountEvent):
    """A helper acts for a person from now on."""

    event_type: ClassVar[str] = "cn.ili.identity.family_account.accepted.v1"

    scopes: list[str]
    day_limit_fen: int | None
    month_limit_fen: int | None
    valid_until: datetime


class FamilyAccountExpiring(FamilyAccountEvent):
    """A helper acts for a person for some days more."""

    event_type: ClassVar[str] = "cn.ili.identity.family_account.expiring.v1"

    valid_until: datetime


class FamilyAccountEnded(FamilyAccountEvent):
    """A helper acts for a person no longer."""

    event_type: ClassVar[str] = "cn.ili.identity.family_account.ended.v1"

    status: str
    """`withdrawn` or `expired`."""
    ended_at: datetime
