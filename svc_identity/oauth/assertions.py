"""Clients that prove themselves with a signed assertion (private_key_jwt, RFC 7523)."""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, Key, KeySet, guess_key
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chassis.db import now
from kit.key_terms import in_force
from svc_identity.oauth.issuer import ASSERTION_ALGORITHMS, ASSERTION_SECONDS, CLOCK_LEEWAY, RS256_ENDS, Issuer
from svc_identity.oauth.models import Client, UsedAssertion
from svc_identity.oauth.requests import Parsed
from svc_identity.oauth.security_log import Refusal


class PrivateKeyJwt(JWTBearerClientAssertion):  # type: ignore[misc]  # Authlib ships no types
    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self, session: Session, issuer: Issuer, refusal: Refusal) -> None:
        super().__init__(leeway=CLOCK_LEEWAY)
        self._refusal = refusal
        self._session = session
        self._issuer = issuer
        self.proving_key: str | None = None
        """The RFC 7638 thumbprint of the key that signed the assertion."""
        self.algorithm: str | None = None
        """With what it signed."""
        self.unknown_key_of: str | None = None
        """The client whose assertion names a key that is not known."""

    def __call__(self, query_client: Callable[[str], Client | None], request: Parsed) -> Client | None:
        client: Client | None = super().__call__(query_client, request)
        # RFC 7521, 4.2: a client_id beside an assertion must be the client's that the assertion proves.
        if client is not None and request.form.get("client_id", client.client_id) != client.client_id:
            raise InvalidClientError("client_id is not the client that the assertion is about")
        return client

    def extract_assertion(self, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            parts: tuple[dict[str, Any], dict[str, Any]] = super().extract_assertion(assertion)
        except RecursionError:  # JSON nested deeper than Python reads it
            raise InvalidClientError("Invalid JWT payload.") from None
        return parts

    def get_audiences(self) -> list[str]:
        return [self._issuer.name]

    def resolve_client_public_key(self, client: Client) -> KeySet:
        self._refusal.ids["client_id"] = client.client_id
        if client.jwks is None:
            raise InvalidClientError("this client has no keys")
        if not client.in_force:
            self._refusal.reason = "client_suspended"
            raise InvalidClientError("this client is suspended; its company or the platform's operators resume it")
        keys = in_force(client.jwks, now())
        self.unknown_key_of = client.client_id
        if not keys["keys"]:
            self._refusal.reason = "no_key_in_force"
            raise InvalidClientError("no key of this client is in force now; its company or operators add one")
        return KeySet.import_key_set(keys)  # type: ignore[arg-type]  # JSON, checked when it was registered

    def process_assertion_claims(self, assertion: str, resolve_key: KeySet) -> dict[str, Any]:
        def key_of(header: GuestProtocol) -> Key:
            key = guess_key(resolve_key, header)
            self.unknown_key_of = None
            self.proving_key = key.thumbprint()
            return key

        try:
            token = jwt.decode(assertion, key_of, algorithms=ASSERTION_ALGORITHMS)
        except (JoseError, ValueError, TypeError):  # the last two: a key of another kind than the algorithm's
            raise InvalidClientError("the assertion is not signed by a key of this client") from None
        self.algorithm = token.header["alg"]
        if self.algorithm == "RS256" and now() >= RS256_ENDS:
            raise InvalidClientError("RS256 has ended: sign with ES256, PS256 or Ed25519")
        self.verify_claims(token.claims)
        return token.claims

    def verify_claims(self, claims: dict[str, Any]) -> None:
        remaining = claims.get("exp", 0)
        # Written so that NaN, which JSON parsers let through, is refused.
        if not (isinstance(remaining, int | float) and remaining - time.time() <= ASSERTION_SECONDS + CLOCK_LEEWAY):
            raise InvalidClientError(f"exp must be at most {ASSERTION_SECONDS} seconds ahead")
        # One string (FAPI 2.0, 5.3.2.1): an assertion with several audiences could be used here by the other one.
        if claims.get("aud") != self._issuer.name:
            raise InvalidClientError(f"aud must be the issuer, as one string: {self._issuer.name}")
        super().verify_claims(claims)

    def validate_jti(self, claims: dict[str, Any], jti: str) -> bool:
        """Whether this assertion is used for the first time; of two at once only one is."""
        if not jti:
            return False
        first = insert(UsedAssertion).values(
            client_id=claims["sub"],
            jti_hash=hashlib.sha256(jti.encode("utf-8", "surrogatepass")).digest(),
            expires_at=datetime.fromtimestamp(claims["exp"] + CLOCK_LEEWAY, UTC),
        )
        claimed = self._session.scalar(first.on_conflict_do_nothing().returning(UsedAssertion.client_id))
        return claimed is not None
