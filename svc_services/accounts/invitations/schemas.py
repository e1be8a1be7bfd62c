from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.text import Line
from svc_services.accounts.bindings.models import BindingStatus, Right, Role
from svc_services.accounts.invitations.models import InvitationStatus
from svc_services.fields import Day


class NewAccountInvitation(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    role: Literal[Role.FAMILY, Role.TENANT]
    name: Annotated[Line, Field(max_length=200)]
    """The invited person's name as in their identity document. Only somebody who has proved this name can accept; it
    is not kept."""
    label: Annotated[Line, Field(max_length=40)]
    """What the owner calls them in lists, such as their daughter or the second floor."""
    starts_on: Day | None = None
    """Of a tenant: the first day of the tenancy, at most a year ago; today by default."""
    access_until: Day | None = None
    """The last day of the access, at most three years ahead. Needed for a tenant; a family member's may have no end."""


class AccountInvitation(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    invitation_id: UUID
    binding_id: UUID
    """The owner's."""
    role: Role
    label: str
    starts_on: date | None
    access_until: date | None
    status: InvitationStatus
    created_at: datetime
    expires_at: datetime
    """Nobody can accept it later than this."""
    decided_at: datetime | None


class CreatedAccountInvitation(AccountInvitation):
    code: str
    """For the invited person: shown once, as text or as a QR code. The platform keeps only its hash."""


class InvitationCode(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    code: Annotated[str, Field(min_length=1, max_length=64)]
    """As the owner passed it on; small letters, spaces and hyphens are taken as well."""
    attestation: Annotated[str, Field(min_length=1, max_length=8192)]
    """From POST /identity/v1/me/attestations; valid once, also where the answer is a refusal."""


class AccountAccess(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    access_id: UUID
    """Also the `binding_id` of this access at other operations and in events."""
    provider_id: UUID
    account_number: str
    role: Role
    status: BindingStatus
    """active or ended."""
    rights: list[Right]
    """What the role allows; empty once the access has ended."""
    starts_on: date | None
    """Of a tenant: the first day of the tenancy. Earlier bills are not shown."""
    access_until: date | None
    """The last day of the access; null if it has no end."""
    since: datetime
    ended_at: datetime | None


class AccountMember(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    member_id: UUID
    """Their access to the account."""
    role: Role
    label: str
    rights: list[Right]
    starts_on: date | None
    access_until: date | None
    since: datetime


class AccountMembers(BaseModel):
    items: list[AccountMember]
