"""Token exchange (RFC 8693) by which a helper acts for a relative: `sub` is the relative, `act` the helper."""

from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnauthorizedClientError

from chassis.db import now
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from svc_identity.oauth import access_tokens
from svc_identity.oauth.app_access.service import OWN_APPS
from svc_identity.oauth.exchange import ACCESS_TOKEN, GRANT_TYPE, ExchangeGrant, InvalidTargetError
from svc_identity.oauth.requests import Parsed
from svc_identity.people.families.authorization import Permission, permission_of

RESOURCE = "urn:myili:family-account:"
"""Before the id of the family account, in the parameter `resource`."""
KIND = "helper"
"""The kind of a caller with such a token; an operation that does not name it refuses the token."""
HELPER_TOKEN_ISSUED = SecurityEvent("helper_token_issued")


class FamilyExchangeGrant(ExchangeGrant):
    """The token is never refreshed or exchanged, and ends with the family account: services refuse it from then on."""

    @classmethod
    def check_token_endpoint(cls, request: Parsed) -> bool:
        asked: str = request.form.get("resource", "")
        return request.payload.grant_type == GRANT_TYPE and asked.startswith(RESOURCE)

    def validate_token_request(self) -> None:
        form = self.request.form
        client = self.authenticate_token_endpoint_client()
        if client.client_id not in OWN_APPS or not client.check_grant_type(GRANT_TYPE):
            raise UnauthorizedClientError("only the platform's own apps act for relatives")
        if form.get("subject_token_type") != ACCESS_TOKEN or "actor_token" in form or "audience" in form:
            raise InvalidRequestError("subject_token_type must be an access token; actors and audiences have no place")
        if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
            raise InvalidRequestError("requested_token_type must be an access token")
        self._claims = self._subject(form.get("subject_token", ""), client)
        self._permission = self._permitted(form["resource"].removeprefix(RESOURCE))
        self._scope = self._granted(form.get("scope", ""))
        self.request.client = client

    def _permitted(self, family_account_id: str) -> Permission:
        try:
            wanted = UUID(family_account_id)
        except ValueError:
            raise _no_family_account() from None
        permission = permission_of(self.server.session, access_tokens.person_of(self._claims), wanted)
        if permission is None:
            raise _no_family_account()
        return permission

    def _granted(self, wanted: str) -> str:
        """What is asked for, or everything, of what both the family account and the helper's own token allow."""
        allowed = self._permission.scopes & set(self._claims["scope"].split())
        scopes = list(dict.fromkeys(wanted.split())) or sorted(allowed)
        if not scopes or not set(scopes) <= allowed:
            raise InvalidScopeError("scope has what the family account, or this token, does not allow")
        return " ".join(scopes)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        permission, claims = self._permission, self._claims
        seconds = int((permission.valid_until - now()).total_seconds())
        token = self.server.issuer.helper_token(
            claims,
            self._scope,
            seconds,
            sub=str(permission.helped_id),
            kind=KIND,
            authority=str(permission.family_account_id),
            limits=permission.limits,
        )
        about = {"person_id": permission.helped_id, "actor_id": claims["sub"]}
        about |= {"family_account_id": permission.family_account_id}
        record_on_commit(self.server.session, HELPER_TOKEN_ISSUED, **about)
        return 200, {**token, "issued_token_type": ACCESS_TOKEN}, self.TOKEN_RESPONSE_HEADER


def _no_family_account() -> InvalidTargetError:
    """One refusal for all: whose a family account is, and why it gives nothing now, is not disclosed."""
    error = InvalidTargetError()
    error.description = "resource is not a family account in force in which this person helps"
    return error
