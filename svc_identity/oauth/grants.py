"""The three grants, each Authlib's with our storage, and stricter where RFC 9700 is."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnauthorizedClientError, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from joserfc.jwk import ECKey
from sqlalchemy.orm import Session

from chassis.db import now
from kit.security_log import record_on_commit
from svc_identity.oauth import codes, possession, refresh
from svc_identity.oauth.issuer import APP_SERVER_SCOPES, CODE_SECONDS, ID_TOKEN_SECONDS, PROMPTS, Issuer
from svc_identity.oauth.models import AuthorizationCode, Client, TokenFamily
from svc_identity.oauth.possession import PossessionRequired
from svc_identity.oauth.requests import Parsed
from svc_identity.oauth.security_log import TOKEN_ISSUED, TOKEN_REUSED
from svc_identity.oauth.subjects import subject_for
from svc_identity.organisations.queries import membership_claims
from svc_identity.people.persons.models import Person
from svc_identity.people.suspensions.queries import suspension_of

_SUSPENDED = "this client is suspended by the operators of the platform"
OF_APPS = ("none", "private_key_jwt")
"""How apps authenticate; `Client` says which of the two is good for one."""
_SECONDS = re.compile(r"[0-9]{1,9}")
_NOT_SUPPORTED = ("request", "request_uri", "registration")


class S256Only(CodeChallenge):  # type: ignore[misc]  # Authlib ships no types
    """PKCE for every client, with S256: Authlib alone makes it optional and accepts `plain`."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: "CodeGrant", redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: code_challenge with code_challenge_method S256")
        super().validate_code_challenge(grant, redirect_uri)


class IdToken(OpenIDCode):  # type: ignore[misc]  # Authlib ships no types
    def __init__(self, issuer: Issuer) -> None:
        super().__init__()
        self._issuer = issuer
        self._key = issuer.signer.key  # read once: another one may sign a moment later

    def resolve_client_private_key(self, client: Client) -> ECKey:  # noqa: ARG002 - one key for every client
        return self._key

    def get_client_algorithm(self, client: Client) -> str:  # noqa: ARG002 - one algorithm for every client
        return self._issuer.signer.algorithm

    def get_encode_header(self, client: Client) -> dict[str, Any]:
        return {"alg": self.get_client_algorithm(client), "typ": "JWT", "kid": self._key.kid}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        expires = int(now().timestamp()) + ID_TOKEN_SECONDS
        return {"iss": self._issuer.name, "aud": client.client_id, "exp": expires}

    def get_compatible_claims(self, request: Parsed) -> dict[str, Any]:
        claims: dict[str, Any] = super().get_compatible_claims(request)
        subject = subject_for(self._issuer.subject_key, request.client, request.user.id)
        return {**claims, "sub": subject, "sid": request.sid}

    def exists_nonce(self, nonce: str, request: Parsed) -> bool:  # noqa: ARG002 - Authlib's signature
        return False  # the nonce is the app's own check; a code is good once whatever the nonce

    def generate_user_info(self, user: Person, scope: str) -> dict[str, Any]:  # noqa: ARG002 - Authlib's signature
        return {}  # name and phone are at the userinfo endpoint, where each read is logged


class UnknownReturnAddressError(InvalidRequestError):  # type: ignore[misc]  # Authlib ships no types
    def __init__(self) -> None:
        super().__init__("redirect_uri is not one that is registered for this client")


def with_access(session: Session, person_id: UUID) -> Person | None:
    """The person of a sign-in, unless suspended; a suspension at the same time waits, and ends what this one gives."""
    person = session.get(Person, person_id, with_for_update={"read": True})
    return None if session.scalar(suspension_of(person_id)) else person


