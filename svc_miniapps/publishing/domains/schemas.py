from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from svc_miniapps.publishing.domains.models import AppDomain as DomainRow
from svc_miniapps.publishing.domains.models import DomainStatus, Failure, ProofMethod


class NewDomain(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    host: Annotated[str, Field(min_length=1, max_length=260)]
    """A public host name in lower case, an international one in punycode; `*.` before it stands for every name below
    it. No address, no port."""
    method: ProofMethod = ProofMethod.FILE


class AppDomain(BaseModel):
    """A server of a mini-app, and how its team proves that it controls it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    domain_id: UUID
    app_id: UUID
    host: str
    method: ProofMethod
    status: DomainStatus
    proof_url: str
    """Where the proof is looked for, today and each day."""
    proof_content: str
    """What the file holds; for the method `signature`, see the guide for county teams."""
    token_expires_at: datetime
    """Until then it has to be proven once."""
    registered_at: datetime
    proven_at: datetime | None
    confirmed_at: datetime | None
    """When the proof was last found."""
    failure: Failure | None
    """What the last check found; expect further ones within v1."""
    failing_since: datetime | None

    @classmethod
    def of(cls, domain: DomainRow) -> "AppDomain":
        return cls(
            domain_id=domain.id,
            app_id=domain.app_id,
            host=domain.host,
            method=domain.method,
            status=domain.status,
            proof_url=domain.proof_url,
            proof_content=domain.content,
            token_expires_at=domain.token_expires_at,
            registered_at=domain.registered_at,
            proven_at=domain.proven_at,
            confirmed_at=domain.confirmed_at,
            failure=domain.failure,
            failing_since=domain.failing_since,
        )


class RegisteredDomain(BaseModel):
    """A server of an app as a reviewer sees it."""

    model_config = ConfigDict(from_attributes=True)

    host: str
    status: DomainStatus
    proven_at: datetime | None
    confirmed_at: datetime | None
