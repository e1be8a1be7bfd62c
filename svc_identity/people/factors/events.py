from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event


class FactorAdded(Event):
    """A person has set up a second factor."""

    event_type: ClassVar[str] = "cn.ili.identity.person.factor_added.v1"
    key_field: ClassVar[str] = "person_id"

    person_id: UUID
    factor_id: UUID
    kind: str


class FactorRemoved(Event):
    """A second factor of a person was removed, by themselves or by two operators."""

    event_type: ClassVar[str] = "cn.ili.identity.person.factor_removed.v1"
    key_field: ClassVar[str] = "person_id"

    person_id: UUID
    factor_id: UUID
    kind: str
