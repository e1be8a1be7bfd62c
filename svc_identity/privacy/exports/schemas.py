from pydantic import BaseModel, Field


class ExportTicket(BaseModel):
    """With which the caller fetches their data."""

    ticket: str = Field(description="A signed JWT of type data-export+jwt; send it as bearer token to `url`.")
    expires_in: int = Field(description="Seconds.", examples=[300])
    url: str = Field(description="Where the file is: one JSON document with the data of all services.")
