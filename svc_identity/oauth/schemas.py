from typing import Any

from pydantic import BaseModel


class Jwks(BaseModel):
    """Public keys, RFC 7517."""

    keys: list[dict[str, Any]]


class UserInfo(BaseModel):
    """Claims about the person, as far as the token's scope allows (OpenID Connect Core, section 5.3)."""

    sub: str
    name: str | None = None
    phone_number: str | None = None
    phone_number_verified: bool | None = None
