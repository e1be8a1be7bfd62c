from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class OrganisationClaimed(Event):
    """The legal representative of an organisation acts for it here; a later one takes the place of the one before."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.identity.organisation.claimed.v1"
    key_field: ClassVar[str] = "organisation_id"

    organisation_id: UUID
    uscc: str
    representative_id: UUID
    """The person, by id."""
    claimed_at: datetime
    revision: int
    """Of two events of one organisation the higher one is newer."""


class RepresentationEnded(Event):
    """The representative lost the identity that the registry had confirmed: nobody acts for the organisation now."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.identity.organisation.representation_ended.v1"
    key_field: ClassVar[str] = "organisation_id"

    organisation_id: UUID
    uscc: str
    representative_id: UUID
    """The person who was the representative, by id."""
    ended_at: datetime
    revision: int
    """Of two events of one organisation the higher one is newer."""
