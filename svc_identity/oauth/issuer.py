"""What is issued, by whom, for how long: the one place that knows the addresses, the keys and the claims of tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE

from chassis.settings import AUDIENCE
from kit.dpop.proofs import ALGORITHMS
from svc_identity.keys import Signer, derive
from svc_identity.oauth.contexts import ALL, LEVEL_THREE, acr_of
from svc_identity.oauth.models import Client, TokenFamily
from svc_identity.oauth.subjects import hidden_sign_in
from svc_identity.people.persons.models import Person
from svc_identity.settings import Settings

ACCESS_TOKEN_SECONDS = 600
ID_TOKEN_SECONDS = 600
LOGOUT_TOKEN_SECONDS = 120
CODE_SECONDS = 60
ASSERTION_SECONDS = 300
CLOCK_LEEWAY = 30
ASSERTION_ALGORITHMS = ["ES256", "PS256", "Ed25519", "EdDSA", "RS256"]
RS256_DEPRECATED, RS256_ENDS = datetime(2026, 11, 30, tzinfo=UTC), datetime(2027, 6, 30, tzinfo=UTC)
"""FAPI 2.0 has no RS256: its clients get a notice with each token until it ends."""

_CLIENT_AUTHENTICATION = {
    "dpop_signing_alg_values_supported": ALGORITHMS,
    "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
    "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    "revocation_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
    "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
    "introspection_endpoint_auth_methods_supported": ["private_key_jwt"],
    "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
}

_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
GRANTS = ("authorization_code", "refresh_token", "client_credentials", DEVICE_CODE_GRANT_TYPE, _EXCHANGE)

RESIDENT_SCOPES = (
    *("openid", "profile", "phone", "bills", "pay", "accounts", "applications", "mini_apps"),
    "offline_access",
)
STAFF_ONLY = "staff"
STAFF_SCOPES = ("openid", "profile", STAFF_ONLY, "offline_access")
PROVIDER_SCOPES = ("tariffs:write", "bills:write", "accounts:write")
APP_SERVER_SCOPES = ("orders", "messages")
"""What the server of a mini-app may ask for as itself; of which orders and messages, the services decide."""
SYSTEM_SCOPES = (*PROVIDER_SCOPES, *APP_SERVER_SCOPES)

RESIDENTS_APP = "myili://callback"
"""Where the residents' app opens."""
SIGNED_OUT = "myili://signed-out"
"""Where it opens after signing out."""


PROMPTS = ("none", "login", "consent", "select_account")
"""What an app may ask the pages for. Nobody stays signed in to the pages, so `none` is never possible."""


