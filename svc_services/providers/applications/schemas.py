from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from chassis.text import Line
from kit.fields.customer_parameters import TEN_DIGITS, CustomerParameters
from kit.fields.divisions import DivisionCode
from svc_services.fields import Name, Number, Reason
from svc_services.providers.applications.models import ApplicationStatus, Closure
from svc_services.reference.models import UtilityKind

_JWKS = {
    "type": "object",
    "description": "RFC 7517, public keys, each with a kid: EC P-256 (ES256), Ed25519, or RSA from 2048 bits (PS256).",
    "required": ["keys"],
    "properties": {
        "keys": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10,
            "items": {
                "type": "object",
                "required": ["kty", "kid"],
                "properties": {"kty": {"enum": ["EC", "OKP", "RSA"]}, "kid": {"type": "string", "maxLength": 128}},
            },
        }
    },
}


class NewProviderApplication(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    uscc: Number
    """GB 32100 code of the company; spaces and lower case are normalised."""
    name: Name
    kind: UtilityKind
    division_codes: list[DivisionCode] = Field(min_length=1, max_length=50)
    jwks: Annotated[dict[str, Any], WithJsonSchema(_JWKS)]
    endpoint_url: Annotated[Line, Field(max_length=500)]
    contact_phone: Annotated[Line, Field(pattern=r"^\+?[0-9 -]{5,24}$")] | None = None
    customer_parameters: CustomerParameters = TEN_DIGITS
    """How the company's account numbers look; by default ten digits, the last a check digit by MOD 11,10."""


class ProviderApplication(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    application_id: UUID
    status: ApplicationStatus
    uscc: str
    name: str
    kind: UtilityKind
    division_codes: list[str]
    jwks: dict[str, Any]
    endpoint_url: str
    contact_phone: str | None
    customer_parameters: CustomerParameters
    refusal_reason: str | None
    """An operator's; null where `closure` says why."""
    closure: Closure | None
    """Why it is refused without a decision."""
    decided_by: UUID | None
    decided_at: datetime | None
    proved: bool
    """Whether the company's legal representative made it; any other expires, and does not stand in their way."""
    provider_id: UUID | None
    """Set once approved; the `client_id` of the provider's systems."""
    created_at: datetime


class FiledProviderApplication(ProviderApplication):
    application_token: str
    """Shown only here; send it as `Application-Token` to read the application."""


class ApplicationRefusal(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reason: Reason


class Provider(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_id: UUID
    name: str
    uscc: str
    kind: UtilityKind
    division_codes: list[str]
    suspended: bool
    """While true, accounts cannot be bound, and nothing can be queried, bought or paid online."""
    customer_parameters: CustomerParameters
    """What an account number is called, how it looks and an example, to show beside an input and to check it."""
