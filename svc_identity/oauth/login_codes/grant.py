"""The server of a mini-app exchanges the code of a resident who has opened it (RFC 8693).

It learns the name that the mini-app has for the resident, and what they have just agreed to release.
"""

from typing import Any

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidGrantError,
    InvalidRequestError,
    TokenEndpointMixin,
    UnauthorizedClientError,
)
from sqlalchemy import select
from sqlalchemy.orm import undefer

from kit.security_log import record_on_commit
from svc_identity.oauth.exchange import ACCESS_TOKEN, GRANT_TYPE
from svc_identity.oauth.login_codes import service
from svc_identity.oauth.login_codes.models import LoginCode
from svc_identity.oauth.requests import Parsed
from svc_identity.oauth.security_log import TOKEN_ISSUED, TOKEN_REUSED
from svc_identity.oauth.subjects import SubjectType, subject_for
from svc_identity.people.personal_data.models import PersonalDataRead, Purpose
from svc_identity.people.personal_data.service import APP_READER
from svc_identity.people.persons.models import Person

LOGIN_CODE = "urn:myili:oauth:token-type:login-code"


class LoginCodeGrant(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]  # Authlib ships no types
    GRANT_TYPE = GRANT_TYPE
    TOKEN_ENDPOINT_AUTH_METHODS = ("private_key_jwt",)

    @classmethod
    def check_token_endpoint(cls, request: Parsed) -> bool:
        form = request.form
        return form.get("grant_type") == GRANT_TYPE and form.get("subject_token_type") == LOGIN_CODE

    def validate_token_request(self) -> None:
        form = self.request.form
        client = self.authenticate_token_endpoint_client()
        if client.subject_type != SubjectType.PAIRWISE or not client.check_grant_type(GRANT_TYPE):
            raise UnauthorizedClientError("login codes are for the servers of mini-apps")
        if {"actor_token", "resource", "audience", "scope"} & form.keys():
            raise InvalidRequestError("the code says for whom and for what it is; send it alone")
        if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
            raise InvalidRequestError("requested_token_type must be an access token")
        if not form.get("subject_token"):
            raise InvalidRequestError("subject_token is missing: send the code")
        self.request.client = client
        self._code = self._redeemed(form["subject_token"])

    def _redeemed(self, code: str) -> LoginCode:
        redemption = service.redeem(self.server.session, self.request.client, code)
        if redemption.code is None:
            self.server.refusal.reason = redemption.reason
            if redemption.reason == service.REUSED:
                self.server.refusal.event = TOKEN_REUSED
            raise InvalidGrantError("the code is unknown here, used, withdrawn or five minutes old: get a new one")
        return redemption.code

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        issuer, code, client = self.server.issuer, self._code, self.request.client
        claims = {"sid": code.sid, "auth_time": code.auth_time, "acr": code.acr, "amr": code.amr}
        openid = subject_for(issuer.subject_key, client, code.person_id)
        token = issuer.exchanged_token(claims, client, openid, " ".join(code.scopes))
        about = {"person_id": code.person_id, "client_id": client.client_id}
        record_on_commit(self.server.session, TOKEN_ISSUED, "login_code", **about)
        answer = {**token, "issued_token_type": ACCESS_TOKEN, "openid": openid, **self._released(code)}
        return 200, answer, self.TOKEN_RESPONSE_HEADER

    def _released(self, code: LoginCode) -> dict[str, Any]:
        """What the resident has agreed to release; each release is logged, and shown to them."""
        fields = [field for scope, field in service.RELEASED.items() if scope in code.scopes]
        if not fields:
            return {}
        query = select(Person).where(Person.id == code.person_id)
        person = self.server.session.scalars(query.options(*(undefer(getattr(Person, each)) for each in fields))).one()
        reader = f"{APP_READER}{code.client_id}"
        self.server.session.add(
            PersonalDataRead(person_id=person.id, reader=reader, fields=fields, purpose=Purpose.USER_INFO)
        )
        clear = {field: getattr(person, field) for field in fields}
        return {
            name: clear[field]
            for field, name in (("name", "name"), ("phone", "phone_number"))
            if clear.get(field) is not None
        }
