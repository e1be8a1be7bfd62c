from pydantic import BaseModel, ConfigDict, Field

from svc_identity.oauth.login_codes.schemas import ClientId


class NewOrderTicket(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    client_id: ClientId
    """The mini-app that has shown the order."""


class OrderTicket(BaseModel):
    ticket: str = Field(description="A signed JWT of type order-ticket+jwt for the audience myili:orders.")
    expires_in: int = Field(description="Seconds.", examples=[120])
