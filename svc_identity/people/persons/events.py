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


class PersonProofingRevoked(Event):
    """The person is at level 1 again: the ID number was given to its owner, or the consent to proofing withdrawn."""

    event_type: ClassVar[str] = "cn.ili.identity.person.proofing_revoked.v1"
    key_field: ClassVar[str] = "person_id"

    person_id: UUID
    assurance_level: int


class PersonVerificationEnded(Event):
    """Level 3 has ended: its time is over, the phone is another one, access was suspended, or a consent withdrawn."""

    event_type: ClassVar[str] = "cn.ili.identity.person.verification_ended.v1"
    key_field: ClassVar[str] = "person_id"

    person_id: UUID
    assurance_level: int
    """The level that is left."""


class PersonRenamed(Event):
    """The person proved their ID number again under another name, which the population registry confirmed."""

    event_type: ClassVar[str] = "cn.ili.identity.person.renamed.v1"
    key_field: ClassVar[str] = "person_id"

    person_id: UUID


class PersonPhoneChanged(Event):
    """The person moved to another phone number."""

    event_type: ClassVar[str] = "cn.ili.identity.person.phone_changed.v1"
    key_field: ClassVar[str] = "person_id"

    person_id: UUID


class PersonClosed(Event):
    """The person has closed their account: every service erases what the law does not make it keep."""

    event_type: ClassVar[str] = "cn.ili.identity.person.closed.v1"
    key_field: ClassVar[str] = "person_id"

    person_id: UUID
