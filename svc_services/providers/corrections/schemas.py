from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kit.fields.customer_parameters import CustomerParameters
from kit.fields.divisions import DivisionCode
from svc_services.fields import Name
from svc_services.providers.applications.schemas import Jwks, PerMinute, Phone, StatedContract, Url
from svc_services.providers.applications.stated_terms import StatedTerms
from svc_services.reference.models import UtilityKind

MAY_BE_CLEARED = frozenset({"contact_phone", "contract", "requests_per_minute", "stated_terms"})


class NewApplicationCorrection(BaseModel):
    """The fields that are wrong, as they should be; a field that is not sent stays. Another company applies anew."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: Name | None = None
    kind: UtilityKind | None = None
    division_codes: Annotated[list[DivisionCode], Field(min_length=1, max_length=50)] | None = None
    jwks: Jwks | None = None
    """The company's keys from now on, in place of its `jwks_uri`."""
    jwks_uri: Url | None = None
    """Where the keys are published from now on, in place of those of the application."""
    endpoint_url: Url | None = None
    customer_parameters: CustomerParameters | None = None
    """The sandbox has to be named anew, as its account numbers follow this."""
    contact_phone: Phone | None = None
    """null: none any more; so for the fields below."""
    contract: StatedContract | None = None
    requests_per_minute: PerMinute | None = None
    stated_terms: StatedTerms | None = None

    @model_validator(mode="after")
    def _something_and_whole(self) -> "NewApplicationCorrection":
        if not self.model_fields_set:
            raise ValueError("a correction names a field")
        if "jwks" in self.model_fields_set and "jwks_uri" in self.model_fields_set:
            raise ValueError("keys come as jwks or by jwks_uri, one of the two")
        if any(getattr(self, name) is None for name in self.model_fields_set - MAY_BE_CLEARED):
            raise ValueError("only optional fields can be null")
        return self


class ApplicationCorrection(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    revision: int
    """Of the application once it was corrected."""
    fields: list[str]
    before: dict[str, Any]
    """What the fields held before; of a phone number only that it was another one."""
    corrected_by: UUID | None
    """The representative or agent; null where the application's token was used."""
    corrected_at: datetime
