"""Token exchange (RFC 8693): the residents' app gets for a mini-app a token that opens nothing but that mini-app.

Who acts in somebody's name (`act`) exchanges by `acting.grant`.
"""

from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidRequestError,
    InvalidScopeError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)

from kit.security_log import record_on_commit
from svc_identity.oauth import access_tokens
from svc_identity.oauth.models import Client
from svc_identity.oauth.possession import PossessionRequired, ProofRefusedError
from svc_identity.oauth.requests import Allowed
from svc_identity.oauth.security_log import TOKEN_ISSUED
from svc_identity.oauth.subjects import SubjectType, subject_for
from svc_identity.own_apps import OWN_APPS

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a kind of token
_SCOPE = "mini_apps"
"""What an app needs to open mini-apps."""
_NEVER = {"offline_access"}
"""No token of an exchange can be refreshed."""


class InvalidTargetError(OAuth2Error):  # type: ignore[misc]  # Authlib ships no types
    error = "invalid_target"
    description = "audience is not a mini-app that may be opened"


class ExchangeGrant(PossessionRequired, BaseGrant, TokenEndpointMixin):  # type: ignore[misc]  # Authlib ships no types
    GRANT_TYPE = GRANT_TYPE
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def validate_token_request(self) -> None:
        form = self.request.form
        client = self.authenticate_token_endpoint_client()
        if client.client_id not in OWN_APPS or not client.check_grant_type(GRANT_TYPE):
            raise UnauthorizedClientError("only the platform's own apps open mini-apps")
        if form.get("subject_token_type") != ACCESS_TOKEN or "actor_token" in form or "resource" in form:
            raise InvalidRequestError("subject_token_type must be an access token; actors and resources have no place")
        if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
            raise InvalidRequestError("requested_token_type must be an access token")
        self._claims = self._subject(form.get("subject_token", ""), client)
        self._target = self._mini_app(form.get("audience", ""))
        self._scope = self._narrowed(form.get("scope", "openid"))
        self.request.client = client

    def _subject(self, token: str, client: Client) -> access_tokens.Claims:
        """What the token of the app says; only its own, in force, of a person, and with the key it is bound to."""
        claims = access_tokens.read(self.server.issuer, token)
        is_own = claims is not None and claims["client_id"] == client.client_id and access_tokens.is_of_person(claims)
        if claims is None or not is_own or not access_tokens.is_in_force(self.server.session, claims):
            raise InvalidRequestError("subject_token is not an access token of this app that is in force")
        if _SCOPE not in claims["scope"].split():
            raise InvalidScopeError(f"the token has no scope {_SCOPE}")
        bound_to = claims.get("cnf", {}).get("jkt")
        if bound_to and bound_to != self.request.proof_key:
            raise ProofRefusedError("subject_token is bound to a key: prove it")
        return claims

    def _mini_app(self, audience: str) -> Client:
        target: Client | None = self.server.query_client(audience)
        if target is None or not target.in_force or target.subject_type != SubjectType.PAIRWISE:
            raise InvalidTargetError
        return target

    def _narrowed(self, wanted: str) -> str:
        scopes = list(dict.fromkeys(wanted.split()))
        granted = set(self._target.scopes) & set(self._claims["scope"].split())
        if not scopes or not set(scopes) <= granted - _NEVER:
            raise InvalidScopeError("scope has what the mini-app, or this token, was not granted")
        return " ".join(scopes)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        issuer, person_id = self.server.issuer, access_tokens.person_of(self._claims)
        subject = subject_for(issuer.subject_key, self._target, person_id)
        token = issuer.exchanged_token(self._claims, self._target, subject, self._scope)
        self.request.allowed = Allowed(person_id, self._target.client_id, self._scope.split())
        about = {"person_id": person_id, "client_id": self._target.client_id}
        record_on_commit(self.server.session, TOKEN_ISSUED, "token_exchange", **about)
        return 200, {**token, "issued_token_type": ACCESS_TOKEN}, self.TOKEN_RESPONSE_HEADER
