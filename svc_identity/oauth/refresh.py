"""Refresh tokens: each use issues the next of its family, and a reused one revokes the family (RFC 9700).

A token is its family's id and generation with a MAC over both, so the database holds no token, and a family is one row.
Phones lose answers: the token before the newest stays valid for a short while and returns the newest again, as long as
that is unused.
"""

import base64
import binascii
import hmac
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from chassis.db import now
from svc_identity.oauth import removed_factors
from svc_identity.oauth.events import SignInEnded, announce
from svc_identity.oauth.issuer import ACCESS_TOKEN_SECONDS, CLOCK_LEEWAY
from svc_identity.oauth.models import Client, EndReason, LogoutNotice, TokenFamily

GRACE = timedelta(seconds=30)
UNUSED_LIFE = timedelta(days=30)
WHOLE_LIFE = timedelta(days=180)
_TOKENS_LAST = timedelta(seconds=ACCESS_TOKEN_SECONDS + 2 * CLOCK_LEEWAY)
_PREFIX = "myili-rt-"
_ID_BYTES, _GENERATION_BYTES, _MAC_BYTES = 16, 4, 32


class Presented(NamedTuple):
    family_id: UUID
    generation: int


class Redeemed(NamedTuple):
    family: TokenFamily
    is_retry: bool


class Unusable(StrEnum):
    """Why a token is not redeemed, for the security log; the client is not told."""

    UNKNOWN = "refresh_token_unknown"
    ENDED = "refresh_token_ended"
    EXPIRED = "refresh_token_expired"
    REUSED = "refresh_token_reused"
    WRONG_KEY = "refresh_token_of_another_key"


def write(key: bytes, family: TokenFamily) -> str:
    """The newest token of a family."""
    body = family.id.bytes + family.generation.to_bytes(_GENERATION_BYTES, "big")
    return _PREFIX + base64.urlsafe_b64encode(body + hmac.digest(key, body, "sha256")).decode().rstrip("=")


def read(key: bytes, token: str) -> Presented | None:
    """The content of a token, or None when it is not ours."""
    encoded = token.removeprefix(_PREFIX)
    try:
        raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        return None
    body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(body) != _ID_BYTES + _GENERATION_BYTES or not hmac.compare_digest(mac, hmac.digest(key, body, "sha256")):
        return None
    return Presented(UUID(bytes=body[:_ID_BYTES]), int.from_bytes(body[_ID_BYTES:], "big"))


def redeem(
    session: Session, key: bytes, token: str, proof_key: str | None
) -> tuple[TokenFamily | None, Redeemed | Unusable]:
    """The family of a token, locked until the transaction ends, and whether the token may be used now.

    A family belongs to the first key by which one of its tokens is used. Whoever has a token of it without that key can
    neither use nor end it.
    """
    presented = read(key, token)
    family = session.get(TokenFamily, presented.family_id, with_for_update=True) if presented else None
    if presented is None or family is None:
        return None, Unusable.UNKNOWN
    if family.proof_key not in (None, proof_key):
        return family, Unusable.WRONG_KEY
    if removed_factors.is_over(session, family):
        end(family, EndReason.FACTOR_REMOVED)
    outcome = _redeem(family, presented)
    if isinstance(outcome, Redeemed):
        family.proof_key = proof_key
    return family, outcome


def _redeem(family: TokenFamily, presented: Presented) -> Redeemed | Unusable:
    if family.ended_at is not None:
        return Unusable.ENDED
    if _expired(family):
        return Unusable.EXPIRED
    if presented.generation == family.generation:
        return Redeemed(family, is_retry=False)
    if presented.generation == family.generation - 1 and now() - family.rotated_at <= GRACE:
        return Redeemed(family, is_retry=True)
    end(family, EndReason.REUSE)
    return Unusable.REUSED


def _expired(family: TokenFamily) -> bool:
    return now() > min(family.rotated_at + UNUSED_LIFE, family.created_at + WHOLE_LIFE)


def rotate(family: TokenFamily) -> None:
    """Make the family's next token the only good one."""
    family.generation += 1
    family.rotated_at = now()


def end(family: TokenFamily, reason: EndReason) -> None:
    """The family is revoked, and its app is notified where it has asked for it."""
    if family.ended_at is not None:
        return
    family.ended_at = now()
    family.end_reason = reason
    session = object_session(family)
    if session is None:
        return
    announce(session, SignInEnded(sign_in_id=family.id, tokens_expire_at=now() + _TOKENS_LAST))
    client = session.get(Client, family.client_id)
    if client and client.backchannel_logout_uri:
        notice = LogoutNotice(client_id=family.client_id, person_id=family.person_id, family_id=family.id)
        session.add(notice)


def end_all(session: Session, person_id: UUID, reason: EndReason, *, but: UUID | None = None) -> list[TokenFamily]:
    """End the sign-ins of a person that last, but for one; returns those that it ended."""
    lasting = select(TokenFamily).where(TokenFamily.person_id == person_id, TokenFamily.ended_at.is_(None))
    # In one order, or two that end the same ones would wait for each other.
    families = [each for each in session.scalars(lasting.order_by(TokenFamily.id).with_for_update()) if each.id != but]
    for family in families:
        end(family, reason)
    return families
