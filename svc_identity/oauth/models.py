"""Clients, authorization codes, refresh token families, used assertions and pushed requests.

The `get_…` and `check_…` methods are those that Authlib's grants call on a client, a code and a token.
"""

import re
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE
from joserfc.jwk import KeySet
from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, Text, false
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from kit.leases import Leased
from svc_identity.base import Base
from svc_identity.oauth.contexts import acr_of

# RFC 8252, section 7.3: an app listens on whatever loopback port is free, so the port is not compared.
_LOOPBACK_PORT = re.compile(r"^(http://(?:127\.0\.0\.1|\[::1\])):([1-9][0-9]{0,4})(?=/)")
_LAST_PORT = 65_535


def without_loopback_port(address: str) -> str:
    """An address of an app as it is registered."""
    found = _LOOPBACK_PORT.match(address)
    return _LOOPBACK_PORT.sub(r"\1", address) if found and int(found[2]) <= _LAST_PORT else address


MINI_APP = "miniapp-"
"""Before the id of a mini-app, in the name of its client."""
_GRANTS_OF_APPS = {"authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"}


class Client(Base):
    """An OAuth client: an app, to which browsers return, or a provider's system, which acts for itself.

    A system signs assertions with its keys, and so does an app that has a server to keep keys on. Any other app is
    public. The server of a mini-app gets tokens of its own, too.
    """

    __tablename__ = "clients"
    __table_args__ = (
        CheckConstraint("jwks IS NOT NULL OR redirect_uris <> '{}'", name="app_or_system"),
        CheckConstraint("subject_type IN ('public', 'pairwise')", name="subject_type"),
    )

    client_id: Mapped[str] = mapped_column(Text, primary_key=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    redirect_uris: Mapped[list[str]] = mapped_column(ARRAY(Text))
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    post_logout_redirect_uris: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    """Where a browser may go on to after signing out of an app."""
    backchannel_logout_uri: Mapped[str | None] = mapped_column(Text)
    """Where an app is notified of sign-ins that have ended."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    """Of a provider's connection in svc_services; an older event that comes late changes nothing."""
    suspended: Mapped[bool] = mapped_column(default=False, server_default=false())
    """As the connection of its provider is."""
    stopped: Mapped[bool] = mapped_column(default=False, server_default=false())
    """An operator of the platform has suspended it, see `suspensions`."""
    standing: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often services were told that it lost or regained its access."""
    dpop_required: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it gets no tokens but those that are bound to a key of its own (RFC 9449)."""
    keys_fetched: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether svc_services fetches its keys from its company, so that an unknown one may be new."""
    key_unknown_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When it was last told that one is unknown."""

    subject_type: Mapped[str] = mapped_column(Text, default="public", server_default="public")
    """Who a person is to it, see `subjects`."""
    device_grant: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it signs people in on devices that have no keyboard (RFC 8628)."""
    title: Mapped[str | None] = mapped_column(Text)
    """The name of a mini-app."""

    @property
    def is_app(self) -> bool:
        # A mini-app whose server alone signs residents in has no address to return to.
        return bool(self.redirect_uris) or self.subject_type == "pairwise"

    @property
    def is_confidential_app(self) -> bool:
        """Whether FAPI 2.0 is kept for it: only its own server can ask, and only by what it has pushed."""
        return self.is_app and self.jwks is not None

    @property
    def is_mini_app_with_server(self) -> bool:
        return self.client_id.startswith(MINI_APP) and self.is_confidential_app

    @property
    def in_force(self) -> bool:
        return not (self.suspended or self.stopped)

    @property
    def announced_in_force(self) -> bool:
        return self.standing % 2 == 0

    def key_thumbprints(self) -> set[str]:
        """Of the keys that have not been ended (RFC 7638)."""
        keys = KeySet.import_key_set(self.jwks) if self.jwks else ()  # type: ignore[arg-type]  # JSON of a key set
        return {key.thumbprint() for key in keys}

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        return None  # OpenID Connect wants it stated in each request

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return without_loopback_port(redirect_uri) in self.redirect_uris

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and self.is_app

    def check_grant_type(self, grant_type: str) -> bool:
        if grant_type == DEVICE_CODE_GRANT_TYPE:
            return self.device_grant
        if grant_type == "client_credentials":
            return not self.is_app or self.is_mini_app_with_server
        return self.is_app and grant_type in _GRANTS_OF_APPS

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 - the same at each endpoint
        return method == ("none" if self.jwks is None else "private_key_jwt")

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scope when all of it is allowed, else None; a system that requests none gets all it is allowed."""
        if not scope:
            return None if self.is_app else " ".join(self.scopes)
        requested = scope.split()
        return " ".join(dict.fromkeys(requested)) if set(requested) <= set(self.scopes) else None


class SignedInBy:
    """What a sign-in used, for the tokens that it gives."""

    amr: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{otp,sms}")
    """Authentication methods (RFC 8176)."""
    factor_id: Mapped[UUID | None] = mapped_column(ForeignKey("factors.id"))


class AuthorizationCode(SignedInBy, Base):
    """A code on its way from the browser to the app, kept until nothing can redeem it. See `codes.py`."""

    __tablename__ = "authorization_codes"

    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    redirect_uri: Mapped[str] = mapped_column(Text)
    scope: Mapped[str] = mapped_column(Text)
    nonce: Mapped[str | None] = mapped_column(Text)
    code_challenge: Mapped[str] = mapped_column(Text)
    dpop_jkt: Mapped[str | None] = mapped_column(Text)
    """The thumbprint of the key without which the code is worth nothing."""
    device: Mapped[str | None] = mapped_column(Text)
    """System and browser of the sign-in, in plain words."""
    authenticated_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    expires_at: Mapped[datetime] = mapped_column(Timestamp, index=True)

    code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(self.authenticated_at.timestamp())

    def get_acr(self) -> str:
        return acr_of(self.amr)

    def get_amr(self) -> list[str]:
        return self.amr


class EndReason(StrEnum):
    REVOKED = "revoked"
    REUSE = "reuse"
    CODE_REUSE = "code_reuse"
    SUSPENDED = "suspended"
    """The person was suspended."""
    FACTOR_REMOVED = "factor_removed"
    """The second factor that proved it is no longer the person's."""


class TokenFamily(SignedInBy, Base):
    """All refresh tokens that descend from one sign-in; only the newest is good. See `refresh.py`.

    A sign-in without `offline_access` has a family too, of which no token is issued: it marks the code as redeemed.
    """

    __tablename__ = "token_families"
    __table_args__ = (
        one_of("end_reason", EndReason),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended_with_reason"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), index=True)
    scope: Mapped[str] = mapped_column(Text)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """Of the code and its challenge, see `codes.redemption_hash`."""
    proof_key: Mapped[str | None] = mapped_column(Text)
    """The thumbprint of the key to which its tokens are bound (RFC 9449)."""
    generation: Mapped[int] = mapped_column(Integer, default=1)
    rotated_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now, index=True)
    """When the person signed in."""
    device: Mapped[str | None] = mapped_column(Text)
    """System and browser in which they did."""
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    end_reason: Mapped[EndReason | None] = mapped_column(Text)

    def check_client(self, client: Client) -> bool:
        return self.client_id == client.client_id

    def get_scope(self) -> str:
        return self.scope


class LogoutNotice(Leased, Base):
    """An app is to be notified that a sign-in has ended; kept until it was, or until it is too late."""

    __tablename__ = "logout_notices"
    __table_args__ = (Index("ix_logout_notices_try_at", "try_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"))
    person_id: Mapped[UUID]
    family_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class UsedAssertion(Base):
    """A client assertion that was accepted, remembered until it would have expired anyway."""

    __tablename__ = "used_assertions"

    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id"), primary_key=True)
    jti_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Timestamp, index=True)


class UsedRequest(Base):
    """A pushed authorization request that has led to a code, remembered until nothing can use it again."""

    __tablename__ = "used_requests"

    reference_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used_at: Mapped[datetime] = mapped_column(Timestamp, index=True)
