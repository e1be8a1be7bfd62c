"""svc_identity's attestation of the caller's verified name, for an account binding."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from chassis.auth import Caller, TokenVerifier
from chassis.problems import Problem
from chassis.tokens import TokenExpired, TokenInvalid

TYPE = "attestation+jwt"
AUDIENCE = "myili:services"


class AttestationInvalid(Problem):
    status, code, security = 422, "attestation_invalid", TokenInvalid.security


class AttestationExpired(Problem):
    status, code, security = 422, "attestation_expired", TokenExpired.security


class AttestationNotYours(Problem):
    status, code = 403, "attestation_not_yours"


class Attestation(BaseModel):
    """The claims of a verified attestation. The name goes to the provider and nowhere else."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sub: str
    purpose: Literal["account_binding"]
    name: Annotated[SecretStr, Field(min_length=1, max_length=200)]
    jti: Annotated[str, Field(min_length=1, max_length=128)]
    exp: int

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.exp, UTC)


async def attested(verifier: TokenVerifier, caller: Caller, token: str) -> Attestation:
    """The attestation in a token.

    Raises:
        AttestationInvalid, AttestationExpired: it proves nothing, or nothing any more.
        AttestationNotYours: it is about another person.
    """
    try:
        attestation = await verifier.verify_statement(token, Attestation, typ=TYPE, audience=AUDIENCE)
    except TokenExpired:
        raise AttestationExpired from None
    except TokenInvalid:
        raise AttestationInvalid from None
    if attestation.sub != caller.subject:
        raise AttestationNotYours
    return attestation