class CodeGrant(PossessionRequired, grants.AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib ships no types
    TOKEN_ENDPOINT_AUTH_METHODS = OF_APPS
    _family: TokenFamily | None = None

    @staticmethod
    def validate_authorization_redirect_uri(request: Parsed, client: Client) -> str:
        # Authlib repeats the wrong address in its error, and fails where that is not plain ASCII.
        redirect_uri = request.payload.redirect_uri
        if not redirect_uri or not client.check_redirect_uri(redirect_uri):
            raise UnknownReturnAddressError
        return str(redirect_uri)

    def validate_authorization_request(self) -> str:
        redirect_uri: str = super().validate_authorization_request()
        data = self.request.payload.data
        self._require_client_that_may_ask(redirect_uri)
        if self.request.repeated:  # Authlib looks at five of them
            raise InvalidRequestError("a parameter is repeated", redirect_uri=redirect_uri)
        for name in _NOT_SUPPORTED:
            if name in data:
                raise OAuth2Error(error=f"{name}_not_supported", redirect_uri=redirect_uri)
        if data.get("response_mode", "query") != "query":
            raise InvalidRequestError("response_mode must be query", redirect_uri=redirect_uri)
        # Everybody signs in anew, so any age is young enough.
        if "max_age" in data and not _SECONDS.fullmatch(data["max_age"]):
            raise InvalidRequestError("max_age must be a number of seconds", redirect_uri=redirect_uri)
        if not set(data.get("prompt", "").split()) <= set(PROMPTS):
            raise InvalidRequestError(f"prompt may have {', '.join(PROMPTS)}", redirect_uri=redirect_uri)
        if "dpop_jkt" in data and not possession.is_thumbprint(data["dpop_jkt"]):
            raise InvalidRequestError("dpop_jkt must be a JWK thumbprint by SHA-256", redirect_uri=redirect_uri)
        return redirect_uri

    def _require_client_that_may_ask(self, redirect_uri: str) -> None:
        client: Client = self.request.client
        if client.stopped:
            raise UnauthorizedClientError(_SUSPENDED)
        if client.suspended:
            raise UnauthorizedClientError("the app is suspended", redirect_uri=redirect_uri)
        if client.is_confidential_app and not self.request.pushed:
            raise InvalidRequestError("this client pushes its requests (RFC 9126)", redirect_uri=redirect_uri)

    def save_authorization_code(self, code: str, request: Parsed) -> None:
        self.server.session.add(
            AuthorizationCode(
                code_hash=codes.hash_of(code),
                client_id=request.client.client_id,
                person_id=request.user.id,
                redirect_uri=request.payload.redirect_uri,
                scope=request.scope,
                nonce=request.payload.data.get("nonce"),
                code_challenge=request.payload.data["code_challenge"],
                device=request.device,
                dpop_jkt=request.payload.data.get("dpop_jkt"),
                expires_at=now() + timedelta(seconds=CODE_SECONDS),
                amr=list(request.amr),
                factor_id=request.factor_id,
            )
        )

    def query_authorization_code(self, code: str, client: Client) -> AuthorizationCode | None:  # noqa: ARG002 - Authlib's
        """Redeem a code once, even when requests race or the rest of the request is refused, and answer its repeat."""
        found, family, reason = codes.redeem(
            self.server.session, client.client_id, self.request.form, self.request.proof_key
        )
        refusal = self.server.refusal
        refusal.reason = reason
        if reason == codes.REUSED:
            refusal.event = TOKEN_REUSED
        if family:
            refusal.ids |= {"family_id": family.id, "person_id": family.person_id}
        if found:
            refusal.ids["person_id"] = found.person_id
        self._family = family
        return found

    def delete_authorization_code(self, authorization_code: AuthorizationCode) -> None:
        """It stays for its repeats; `codes.redeem` and the worker end it."""

    def authenticate_user(self, authorization_code: AuthorizationCode) -> Person | None:
        return with_access(self.server.session, authorization_code.person_id)

    def generate_token(self, user: Person, scope: str, **_: object) -> dict[str, Any]:
        session, issuer = self.server.session, self.server.issuer
        scope = still_allowed(self.client, scope)
        family = self._family or self._new_family(user, scope)
        self.request.sid = str(family.id)
        memberships = membership_claims(session, user, family.factor_id)
        token: dict[str, Any] = issuer.person_token(family, self.client, user, scope, memberships)
        if "offline_access" in scope.split():
            token["refresh_token"] = refresh.write(issuer.refresh_key, family)
        about = {"person_id": user.id, "client_id": self.client.client_id}
        record_on_commit(session, TOKEN_ISSUED, "authorization_code", **about)
        return token

    def _new_family(self, user: Person, scope: str) -> TokenFamily:
        code: AuthorizationCode = self.request.authorization_code
        repeat = timedelta(0) if self.client.is_confidential_app else self.server.issuer.code_repeat
        code.expires_at = now() + repeat
        redemption = codes.redemption_hash(code.code_hash, code.code_challenge)
        family = TokenFamily(
            client_id=self.client.client_id,
            person_id=user.id,
            scope=scope,
            code_hash=redemption,
            proof_key=self.request.proof_key,
            created_at=code.authenticated_at,
            device=code.device,
            amr=code.amr,
            factor_id=code.factor_id,
        )
        self.server.session.add(family)
        self.server.session.flush()
        return family


def still_allowed(client: Client, scope: str) -> str:
    """The scope without what has been taken from the client since it was granted.

    Raises:
        InvalidScopeError: nothing is left.
    """
    left = " ".join(each for each in scope.split() if each in client.scopes)
    if not left:
        raise InvalidScopeError
    return left


class RefreshGrant(PossessionRequired, grants.RefreshTokenGrant):  # type: ignore[misc]  # Authlib ships no types
    TOKEN_ENDPOINT_AUTH_METHODS = OF_APPS
    _redeemed: refresh.Redeemed | None = None

    def authenticate_refresh_token(self, refresh_token: str) -> TokenFamily | None:
        family, outcome = refresh.redeem(
            self.server.session, self.server.issuer.refresh_key, refresh_token, self.request.proof_key
        )
        refusal = self.server.refusal
        if family:
            refusal.ids |= {"family_id": family.id, "person_id": family.person_id}
        if isinstance(outcome, refresh.Redeemed):
            self._redeemed = outcome
            return outcome.family
        refusal.reason = outcome
        if outcome is refresh.Unusable.REUSED:
            refusal.event = TOKEN_REUSED
        return None

    def authenticate_user(self, refresh_token: TokenFamily) -> Person | None:
        return with_access(self.server.session, refresh_token.person_id)

    def issue_token(self, user: Person, refresh_token: TokenFamily) -> dict[str, Any]:
        session, issuer, family = self.server.session, self.server.issuer, refresh_token
        if self.client.is_confidential_app:  # FAPI 2.0, 5.3.2.1-9: nobody else can use it
            family.rotated_at = now()
        elif self._redeemed and not self._redeemed.is_retry:
            refresh.rotate(family)
        scope = still_allowed(self.client, self.request.payload.scope or family.scope)
        memberships = membership_claims(session, user, family.factor_id)
        token: dict[str, Any] = issuer.person_token(family, self.client, user, scope, memberships)
        return {**token, "refresh_token": refresh.write(issuer.refresh_key, family)}

    def revoke_old_credential(self, refresh_token: TokenFamily) -> None:
        """Rotated already."""


class ClientGrant(PossessionRequired, grants.ClientCredentialsGrant):  # type: ignore[misc]  # Authlib ships no types
    TOKEN_ENDPOINT_AUTH_METHODS = ("private_key_jwt",)

    def generate_token(self, scope: str | None, **_: object) -> dict[str, Any]:
        allowed = _of_app_server(scope) if self.client.is_app else self.client.get_allowed_scope(scope)
        if not allowed:
            raise InvalidScopeError
        token: dict[str, Any] = self.server.issuer.client_token(
            self.client, allowed, self.server.assertions.proving_key, self.request.proof_key
        )
        about = {"client_id": self.client.client_id, "client_key": self.server.assertions.proving_key}
        record_on_commit(self.server.session, TOKEN_ISSUED, "client_credentials", **about)
        return token


def _of_app_server(scope: str | None) -> str:
    """The scope when the server of a mini-app may have all of it, which is nothing that its residents have."""
    wanted = dict.fromkeys((scope or "").split())
    return " ".join(wanted) if wanted.keys() <= set(APP_SERVER_SCOPES) else ""
