"""Access tokens that come back to their issuer, which knows whether what gave them has ended since."""

from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from chassis.settings import AUDIENCE
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.models import Client, TokenFamily

INTROSPECTION_SCOPE = "tokens:introspect"
"""Of clients that serve resources themselves and read what others' tokens allow."""
_JWT_DOTS = 2

Claims = dict[str, Any]


def is_access_token(token: str) -> bool:
    """Whether it has the form of one; refresh tokens have no dots."""
    return token.count(".") == _JWT_DOTS


def read(issuer: Issuer, token: str) -> Claims | None:
    """The claims of an access token that was issued here and has not expired."""
    keys = KeySet.import_key_set(issuer.signer.public_keys())  # type: ignore[arg-type]  # JSON of a key set
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer.name},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
    )
    try:
        decoded = jwt.decode(token, keys, algorithms=[issuer.signer.algorithm])
        registry.validate(decoded.claims)
    except (JoseError, ValueError, TypeError):  # the last two: headers that are JSON and no JOSE
        return None
    return decoded.claims if decoded.header.get("typ") == "at+jwt" else None


def is_in_force(session: Session, claims: Claims) -> bool:
    """Whether neither its client nor the sign-in or the key that gave it has ended."""
    client = session.get(Client, claims["client_id"])
    if client is None or client.suspended:
        return False
    if claims["kind"] == "client":
        return claims["client_key"] in client.key_thumbprints()
    if "sid" not in claims:  # issued by the release before this one
        return True
    family = session.get(TokenFamily, UUID(claims["sid"]))
    return family is not None and family.ended_at is None


def may_be_read_by(client: Client, claims: Claims) -> bool:
    """Whether a client may introspect a token: its own, or any if it serves resources."""
    return claims["client_id"] == client.client_id or INTROSPECTION_SCOPE in client.scopes
