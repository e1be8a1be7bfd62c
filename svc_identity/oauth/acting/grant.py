"""A person gets a token in which they act for another subject (RFC 8693): `sub` is the subject, `act` the person.

The subject is named by its id, which is no secret and proves nothing; the actor proves themselves by their own access
token, and `principals` says what they may.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidRequestError,
    InvalidScopeError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)

from chassis.db import now
from chassis.settings import AUDIENCE
from kit.security_log import record_on_commit
from svc_identity.oauth import access_tokens
from svc_identity.oauth.acting import principals
from svc_identity.oauth.exchange import ACCESS_TOKEN, GRANT_TYPE, InvalidTargetError
from svc_identity.oauth.models import Client
from svc_identity.oauth.possession import PossessionRequired, ProofRefusedError
from svc_identity.oauth.requests import Parsed
from svc_identity.oauth.security_log import TOKEN_ISSUED
from svc_identity.own_apps import OWN_APPS
from svc_identity.people.authorities.service import LONGEST_SECONDS, Authority
from svc_identity.people.persons.models import Person


class NotAuthorisedError(OAuth2Error):  # type: ignore[misc]  # Authlib ships no types
    error = "invalid_request"
    description = "the actor may not act for this subject now"


class ActingGrant(PossessionRequired, BaseGrant, TokenEndpointMixin):  # type: ignore[misc]  # Authlib ships no types
    GRANT_TYPE = GRANT_TYPE
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    @classmethod
    def check_token_endpoint(cls, request: Parsed) -> bool:
        form = request.form
        return bool(form.get("grant_type") == GRANT_TYPE and principals.kind_of(form.get("subject_token_type", "")))

    def validate_token_request(self) -> None:
        form = self.request.form
        client = self.authenticate_token_endpoint_client()
        if client.client_id not in OWN_APPS or not client.check_grant_type(GRANT_TYPE):
            raise UnauthorizedClientError("people act for others in the platform's own apps only")
        types = form.get("actor_token_type"), form.get("requested_token_type", ACCESS_TOKEN)
        if types != (ACCESS_TOKEN, ACCESS_TOKEN):
            raise InvalidRequestError("actor_token_type and requested_token_type must be an access token")
        if form.get("audience", AUDIENCE) != AUDIENCE or "resource" in form:
            raise InvalidTargetError(description=f"such a token is good at the platform's services: {AUDIENCE}")
        self._kind = str(principals.kind_of(form["subject_token_type"]))
        self._actor = self._acting(form.get("actor_token", ""), client)
        self._subject = _id_of(form.get("subject_token", ""))
        self._authority = self._found()
        self._scope = self._narrowed(client, form.get("scope", ""))
        self.request.client = client

    def _acting(self, token: str, client: Client) -> access_tokens.Claims:
        """The claims of the actor's own token, which is bound to the key that this request proves."""
        claims = access_tokens.read(self.server.issuer, token)
        is_own = claims is not None and claims["client_id"] == client.client_id and access_tokens.is_of_person(claims)
        if claims is None or not is_own:
            raise InvalidRequestError("actor_token is not an access token of a person at this client")
        if not access_tokens.is_in_force(self.server.session, claims):
            raise InvalidRequestError("actor_token is not in force")
        if self.request.proof_key is None or claims.get("cnf", {}).get("jkt") != self.request.proof_key:
            raise ProofRefusedError("actor_token must be bound to a key (RFC 9449): prove it")
        return claims

    def _found(self) -> Authority:
        found = principals.authority_of(
            self.server.session, self._kind, access_tokens.person_of(self._actor), self._subject
        )
        if found is None:
            self.server.refusal.ids["person_id"] = self._actor["sub"]
            raise NotAuthorisedError
        return found

    def _narrowed(self, client: Client, wanted: str) -> str:
        """What was asked for, or all there is: of the authority, of the actor's token and of the client."""
        granted = self._authority.scopes & set(self._actor["scope"].split()) & set(client.scopes)
        scopes = list(dict.fromkeys(wanted.split())) or sorted(granted)
        if not scopes or not set(scopes) <= granted:
            raise InvalidScopeError("scope has what the authority, or the actor's token, does not allow")
        return " ".join(scopes)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        session, actor = self.server.session, self._actor
        person = session.get_one(Person, access_tokens.person_of(actor))
        token = self.server.issuer.acting_token(
            actor,
            self._scope,
            _seconds_left(actor["exp"], self._authority.until),
            sub=str(self._subject),
            kind=self._kind,
            assurance_level=person.assurance_level,
            authority=self._authority.id,
            division_codes=list(self._authority.division_codes),
            limits=dict(self._authority.limits),
        )
        about = {"person_id": actor["sub"], "client_id": actor["client_id"], "subject": str(self._subject)}
        record_on_commit(session, TOKEN_ISSUED, "acting", **about, authority=self._authority.id)
        return 200, {**token, "issued_token_type": ACCESS_TOKEN}, self.TOKEN_RESPONSE_HEADER


def _id_of(subject_token: str) -> UUID:
    try:
        return UUID(subject_token)
    except ValueError:
        raise InvalidRequestError("subject_token must be the id of the subject") from None


def _seconds_left(token_expires: int, until: datetime | None) -> int:
    ends = [token_expires, *([int(until.timestamp())] if until else [])]
    left = min(LONGEST_SECONDS, *(end - int(now().timestamp()) for end in ends))
    if left <= 0:
        raise NotAuthorisedError
    return left
