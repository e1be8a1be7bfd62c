from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from svc_identity.fields import Phone
from svc_identity.sign_in.phone_changes.models import ChangeStatus, EndReason, Way
from svc_identity.sign_in.phone_changes.service import Needed

Typed = Annotated[str, Field(max_length=20)]


class PhoneChangeRequest(BaseModel):
    """The number to which the caller wants to move."""

    new_phone: Phone


class BegunPhoneChange(BaseModel):
    """A change that waits for its codes."""

    phone_change_id: UUID
    confirm_with: Needed = Field(
        description="What the confirmation has beside `new_phone_code`. factor: `factor_code` or `assertion`. "
        "old_phone: `old_phone_code`. old_phone_and_identity: that, `name` and `id_number`. identity: `name` and "
        "`id_number`. new_phone: nothing. "
        "Expect further values within v1."
    )
    old_phone: str | None = Field(description="None where it went to somebody else.", examples=["138****0001"])
    new_phone: str = Field(examples=["139****0002"])
    passkey_options: str | None = Field(description="PublicKeyCredentialRequestOptionsJSON, where there is a passkey.")
    codes_expire_at: datetime


class PhoneChangeConfirmation(BaseModel):
    new_phone_code: Typed
    old_phone_code: Typed = ""
    factor_code: Annotated[str, Field(max_length=40, description="Of an authenticator app, or a recovery code.")] = ""
    assertion: Annotated[str, Field(max_length=8_000, description="AuthenticationResponseJSON of a passkey.")] = ""
    name: Annotated[str, Field(max_length=100)] = ""
    id_number: Annotated[str, Field(max_length=32)] = ""
    takes_over: bool = Field(
        default=False,
        description="Take the new number from another account that has it, which keeps everything else.",
    )


class PhoneChange(BaseModel):
    """A change of the caller's phone."""

    phone_change_id: UUID
    way: Way = Field(description="old_phone, or lost: without it, after a waiting time.")
    status: ChangeStatus = Field(description="waiting, completed, stopped or void.")
    created_at: datetime
    completes_at: datetime | None = Field(description="When the waiting time of a lost phone ends.")
    ended_at: datetime | None
    end_reason: EndReason | None = Field(description="Why it was stopped or is void.")
