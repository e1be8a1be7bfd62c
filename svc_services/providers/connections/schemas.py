from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from chassis.text import Instant, Line
from kit.fields.customer_parameters import CustomerParameters
from kit.fields.divisions import DivisionCode
from svc_services.fields import Name, Reason
from svc_services.providers.applications.models import SuspendedBy
from svc_services.providers.applications.schemas import PerMinute, StatedContract
from svc_services.providers.connections.models import Action, ChangeStatus

_KEY = {
    "type": "object",
    "description": "RFC 7517, a public key with a kid: EC P-256 (ES256), Ed25519, or RSA from 2048 bits (PS256).",
    "required": ["kty", "kid"],
    "properties": {"kty": {"enum": ["EC", "OKP", "RSA"]}, "kid": {"type": "string", "maxLength": 128}},
}


Kid = Annotated[str, Field(max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]


DETAILS = ("name", "division_codes", "contract", "requests_per_minute")


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reason: Reason
    """Kept with the change."""


class Suspension(_Change):
    """Stop a provider's client and everything that is sent to its endpoint."""


class Resumption(_Change):
    action: Literal[Action.RESUME]


class KeyAddition(_Change):
    action: Literal[Action.ADD_KEY]
    key: Annotated[dict[str, Any], WithJsonSchema(_KEY)]
    valid_from: Instant | None = None
    """From when the key may sign; at once where it is not stated."""
    valid_until: Instant | None = None
    """Until when it may; the company and the operators are warned 30, 7 and 1 days before."""


class KeyEnd(_Change):
    action: Literal[Action.END_KEY]
    kid: Kid
    """The key is never accepted again, and access tokens issued by it are refused."""


class KeyStop(_Change):
    """Stop a leaked key at once."""

    kid: Kid
    """The key is never accepted again, and access tokens issued by it are refused."""


class KeyLimit(_Change):
    """Let a key end by itself, so that its successor has time to take over."""

    action: Literal[Action.LIMIT_KEY]
    kid: Kid
    valid_until: Instant


class KeySource(_Change):
    """Fetch the company's keys from where it publishes them, or, with null, no longer.

    New keys are added within 15 minutes, or within a minute after the first assertion with one. A fetched key that is
    missing there for a day is ended, never the last one in force; keys that were added otherwise stay.
    """

    action: Literal[Action.FETCH_KEYS]
    jwks_uri: Annotated[Line, Field(max_length=500)] | None


class EndpointCorrection(_Change):
    action: Literal[Action.CORRECT_ENDPOINT]
    endpoint_url: Annotated[Line, Field(max_length=500)]


class CustomerParametersDeclaration(_Change):
    action: Literal[Action.DECLARE_CUSTOMER_PARAMETERS]
    customer_parameters: CustomerParameters
    """How account numbers look from now on. Those on record stay usable whether they fit or not."""


class DetailsCorrection(_Change):
    """What operators have approved of the company, as it should be; a field that is not sent stays.

    Two operators approve it, also where the company asks; until then everything works as before.
    """

    action: Literal[Action.CORRECT_DETAILS]
    name: Name | None = None
    division_codes: Annotated[list[DivisionCode], Field(min_length=1, max_length=50)] | None = None
    contract: StatedContract | None = None
    requests_per_minute: PerMinute | None = None

    @model_validator(mode="after")
    def _something(self) -> "DetailsCorrection":
        if not any(getattr(self, name) is not None for name in DETAILS):
            raise ValueError("a correction names a field")
        return self


NewProviderChange = Annotated[
    Resumption
    | KeyAddition
    | KeyEnd
    | KeyLimit
    | KeySource
    | EndpointCorrection
    | CustomerParametersDeclaration
    | DetailsCorrection,
    Field(discriminator="action"),
]


class ProviderChange(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_change_id: UUID
    provider_id: UUID
    action: Action
    details: dict[str, Any]
    """`key`, `kid`, `valid_until`, `jwks_uri`, `endpoint_url`, `customer_parameters` or the corrected details."""
    reason: str
    status: ChangeStatus
    company_key: str | None
    """The thumbprint of the key by which the company made the change; null where a person asked for it."""
    admin_id: UUID | None
    """The admin of the company who made the change."""
    proposed_by: UUID | None
    proposed_at: datetime
    expires_at: datetime
    """A proposal that no second operator decides until then comes to nothing."""
    decided_by: UUID | None
    decided_at: datetime | None


class ConnectionKey(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    kid: str
    thumbprint: str
    """RFC 7638, SHA-256."""
    ended_at: datetime | None
    valid_from: datetime | None
    """From when it may sign; null: since it was added."""
    valid_until: datetime | None
    """Until when it may; null: until it is ended."""


class KeyFetch(BaseModel):
    """How the last fetch of the keys went. While it fails, the keys before stay in force, each for its time."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    tried_at: datetime | None
    next_at: datetime
    """Later after each failure, up to a quarter of an hour."""
    failures: int
    """Since the last one that succeeded."""
    problem: str | None
    """Why the last one failed: too_slow, not_reached, no_answer, status_404 and the like, no_key_set, or the code of
    a key or an address that is not accepted. Expect further values within v1."""


class Connection(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_id: UUID
    revision: int
    endpoint_url: str
    customer_parameters: CustomerParameters
    jwks_uri: str | None
    """Where its keys are fetched from."""
    key_fetch: KeyFetch | None
    """Null where keys are not fetched."""
    keys: list[ConnectionKey]
    """Those that have not been ended first, also those whose time has not come or is over."""
    suspended_at: datetime | None
    suspended_by: SuspendedBy | None
    suspension_reason: str | None
