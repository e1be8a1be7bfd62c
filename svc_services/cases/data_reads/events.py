from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class PersonalDataRead(Event):
    """Staff or the company has looked at what an applicant filed; the applicant can see that it happened."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.personal_data.read.v1"
    key_field: ClassVar[str] = "person_id"

    person_id: UUID
    audit_record_id: UUID
    """By which auditors find who it was."""
    action: str
    """read_case, read_material or read_paper; expect further values within v1."""
    data: list[str]
    """Kinds of data, such as applications and materials; expect further values within v1."""
    role: str | None
    """In which the reader acted; `provider` is the system of a company."""
    organisation_id: UUID | None
    """For which the reader acted."""
    read_at: datetime


DATA_READ_EVENTS = (PersonalDataRead,)