@dataclass(frozen=True)
class Issuer:
    """The OpenID Connect provider of the platform."""

    name: str
    signer: Signer
    refresh_key: bytes = field(repr=False)
    request_key: bytes = field(repr=False)
    """Encrypts what apps push, see `pushed.py`."""
    sign_in_key: bytes = field(repr=False)
    """Encrypts the sign-in in tokens for others' apps, see `subjects`."""
    subject_key: bytes = field(repr=False)
    """Makes the names that clients have for people, see `subjects`."""
    code_repeat: timedelta
    """How long after its redemption a code may be redeemed again by the same request."""

    @classmethod
    def of(cls, settings: Settings) -> "Issuer":
        signer = Signer(settings.issuer, settings.token_signing_key.get_secret_value())
        index_key = settings.index_key.get_secret_value()
        return cls(
            settings.issuer,
            signer,
            refresh_key=derive(index_key, "refresh tokens"),
            request_key=derive(index_key, "pushed requests"),
            sign_in_key=derive(index_key, "sign-ins of exchanged tokens"),
            subject_key=derive(index_key, "pairwise subjects"),
            code_repeat=timedelta(seconds=settings.code_repeat_seconds),
        )

    def address(self, endpoint: str) -> str:
        return f"{self.name}/v1/oauth/{endpoint}"

    def person_token(
        self, family: TokenFamily, client: Client, person: Person, scope: str, memberships: Sequence[Any]
    ) -> dict[str, Any]:
        """A token answer for a person who has signed in, without a refresh token."""
        return self._answer(
            client,
            scope,
            family.proof_key,
            sub=str(person.id),
            sid=str(family.id),
            kind="person",
            auth_time=int(family.created_at.timestamp()),
            acr=acr_of(family.amr),
            amr=family.amr,
            assurance_level=person.level,
            memberships=memberships,
        )

    def client_token(self, client: Client, scope: str, key: str, bound_to: str | None) -> dict[str, Any]:
        """A token answer for a system that acts for itself; it names the key that proved the client."""
        return self._answer(client, scope, bound_to, sub=client.client_id, kind="client", client_key=key)

    def exchanged_token(self, claims: Mapping[str, Any], target: Client, subject: str, scope: str) -> dict[str, Any]:
        """A token answer for a mini-app in which the person of another token is; no service of ours takes it."""
        same = {name: claims[name] for name in ("auth_time", "acr", "amr") if name in claims}
        about = {"client_id": target.client_id, "scope": scope, "sub": subject, "kind": "person"}
        if "sid" in claims:
            same["sid"] = hidden_sign_in(self.sign_in_key, claims["sid"])
        token = self.signer.sign("at+jwt", ACCESS_TOKEN_SECONDS, aud=target.client_id, **about, **same)
        return {"token_type": "Bearer", "access_token": token, "expires_in": ACCESS_TOKEN_SECONDS, "scope": scope}

    def acting_token(self, actor: Mapping[str, Any], scope: str, seconds: int, **claims: Any) -> dict[str, Any]:  # noqa: ANN401 - claims
        """A token answer for the person of another token, who acts for a subject; bound to the same key."""
        same = {name: actor[name] for name in ("client_id", "sid", "auth_time", "acr", "amr", "cnf") if name in actor}
        acting = {"act": {"sub": actor["sub"]}, "scope": scope}
        token = self.signer.sign("at+jwt", seconds, aud=AUDIENCE, **acting, **same, **claims)
        return {"token_type": "DPoP", "access_token": token, "expires_in": seconds, "scope": scope}

    def logout_token(self, client_id: str, subject: str, family_id: UUID) -> str:
        """What notifies an app that a sign-in has ended (OpenID Connect Back-Channel Logout 1.0, section 2.4)."""
        events: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
        about = {"aud": client_id, "sub": subject, "sid": str(family_id)}
        return self.signer.sign("logout+jwt", LOGOUT_TOKEN_SECONDS, events=events, **about)

    def _answer(self, client: Client, scope: str, bound_to: str | None, **claims: Any) -> dict[str, Any]:  # noqa: ANN401 - claims
        if bound_to:
            claims["cnf"] = {"jkt": bound_to}
        token = self.signer.sign(
            "at+jwt", ACCESS_TOKEN_SECONDS, aud=AUDIENCE, client_id=client.client_id, scope=scope, **claims
        )
        kind = "DPoP" if bound_to else "Bearer"
        return {"token_type": kind, "access_token": token, "expires_in": ACCESS_TOKEN_SECONDS, "scope": scope}

    def metadata(self, ui_locales: Sequence[str]) -> dict[str, Any]:
        """The discovery document (OpenID Connect Discovery 1.0, RFC 8414, 9126 and 9207)."""
        return {
            "issuer": self.name,
            "authorization_endpoint": self.address("authorize"),
            "pushed_authorization_request_endpoint": self.address("par"),
            "require_pushed_authorization_requests": False,
            "device_authorization_endpoint": self.address("device-authorization"),
            "token_endpoint": self.address("token"),
            "userinfo_endpoint": self.address("userinfo"),
            "revocation_endpoint": self.address("revoke"),
            "introspection_endpoint": self.address("introspect"),
            "end_session_endpoint": self.address("end-session"),
            "backchannel_logout_supported": True,
            "backchannel_logout_session_supported": True,
            "jwks_uri": self.address("jwks"),
            "scopes_supported": list(dict.fromkeys((*RESIDENT_SCOPES, *STAFF_SCOPES, *SYSTEM_SCOPES))),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": list(GRANTS),
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["public", "pairwise"],
            "id_token_signing_alg_values_supported": [self.signer.algorithm],
            **_CLIENT_AUTHENTICATION,
            "claims_supported": [
                *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr", "sid"),
                *("name", "phone_number", "phone_number_verified"),
            ],
            "acr_values_supported": [*ALL, LEVEL_THREE],
            "prompt_values_supported": list(PROMPTS),
            "ui_locales_supported": list(ui_locales),
            "authorization_response_iss_parameter_supported": True,
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }
