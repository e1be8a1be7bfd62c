from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from svc_identity.fields import IdNumber, Phone
from svc_identity.people.names import PersonName


class NewChild(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: PersonName
    id_number: IdNumber
    consent_version: Annotated[str, Field(max_length=40, examples=["2026-12-01"])]
    """The version of the privacy notice under which the guardian agrees that the child's data is processed."""


class NewGuardian(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    phone: Phone
    name: PersonName
    """As they prove it."""
