from pydantic import BaseModel, ConfigDict, Field

from svc_identity.oauth.login_codes.schemas import ClientId


class NewOpenidTicket(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    client_id: ClientId
    """The mini-app that the resident has opened."""


class OpenidTicket(BaseModel):
    ticket: str = Field(description="A signed JWT of type openid-ticket+jwt for svc_miniapps.")
    expires_in: int = Field(description="Seconds.", examples=[300])
