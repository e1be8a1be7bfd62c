from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class PersonalDataRead(Event):
    """Staff has looked at what this service holds of a person; the person can see that it happened."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.payments.personal_data.read.v1"
    key_field: ClassVar[str] = "person_id"

    person_id: UUID
    audit_record_id: UUID
    """By which auditors find who it was."""
    action: str
    """The audited act, such as look_at_payment; expect further values within v1."""
    data: list[str]
    """Kinds of data, such as payments and bills; expect further values within v1."""
    role: str | None
    """In which the reader acted."""
    organisation_id: UUID | None
    """For which the reader acted."""
    read_at: datetime


DATA_READ_EVENTS = (PersonalDataRead,)
