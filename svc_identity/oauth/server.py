"""The authorization server: Authlib's protocol checks over our tables and our tokens.

Authlib's core is synchronous. An `AuthorizationServer` is made for one request, around the synchronous face of its
transaction (`tx.run_sync`), so that all it reads and writes commits with everything else. Where Authlib is laxer than
RFC 9700 asks, the grants in `grants.py` are stricter; docs/decisions/0010 says which part does what.
"""

import logging
from collections.abc import Sequence
from email.utils import format_datetime
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import AuthorizationServer as AuthlibServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, UnsupportedTokenTypeError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, RedirectResponse, Response

from kit.security_log import CLIENT_REFUSED, record_on_commit
from svc_identity.oauth import possession, pushed, refresh
from svc_identity.oauth.access_tokens import is_access_token
from svc_identity.oauth.acting.grant import ActingGrant
from svc_identity.oauth.assertions import PrivateKeyJwt
from svc_identity.oauth.devices.grant import DeviceGrant, DeviceRequests
from svc_identity.oauth.exchange import ExchangeGrant
from svc_identity.oauth.grants import ClientGrant, CodeGrant, IdToken, RefreshGrant, S256Only
from svc_identity.oauth.introspection import Introspection
from svc_identity.oauth.issuer import RS256_DEPRECATED, RS256_ENDS, Issuer
from svc_identity.oauth.login_codes.grant import LoginCodeGrant
from svc_identity.oauth.models import Client, EndReason, TokenFamily
from svc_identity.oauth.requests import Parsed
from svc_identity.oauth.security_log import PROOF_REFUSED, SIGNED_OUT, Refusal
from svc_identity.people.persons.models import Person

logging.getLogger("authlib").setLevel(logging.WARNING)  # at DEBUG it writes whole tokens

_LONGEST_CLIENT_ID = 100
_PROOFS = {"none": "the client_id", "private_key_jwt": "a client_assertion with its client_assertion_type"}
_MALFORMED = InvalidRequestError("a parameter has characters that OAuth does not allow in it")


class AuthorizationServer(AuthlibServer):  # type: ignore[misc]  # Authlib ships no types
    def __init__(self, session: Session, issuer: Issuer) -> None:
        super().__init__()
        self.session = session
        self.issuer = issuer
        self.refusal = Refusal()
        self.assertions = PrivateKeyJwt(session, issuer, self.refusal)
        self.register_client_auth_method("private_key_jwt", self.assertions)
        self.register_grant(CodeGrant, [S256Only(), IdToken(issuer)])
        self.register_grant(RefreshGrant)
        self.register_grant(ClientGrant)
        self.register_grant(DeviceGrant, [IdToken(issuer)])
        self.register_endpoint(DeviceRequests)
        for exchange in (ActingGrant, LoginCodeGrant):  # before the other exchange, which refuses what these take
            self.register_grant(exchange)
        self.register_grant(ExchangeGrant)
        self.register_endpoint(Revocation)
        self.register_endpoint(Introspection)

    def query_client(self, client_id: str) -> Client | None:
        # An assertion's `sub` is unchecked JSON: PostgreSQL may reject it as a parameter.
        well_formed = len(client_id) <= _LONGEST_CLIENT_ID and client_id.isascii() and client_id.isprintable()
        return self.session.get(Client, client_id) if well_formed else None

    def authenticate_client(self, request: Parsed, methods: Sequence[str], endpoint: str = "token") -> Client:
        attempts = _attempts(request)
        if len(attempts) > 1:
            raise InvalidRequestError(f"a client proves itself in one way, not with {' and '.join(attempts)}")
        try:
            client: Client = super().authenticate_client(request, methods, endpoint)
        except InvalidClientError as error:
            if f"{methods}" not in (error.description or ""):
                raise
            # Authlib would show a Python tuple of its method names here.
            wanted = " or ".join(_PROOFS[method] for method in methods)
            raise InvalidClientError(f"send {wanted} of a client that may make this request") from None
        if not client.in_force:
            self.refusal.reason = "client_suspended"
            raise InvalidClientError("this client is suspended")
        if attempts and request.auth_method == "none":
            raise InvalidClientError(f"this client has nothing to prove itself with; leave out {attempts[0]}")
        return client

    def save_token(self, token: object, request: Parsed) -> None:
        """Nothing to save: access tokens are signed statements, refresh tokens are rows of their families."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """No hooks are used."""

    def create_oauth2_request(self, request: Parsed) -> Parsed:
        return request

    # Authlib repeats parameters in its refusals, and raises ValueError where their characters are not allowed there.

    def get_consent_grant(self, request: Parsed, end_user: Person | None = None) -> Any:  # noqa: ANN401 - Authlib's
        try:
            return super().get_consent_grant(request, end_user)
        except ValueError:
            raise _MALFORMED from None

    def create_token_response(self, request: Parsed) -> Response:
        try:
            response: Response = super().create_token_response(request)
        except ValueError:
            return self.handle_error_response(request, _MALFORMED)
        return response

    def create_endpoint_response(self, name: str, request: Parsed) -> Response:
        try:
            response: Response = super().create_endpoint_response(name, request)
        except ValueError:
            return self.handle_error_response(request, _MALFORMED)
        return response

    def push(self, request: Parsed) -> Response:
        """Take an app's authorization request and answer with the reference by which its browser brings it."""
        try:
            request.client = self.authenticate_client(request, CodeGrant.TOKEN_ENDPOINT_AUTH_METHODS, "par")
            if "request_uri" in request.form:
                raise InvalidRequestError("a pushed request holds no request_uri")
            request.pushed = True
            self.get_consent_grant(request)
            reference = pushed.push(self.issuer.request_key, possession.bind_request(request))
        except OAuth2Error as error:
            error.redirect_uri = None  # the app itself asks, so nothing is redirected
            return self.handle_error_response(request, error)
        answer = {"request_uri": reference, "expires_in": int(pushed.LIFE.total_seconds())}
        return self.handle_response(201, answer, [("Cache-Control", "no-store")])

    def authorize(self, request: Parsed, person: Person) -> Response:
        """Send the browser back to the app with a code for this person.

        Raises:
            OAuth2Error: the client changed since its request was first checked.
        """
        grant = self.get_consent_grant(request, person)
        response: Response = self.create_authorization_response(request, person, grant)
        return response

    def handle_response(self, status: int, body: Any, headers: Sequence[tuple[str, str]]) -> Response:  # noqa: ANN401
        if self.assertions.algorithm == "RS256":  # RFC 9745 and RFC 8594
            deprecated = ("Deprecation", f"@{int(RS256_DEPRECATED.timestamp())}")
            headers = [*headers, deprecated, ("Sunset", format_datetime(RS256_ENDS, usegmt=True))]
        location = dict(headers).get("Location")
        return _to_app(self.issuer, location) if location else JSONResponse(body, status, dict(headers))

    def handle_error_response(self, request: Parsed, error: OAuth2Error) -> Response:
        status, body, headers = error()
        if request.client:  # proved, or an app's, which is public; never a name that is only claimed
            self.refusal.ids["client_id"] = request.client.client_id
        if error.error == "invalid_client":
            self.refusal.event = CLIENT_REFUSED
            # RFC 6749, section 5.2: the challenge has the scheme that the client tried.
            challenge = 'Basic realm="myili"' if request.has_basic else 'Bearer realm="myili", error="invalid_client"'
            status, headers = 401, [*headers, ("WWW-Authenticate", challenge)]
        if error.error == possession.ProofRefusedError.error:
            self.refusal.event = PROOF_REFUSED
        if error.error != possession.NonceNeededError.error:  # an ordinary step of every client that proves a key
            self.refusal.record(error.error)
        return self.handle_response(status, body, headers)


