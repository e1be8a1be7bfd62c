"""How a company proves that a change of its connection is its own: two secrets that are kept in different places.

The application token is with the people who applied, the private key with their systems. A thief of one of them can
change nothing: he cannot lock the company out, and cannot add a key that outlives the stolen one.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.problems import NotFound
from chassis.telemetry import log
from kit.key_terms import in_force
from svc_services.providers.applications.models import Provider
from svc_services.providers.applications.service import application_read_with
from svc_services.providers.connections.models import UsedProof
from svc_services.providers.connections.refusals import CompanyProofInvalid

TYPE = "provider-proof+jwt"
AUDIENCE = "myili:services"
MOST_SECONDS = 300
_CLOCK_LEEWAY = 30
_ALGORITHMS = ["ES256", "PS256", "Ed25519", "EdDSA", "RS256"]


@dataclass(frozen=True)
class SignedRequest:
    """The parts of a request that its proof covers."""

    method: str
    path: str
    body: bytes

    @property
    def body_sha256(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.body).digest()).rstrip(b"=").decode()


class Claims(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    sub: str
    aud: str
    exp: int
    jti: Annotated[str, Field(min_length=16, max_length=128)]
    htm: str
    """The request's method."""
    htp: str
    """The request's path."""
    body_sha256: str
    """base64url without padding, of the body as sent; also of an empty one."""


@dataclass(frozen=True)
class CompanyProof:
    """A verified proof; `consume` makes sure that it is used once."""

    provider_id: UUID
    key: str
    jti: str
    expires_at: datetime


async def verified(
    tx: AsyncSession, provider_id: UUID, application_token: str, proof: str, request: SignedRequest
) -> CompanyProof:
    """The proof of a request by a provider's company.

    Raises:
        CompanyProofInvalid
    """
    try:
        await application_read_with(tx, provider_id, application_token)
        provider = await tx.get(Provider, provider_id)
    except NotFound:
        provider = None
    if provider is None:
        raise _refused(provider_id, "credentials")
    key, claims = _decoded(provider, proof)
    if claims.sub != str(provider_id) or claims.aud != AUDIENCE:
        raise _refused(provider_id, "proof")
    if not 0 < claims.exp + _CLOCK_LEEWAY - now().timestamp() <= MOST_SECONDS + 2 * _CLOCK_LEEWAY:
        raise _refused(provider_id, "expired")
    if (claims.htm, claims.htp, claims.body_sha256) != (request.method, request.path, request.body_sha256):
        raise _refused(provider_id, "other_request")
    return CompanyProof(provider_id, key, claims.jti, datetime.fromtimestamp(claims.exp + _CLOCK_LEEWAY, UTC))


async def consume(tx: AsyncSession, proof: CompanyProof) -> None:
    """Use a proof up; of two requests at once only one gets it.

    Raises:
        CompanyProofInvalid
    """
    jti_hash = hashlib.sha256(proof.jti.encode("utf-8", "surrogatepass")).digest()
    row = {"provider_id": proof.provider_id, "jti_hash": jti_hash, "expires_at": proof.expires_at}
    first = insert(UsedProof).values(row).on_conflict_do_nothing().returning(UsedProof.provider_id)
    if await tx.scalar(first) is None:
        raise _refused(proof.provider_id, "used")


def _decoded(provider: Provider, proof: str) -> tuple[str, Claims]:
    """The thumbprint of the signing key, and the claims."""
    try:
        keys = KeySet.import_key_set(in_force(provider.jwks, now()))  # type: ignore[arg-type]  # JSON, checked before
        token = jwt.decode(proof, keys, algorithms=_ALGORITHMS)
        if token.header.get("typ") != TYPE or not token.header.get("kid"):
            raise _refused(provider.id, "proof")
        return keys.get_by_kid(token.header["kid"]).thumbprint(), Claims.model_validate(token.claims)
    # ValueError, TypeError and RecursionError: JSON that is not JOSE.
    except (JoseError, ValidationError, ValueError, TypeError, RecursionError):
        raise _refused(provider.id, "proof") from None


def _refused(provider_id: UUID, reason: str) -> CompanyProofInvalid:
    log.warning("company_proof_refused", provider_id=str(provider_id), reason=reason)
    return CompanyProofInvalid(reason=reason)
