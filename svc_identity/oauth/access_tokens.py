"""Access tokens that come back to their issuer, which knows whether what gave them has ended since."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from chassis.settings import AUDIENCE
from svc_identity.oauth import standing
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.models import Client
from svc_identity.oauth.subjects import shown_sign_in

INTROSPECTION_SCOPE = "tokens:introspect"
"""Of clients that serve resources themselves and read what others' tokens allow."""
_JWT_DOTS = 2

Claims = dict[str, Any]


def is_access_token(token: str) -> bool:
    """Whether it has the form of one; refresh tokens have no dots."""
    return token.count(".") == _JWT_DOTS


def read(issuer: Issuer, token: str, *, of_any_audience: bool = False) -> Claims | None:
    """The claims of an access token that was issued here, for the platform's services, and has not expired.

    Args:
        issuer: who issues them.
        token: as it was presented.
        of_any_audience: also those of one mini-app, which an exchange gives.
    """
    keys = KeySet.import_key_set(issuer.signer.public_keys())  # type: ignore[arg-type]  # JSON of a key set
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": issuer.name},
        aud={"essential": True} if of_any_audience else {"essential": True, "value": AUDIENCE},
        exp={"essential": True},
    )
    try:
        decoded = jwt.decode(token, keys, algorithms=[issuer.signer.algorithm])
        registry.validate(decoded.claims)
    except (JoseError, ValueError, TypeError):  # the last two: headers that are JSON and no JOSE
        return None
    if decoded.header.get("typ") != "at+jwt":
        return None
    if decoded.claims["aud"] != AUDIENCE and "sid" in decoded.claims:
        return decoded.claims | {"sid": shown_sign_in(issuer.sign_in_key, decoded.claims["sid"])}
    return decoded.claims


@dataclass(frozen=True)
class Given:
    """Whom a token gave access to."""

    subject: str
    kind: str
    client_id: str
    client_key: str | None
    sid: str | None
    actor: str | None = None
    authority: str | None = None


def is_in_force(session: Session, claims: Claims) -> bool:
    """Whether what a token gave still stands."""
    actor = claims.get("act", {}).get("sub"), claims.get("authority")
    proved = claims.get("client_key"), claims.get("sid")
    given = Given(claims["sub"], claims["kind"], claims["client_id"], *proved, *actor)
    return session.get(Client, given.client_id) is not None and not standing.has_ended(session, given)


def is_of_person(claims: Claims) -> bool:
    """Whether it is a person's own token; in an exchanged one `act` is who acts."""
    return bool(claims["kind"] == "person" and "act" not in claims)


def person_of(claims: Claims) -> UUID:
    return UUID(claims["sub"])


def may_be_read_by(client: Client, claims: Claims) -> bool:
    """Whether a client may introspect a token: its own, or any if it serves resources."""
    return claims["client_id"] == client.client_id or INTROSPECTION_SCOPE in client.scopes
