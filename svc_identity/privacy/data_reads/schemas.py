from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field


class DataRead(BaseModel):
    """A read of the caller's data by somebody else."""

    read_id: UUID = Field(description="By which an auditor finds who it was.")
    service: str = Field(description="Where it was read.", examples=["payments"])
    data: list[str] = Field(description="Kinds of data; expect further values within v1.", examples=[["phone"]])
    reason: str = Field(description="Why; expect further values within v1.", examples=["look_at_payment"])
    role: str | None = Field(description="The reader's role, of staff.", examples=["operator"])
    organisation_id: UUID | None = Field(description="For which staff read it.")
    client_id: str | None = Field(description="The app that read it, with what the caller has allowed it.")
    read_at: datetime


class ResolvedDataRead(DataRead):
    """A read, for an auditor."""

    person_id: UUID
    reader: str | None = Field(description="The reader's id; of another service it is in the audit record there.")
    audit_record_id: str | None = Field(description="In the service where it was read.")
