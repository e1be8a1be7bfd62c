"""Token introspection (RFC 7662) for clients that prove themselves."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from chassis.settings import AUDIENCE
from svc_identity.oauth import access_tokens
from svc_identity.oauth.access_tokens import Claims
from svc_identity.oauth.models import Client
from svc_identity.oauth.requests import Parsed
from svc_identity.oauth.subjects import subject_for

_TOLD = ("iss", "aud", "sub", "client_id", "scope", "exp", "iat", "jti", "acr", "amr", "auth_time", "cnf")
_ACTING = ("act", "authority", "division_codes")


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]  # Authlib ships no types
    """The answer for a token of others is that of one that is unknown: it discloses nothing.

    Refresh tokens belong to apps, which cannot prove themselves, so none is introspected.
    """

    CLIENT_AUTH_METHODS = ("private_key_jwt",)

    def authenticate_token(self, request: Parsed, client: Client) -> Claims | None:
        token = request.form.get("token")
        if not token:
            raise InvalidRequestError("token is missing")
        claims = access_tokens.read(self.server.issuer, token, of_any_audience=True)
        if claims is None or not access_tokens.may_be_read_by(client, claims):
            return None
        return claims if access_tokens.is_in_force(self.server.session, claims) else None

    def create_introspection_payload(self, token: Claims | None) -> dict[str, Any]:
        if token is None:
            return {"active": False}
        told = {name: token[name] for name in (*_TOLD, *_ACTING) if name in token}
        if token["kind"] == "person" and token["aud"] == AUDIENCE:  # a mini-app's has its own name already
            of_token = self.server.session.get_one(Client, token["client_id"])
            told["sub"] = subject_for(self.server.issuer.subject_key, of_token, access_tokens.person_of(token))
        return {"active": True, "token_type": "DPoP" if "cnf" in token else "Bearer", **told}
