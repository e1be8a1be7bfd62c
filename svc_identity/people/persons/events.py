from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event


class PersonRegistered(Event):
    event_type: ClassVar[str] = "cn.ili.identity.person.registered.v1"
    key_field: ClassVar[str] = "person_id"

    person_id: UUID


class PersonProofed(Event):
    event_type: ClassVar[str] = "cn.ili.identity.person.proofed.v1"
    key_field: ClassVar[str] = "person_id"

    person_id: UUID
    assurance_level: int
