from datetime import datetime

from pydantic import BaseModel, Field, SecretStr


class PasswordState(BaseModel):
    """Whether the caller has a password; it is asked after the texted code where they have no second factor."""

    is_set: bool
    set_at: datetime | None
    removal_at: datetime | None = Field(
        description="When it ends because somebody with the phone said that it is forgotten; warn the person. A "
        "sign-in with the password keeps it."
    )


class PasswordChange(BaseModel):
    """A new password of 8 to 256 characters of any kind, spaces included; what many choose is refused."""

    new_password: SecretStr = Field(max_length=2_000)
    current_password: SecretStr = Field(default=SecretStr(""), max_length=2_000, description="Where one is set.")


class PasswordRemoval(BaseModel):
    current_password: SecretStr = Field(max_length=2_000)
