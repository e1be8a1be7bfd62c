"""RP-initiated logout (OpenID Connect): an app's request to end one of its sign-ins, which the person confirms."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from authlib.common.urls import add_params_to_uri
from joserfc import jwt
from joserfc.errors import JoseError
from sqlalchemy.orm import Session

from kit.security_log import record_on_commit
from svc_identity.oauth import refresh
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.models import Client, EndReason, TokenFamily, without_loopback_port
from svc_identity.oauth.security_log import SIGNED_OUT

PARAMETERS = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales")


class LogoutRefused(Exception):  # noqa: N818 - a refusal is an answer
    """The request names no sign-in of the app."""


class UnknownAddress(LogoutRefused):
    """The address to go on to is not registered for the app."""


@dataclass(frozen=True)
class LogoutRequest:
    client_id: str
    family_id: UUID
    redirect_uri: str
    """Where the browser goes on to; may be empty."""
    state: str

    @property
    def way_on(self) -> str:
        state = [("state", self.state)] if self.state else []
        return str(add_params_to_uri(self.redirect_uri, state))


def check(session: Session, issuer: Issuer, parameters: Mapping[str, str]) -> LogoutRequest:
    """The request, when its ID token was issued here to the app, whose address it names.

    The ID token is the proof that the app has this sign-in: nobody stays signed in to our pages, so without one there
    is nothing to end.

    Raises:
        LogoutRefused, UnknownAddress
    """
    client_id, family_id = _read_hint(issuer, parameters.get("id_token_hint", ""))
    client = session.get(Client, client_id)
    if client is None or parameters.get("client_id", client_id) != client_id:
        raise LogoutRefused
    redirect_uri = parameters.get("post_logout_redirect_uri", "")
    if redirect_uri and without_loopback_port(redirect_uri) not in client.post_logout_redirect_uris:
        raise UnknownAddress
    return LogoutRequest(client_id, family_id, redirect_uri, parameters.get("state", ""))


def _read_hint(issuer: Issuer, hint: str) -> tuple[str, UUID]:
    try:
        token = jwt.decode(hint, issuer.signer.known_keys, algorithms=[issuer.signer.algorithm])
        jwt.JWTClaimsRegistry(iss={"essential": True, "value": issuer.name}).validate_iss(token.claims.get("iss"))
        if token.header.get("typ") != "JWT":
            raise LogoutRefused
        # An ID token that has expired still names its sign-in.
        return str(token.claims["aud"]), UUID(token.claims["sid"])
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise LogoutRefused from None


def end(session: Session, request: LogoutRequest) -> None:
    """End the sign-in. Idempotent: one that has ended stays so."""
    family = session.get(TokenFamily, request.family_id, with_for_update=True)
    if family is None or family.ended_at is not None or family.client_id != request.client_id:
        return
    refresh.end(family, EndReason.REVOKED)
    about = {"family_id": family.id, "person_id": family.person_id, "client_id": family.client_id}
    record_on_commit(session, SIGNED_OUT, EndReason.REVOKED, **about)
