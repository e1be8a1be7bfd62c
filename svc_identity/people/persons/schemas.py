from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field


class Me(BaseModel):
    """One's own record; phone and name are masked."""

    person_id: UUID
    phone: str = Field(examples=["138****0001"])
    name: str | None = Field(description="Known from identity proofing on.", examples=["张*"])
    assurance_level: int = Field(
        description=(
            "1: phone; 2: name and ID number agree with the population registry; 3: so does their face or network "
            "identity certificate, until `verified_until`."
        )
    )
    verified_until: datetime | None = Field(default=None, description="When level 3 ends.")
    created_at: datetime
