from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

ClientId = Annotated[str, StringConstraints(pattern="^miniapp-[0-9a-f-]{36}$")]
Scope = Annotated[str, StringConstraints(pattern="^[a-z_]{1,40}$")]


class NewLoginCode(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    client_id: ClientId
    """The mini-app that the resident has opened."""
    scopes: list[Scope] = Field(default=["openid"], min_length=1, max_length=9)
    """At most what the mini-app was granted, and what the caller's own token has."""
    agreed: list[Scope] = Field(default=[], max_length=9)
    """Of `profile` and `phone` what the resident has agreed to just now, on a page that names the mini-app."""


class LoginCode(BaseModel):
    code: str
    expires_in: int = Field(description="Seconds.", examples=[300])
    scopes: list[str]
