from typing import Literal

from pydantic import BaseModel, Field


class NewAttestation(BaseModel):
    purpose: Literal["account_binding"]


class Attestation(BaseModel):
    attestation: str = Field(description="A signed JWT of type attestation+jwt for the audience myili:services.")
    expires_in: int = Field(description="Seconds.")
