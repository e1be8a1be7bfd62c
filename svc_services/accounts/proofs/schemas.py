from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from svc_services.fields import AccountNumber


class NewAccountProof(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    attestation: Annotated[str, Field(min_length=1, max_length=8192)]
    """From POST /identity/v1/me/attestations; valid once."""


class NewAccountProofRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    account_number: AccountNumber


class AccountProofRequest(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    account_number: str
    prove_by: date
    """If somebody has bound the account, the last day for them to be verified; an earlier request keeps its day."""
