from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event


class PersonStandingEvent(Event):
    """Whether a person has access; an event with a lower revision than a known one is older."""

    key_field: ClassVar[str] = "person_id"

    person_id: UUID
    revision: int


class PersonSuspended(PersonStandingEvent):
    event_type: ClassVar[str] = "cn.ili.identity.person.suspended.v1"


class PersonResumed(PersonStandingEvent):
    event_type: ClassVar[str] = "cn.ili.identity.person.resumed.v1"
