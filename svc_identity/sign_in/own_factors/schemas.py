from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from chassis.text import Line
from svc_identity.people.factors.models import FactorKind

FactorName = Annotated[Line, Field(min_length=1, max_length=60, description="What its owner calls it.")]


class OwnFactor(BaseModel):
    """A second factor of the person."""

    factor_id: UUID
    kind: FactorKind
    name: str
    created_at: datetime
    used_at: datetime | None


class OwnFactors(BaseModel):
    items: list[OwnFactor]
    recovery_codes_left: int


class AuthenticatorSetUp(BaseModel):
    """What an authenticator app is set up with; confirm it within ten minutes."""

    set_up: str = Field(description="For the confirmation.")
    key: str = Field(description="Base32.", examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"])
    address: str = Field(description="For a QR code.", examples=["otpauth://totp/…"])


class AuthenticatorConfirmation(BaseModel):
    set_up: Annotated[str, Field(max_length=1_000)]
    code: Annotated[str, Field(max_length=20, description="What the app shows now.")]
    name: FactorName


class PasskeySetUp(BaseModel):
    """What a device makes a passkey with (WebAuthn); confirm it within ten minutes."""

    set_up: str = Field(description="For the confirmation.")
    options: dict[str, Any] = Field(description="PublicKeyCredentialCreationOptionsJSON.")


class PasskeyConfirmation(BaseModel):
    set_up: Annotated[str, Field(max_length=1_000)]
    credential: dict[str, Any] = Field(description="RegistrationResponseJSON of the device.")
    name: FactorName


class AddedFactor(OwnFactor):
    recovery_codes: list[str] = Field(description="Shown once, with the first factor; each signs in once.")


class FactorChange(BaseModel):
    name: FactorName


class RecoveryCodes(BaseModel):
    """New ones in the place of those before."""

    recovery_codes: list[str]