def _attempts(request: Parsed) -> list[str]:
    """By what means a client tries to prove itself; its bare client_id is none (RFC 6749, section 2.3)."""
    in_form = ("client_secret", "client_assertion")
    assertion_type = [] if request.form.get("client_assertion") else ["client_assertion_type"]
    header = ["the Authorization header"] if request.has_basic else []
    return header + [name for name in (*in_form, *assertion_type) if request.form.get(name)]


def redirect_to_app(issuer: Issuer, error: OAuth2Error, more: Sequence[tuple[str, str]] = ()) -> Response:
    """Tell the app, through the browser, why its authorization request is refused."""
    _status, _body, headers = error()
    return _to_app(issuer, add_params_to_uri(dict(headers)["Location"], list(more)))


def _to_app(issuer: Issuer, location: str) -> Response:
    return to_app(add_params_to_uri(location, [("iss", issuer.name)]))  # RFC 9207


def to_app(address: str) -> Response:
    """Send the browser to an address in the app."""
    # 303, or the browser would repeat the form post, with what was typed in it, to the app (RFC 9700, 4.12).
    return RedirectResponse(address, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


class Revocation(RevocationEndpoint):  # type: ignore[misc]  # Authlib ships no types
    """RFC 7009 for refresh tokens. An access token is self-contained and cannot be revoked; the answer says so."""

    CLIENT_AUTH_METHODS = ("none", "private_key_jwt")

    def query_token(self, token: str, token_type_hint: str | None) -> TokenFamily | None:  # noqa: ARG002 - Authlib's
        if is_access_token(token):
            error = UnsupportedTokenTypeError()
            error.status_code, error.description = 400, "access tokens expire by themselves, in ten minutes"
            raise error
        presented = refresh.read(self.server.issuer.refresh_key, token)
        session: Session = self.server.session
        return session.get(TokenFamily, presented.family_id, with_for_update=True) if presented else None

    def revoke_token(self, token: TokenFamily, request: Parsed) -> None:  # noqa: ARG002 - Authlib's signature
        if token.ended_at is None:
            refresh.end(token, EndReason.REVOKED)
            about = {"family_id": token.id, "person_id": token.person_id, "client_id": token.client_id}
            record_on_commit(self.server.session, SIGNED_OUT, EndReason.REVOKED, **about)
