from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from svc_services.accounts.bindings.models import BindingStatus, Refusal, Right, Role
from svc_services.fields import AccountNumber


class NewAccountBinding(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    provider_id: UUID
    account_number: AccountNumber
    """The customer's number at the provider, as its customer parameters have it; full-width digits and spaces between
    groups are taken as well."""
    attestation: Annotated[str, Field(min_length=1, max_length=8192)]
    """From POST /identity/v1/me/attestations; valid once."""


class AccountBinding(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    binding_id: UUID
    provider_id: UUID
    account_number: str
    role: Literal[Role.OWNER]
    """Whoever was invited finds theirs at /services/v1/account-accesses."""
    status: BindingStatus
    refusal: Refusal | None
    created_at: datetime
    activated_at: datetime | None
    ended_at: datetime | None
    rights: list[Right]
    """What the role allows while the binding is active."""
    prove_by: date | None
    """The last day for the owner to verify again, by POST .../verify; the binding ends after it."""
    held_until: date | None
    """Where the account changed hands: the last day as its holder. Its bills until then stay visible."""
