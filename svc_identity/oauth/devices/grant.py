"""The two requests of a device: for its codes, and for its tokens, which it sends until somebody has decided."""

import hashlib
from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import (
    AccessDeniedError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc8628 import (
    DEVICE_CODE_GRANT_TYPE,
    AuthorizationPendingError,
    DeviceAuthorizationEndpoint,
    DeviceCodeGrant,
    ExpiredTokenError,
    SlowDownError,
)
from sqlalchemy import select

from chassis.db import now
from kit.security_log import record_on_commit
from svc_identity.oauth import codes, refresh
from svc_identity.oauth.devices import service
from svc_identity.oauth.devices.models import DeviceAuthorization
from svc_identity.oauth.grants import still_allowed, with_access
from svc_identity.oauth.models import EndReason, TokenFamily
from svc_identity.oauth.possession import PossessionRequired
from svc_identity.oauth.requests import Parsed
from svc_identity.oauth.security_log import TOKEN_ISSUED, TOKEN_REUSED
from svc_identity.organisations.queries import membership_claims
from svc_identity.people.persons.models import Person

_SLOWER_SECONDS, _SLOWEST_SECONDS = 5, 60
_CODE_SECONDS = int(service.LIFE.total_seconds())


def hash_of(device_code: str) -> bytes:
    return hashlib.sha256(device_code.encode()).digest()


class DeviceRequests(DeviceAuthorizationEndpoint):  # type: ignore[misc]  # Authlib ships no types
    """Gives a device the code that it shows and the one by which it asks for its tokens."""

    CLIENT_AUTH_METHODS = ("none",)
    EXPIRES_IN, INTERVAL = _CODE_SECONDS, service.POLL_SECONDS

    def authenticate_client(self, request: Parsed) -> Any:  # noqa: ANN401 - a Client
        client = super().authenticate_client(request)
        if not client.check_grant_type(DEVICE_CODE_GRANT_TYPE):
            raise UnauthorizedClientError("this client is not registered for devices")
        if client.get_allowed_scope(request.payload.scope) is None:
            raise InvalidScopeError
        self._network = service.network_of(request.address)
        return client

    def generate_user_code(self) -> str:
        return service.new_user_code()

    def get_verification_uri(self) -> str:
        return str(self.server.issuer.address("device"))

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        self.server.session.add(
            DeviceAuthorization(
                device_hash=hash_of(data["device_code"]),
                user_code_index=service.index_of(data["user_code"]),
                client_id=client_id,
                scopes=list(dict.fromkeys(scope.split())),
                network=self._network,
                poll_seconds=service.POLL_SECONDS,
                expires_at=now() + service.LIFE,
            )
        )


class DeviceGrant(PossessionRequired, DeviceCodeGrant):  # type: ignore[misc]  # Authlib ships no types
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def validate_token_request(self) -> None:
        device_code = self.request.form.get("device_code")
        if not device_code:
            raise InvalidRequestError("device_code is missing")
        client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError
        waiting = select(DeviceAuthorization).where(DeviceAuthorization.device_hash == hash_of(device_code))
        device = self.server.session.scalar(waiting.with_for_update())
        # Authlib calls both `invalid_request`; an unknown code is an `invalid_grant` (RFC 6749, 5.2).
        if device is None or device.client_id != client.client_id:
            raise InvalidGrantError
        self.request.client, self.request.credential = client, device
        self.request.user = self._decided(device)
        self.request.authorization_code = device

    def _decided(self, device: DeviceAuthorization) -> Person:
        """The person who has approved."""
        if device.approved and device.person_id:
            person = with_access(self.server.session, device.person_id)
            if person is None:
                raise InvalidGrantError
            return person
        if device.approved is False:
            raise AccessDeniedError
        if device.expires_at <= now():
            raise ExpiredTokenError
        polled_at, device.polled_at = device.polled_at, now()
        # Half a second is left to the network: what was sent in time may come a little closer.
        if polled_at and now() - polled_at < timedelta(seconds=device.poll_seconds - 0.5):
            device.poll_seconds = min(device.poll_seconds + _SLOWER_SECONDS, _SLOWEST_SECONDS)
            raise SlowDownError
        raise AuthorizationPendingError

    def generate_token(self, user: Person, scope: str, **_: object) -> dict[str, Any]:
        session, issuer, client = self.server.session, self.server.issuer, self.request.client
        scope = still_allowed(client, scope)
        family = self._family(user, scope)
        self.request.sid = str(family.id)
        token: dict[str, Any] = issuer.person_token(family, client, user, scope, membership_claims(session, user, None))
        if "offline_access" in scope.split():
            token["refresh_token"] = refresh.write(issuer.refresh_key, family)
        record_on_commit(session, TOKEN_ISSUED, "device_code", person_id=user.id, client_id=client.client_id)
        return token

    def _family(self, user: Person, scope: str) -> TokenFamily:
        """The tokens of this device: a repeat of its request gets those of the first one, which may have been lost."""
        device: DeviceAuthorization = self.request.credential
        of_device = codes.redemption_hash(device.device_hash, "device")
        known: TokenFamily | None = self.server.session.scalar(
            select(TokenFamily).where(TokenFamily.code_hash == of_device).with_for_update()
        )
        if known is None:
            family = TokenFamily(
                client_id=device.client_id,
                person_id=user.id,
                scope=scope,
                code_hash=of_device,
                proof_key=self.request.proof_key,
                created_at=device.signed_in_at,
                device=device.client_id,
            )
            self.server.session.add(family)
            self.server.session.flush()
            return family
        untouched = known.ended_at is None and known.generation == 1 and known.proof_key == self.request.proof_key
        if untouched and device.expires_at > now():
            return known
        refresh.end(known, EndReason.CODE_REUSE)
        self.server.refusal.event = TOKEN_REUSED
        raise InvalidGrantError
