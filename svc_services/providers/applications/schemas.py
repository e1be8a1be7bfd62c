from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, WithJsonSchema, model_validator

from chassis.db import CHINA
from chassis.text import Line
from kit.fields.customer_parameters import TEN_DIGITS, CustomerParameters
from kit.fields.divisions import DivisionCode
from svc_services.fields import Day, Name, Number, Reason
from svc_services.providers.applications.models import ApplicationStatus, Closure
from svc_services.providers.applications.stated_terms import StatedTerms
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


Jwks = Annotated[dict[str, Any], WithJsonSchema(_JWKS)]
Url = Annotated[Line, Field(max_length=500)]
Phone = Annotated[Line, Field(pattern=r"^\+?[0-9 -]{5,24}$")]
PerMinute = Annotated[StrictInt, Field(ge=1, le=60_000)]


class Contract(BaseModel):
    """The contract on paper between the company and the operator of the platform."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    number: Annotated[Line, Field(max_length=100)]
    signed_on: Day


_FIRST_CONTRACT = date(2000, 1, 1)


def _signed(contract: Contract) -> Contract:
    if not _FIRST_CONTRACT <= contract.signed_on <= datetime.now(CHINA).date():
        raise ValueError("a contract is signed between 2000-01-01 and today")
    return contract


StatedContract = Annotated[Contract, AfterValidator(_signed)]


class NewProviderApplication(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    uscc: Number
    """GB 32100 code of the company; spaces and lower case are normalised."""
    name: Name
    kind: UtilityKind
    division_codes: list[DivisionCode] = Field(min_length=1, max_length=50)
    jwks: Jwks | None = None
    """The company's keys, or in their place `jwks_uri`: one of the two."""
    jwks_uri: Url | None = None
    """Where the company publishes its keys; they are fetched when the application is endorsed, approved, and after."""
    endpoint_url: Url
    contact_phone: Phone | None = None
    customer_parameters: CustomerParameters = TEN_DIGITS
    """How the company's account numbers look; by default ten digits, the last a check digit by MOD 11,10."""
    contract: StatedContract | None = None
    requests_per_minute: PerMinute | None = None
    """How many calls a minute the company's system bears; operators read it."""
    stated_terms: StatedTerms | None = None
    """How the company's bills are paid; by default it sends them, and they are paid in full."""

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> "NewProviderApplication":
        if (self.jwks is None) == (self.jwks_uri is None):
            raise ValueError("keys come as jwks or by jwks_uri, one of the two")
        return self


class ProviderApplication(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    application_id: UUID
    status: ApplicationStatus
    uscc: str
    name: str
    kind: UtilityKind
    division_codes: list[str]
    revision: int
    """Rises with each correction; the `ETag` has it too."""
    jwks: dict[str, Any]
    """Without keys while they come by `jwks_uri` and the application is not approved."""
    jwks_uri: str | None
    endpoint_url: str
    contact_phone: str | None
    customer_parameters: CustomerParameters
    contract: Contract | None
    requests_per_minute: int | None
    stated_terms: StatedTerms | None
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
