from typing import Any

from pydantic import BaseModel, Field


class Jwks(BaseModel):
    """Public keys, RFC 7517."""

    keys: list[dict[str, Any]]


class TokenAnswer(BaseModel):
    """Tokens (RFC 6749, section 5.1)."""

    token_type: str = Field(description="`DPoP` where the request had a proof.", examples=["Bearer", "DPoP"])
    access_token: str
    expires_in: int = Field(description="Seconds.", examples=[600])
    scope: str
    refresh_token: str | None = Field(default=None, description="With scope offline_access.")
    issued_token_type: str | None = Field(default=None, description="In exchange for another token.")
    id_token: str | None = Field(default=None, description="With scope openid, in exchange for a code.")
    openid: str | None = Field(default=None, description="For a login code: who the resident is to the mini-app.")
    name: str | None = Field(default=None, description="With it, where the resident has agreed to `profile`.")
    phone_number: str | None = Field(default=None, description="With it, where the resident has agreed to `phone`.")


class Introspected(BaseModel):
    """What a token allows (RFC 7662, section 2.2); all but `active` is left out unless it is true."""

    active: bool
    token_type: str | None = Field(default=None, examples=["Bearer", "DPoP"])
    iss: str | None = None
    aud: str | None = None
    sub: str | None = Field(
        default=None,
        description="The person, the client that acts for itself, or the organisation for which `act` acts.",
    )
    client_id: str | None = None
    scope: str | None = None
    exp: int | None = None
    iat: int | None = None
    jti: str | None = None
    acr: str | None = Field(
        default=None, description="How strong the sign-in was.", examples=["urn:myili:sign-in:two-factors"]
    )
    amr: list[str] | None = Field(
        default=None, description="What the sign-in used (RFC 8176).", examples=[["otp", "sms", "mfa"]]
    )
    auth_time: int | None = Field(default=None, description="When the person signed in.")
    act: dict[str, str] | None = Field(default=None, description="`sub`: the person who acts for it (RFC 8693).")
    authority: str | None = Field(default=None, description="What lets them act, such as the id of a mandate.")
    division_codes: list[str] | None = Field(default=None, description="Where it lets them; 654000 is everywhere.")
    cnf: dict[str, str] | None = Field(default=None, description="`jkt`: the key to which it is bound (RFC 9449).")


class PushedRequest(BaseModel):
    """Where a pushed authorization request is found (RFC 9126, section 2.2)."""

    request_uri: str = Field(description="For the parameter of this name at the authorization endpoint; good once.")
    expires_in: int = Field(description="Seconds.", examples=[540])


class OAuthError(BaseModel):
    """An OAuth error response (RFC 6749, section 5.2), which client libraries expect here."""

    error: str = Field(examples=["invalid_grant"])
    error_description: str | None = None


class UserInfo(BaseModel):
    """Claims about the person, as far as the token's scope allows (OpenID Connect Core, section 5.3)."""

    sub: str
    name: str | None = None
    phone_number: str | None = None
    phone_number_verified: bool | None = None
