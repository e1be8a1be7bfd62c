from pydantic import BaseModel, Field

from svc_identity.fields import IdNumber
from svc_identity.people.names import PersonName


class Proof(BaseModel):
    """The claimed name and ID number."""

    name: PersonName
    id_number: IdNumber
    consent_version: str | None = Field(
        default=None,
        max_length=40,
        description=(
            "The version of the privacy notice under which the person agrees, by an act of its own, that their ID "
            "number is processed (PIPL 29); see `/identity/v1/agreements`. Not needed while such a consent is in force."
        ),
        examples=["2026-12-01"],
    )
