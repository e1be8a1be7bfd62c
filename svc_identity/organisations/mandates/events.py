from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class MandateEvent(Event):
    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "mandate_id"

    mandate_id: UUID
    organisation_id: UUID
    uscc: str
    agent_id: UUID
    """The person, by id."""


class MandateAccepted(MandateEvent):
    """An agent acts for an organisation from now on."""

    event_type: ClassVar[str] = "cn.ili.identity.mandate.accepted.v1"

    scopes: list[str]
    division_codes: list[str]
    """654000 is the whole prefecture."""
    valid_until: datetime


class MandateEnded(MandateEvent):
    """An agent acts for an organisation no longer."""

    event_type: ClassVar[str] = "cn.ili.identity.mandate.ended.v1"

    status: str
    """`withdrawn` or `expired`."""
    ended_at: datetime


class MandateExpiring(MandateEvent):
    """A mandate ends soon unless the representative proposes another; emitted 30, 7 and 1 days before."""

    event_type: ClassVar[str] = "cn.ili.identity.mandate.expiring.v1"

    valid_until: datetime
