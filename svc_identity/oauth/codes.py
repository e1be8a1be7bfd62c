"""Authorization codes: good once, and for a short while more for the very same request, whose answer was lost.

A redeemed code is remembered by its token family, found only with the code *and* its verifier. So whoever has the code
alone can neither repeat its redemption nor end what it gave; whoever has both and sends another request ends it.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.db import now
from svc_identity.oauth import refresh
from svc_identity.oauth.models import AuthorizationCode, EndReason, TokenFamily

UNKNOWN, REUSED, WRONG_VERIFIER = "code_unknown_or_expired", "code_reused", "code_verifier_wrong"
WRONG_KEY = "code_of_another_key"
"""Why a code is not redeemed, for the security log; the client is not told."""
_UNUSED_GENERATION = 1


class Redemption(NamedTuple):
    code: AuthorizationCode | None
    """The code, if it may be redeemed now."""
    family: TokenFamily | None
    """What the code gave before."""
    reason: str = ""
    """Why it may not be redeemed."""


def hash_of(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def redemption_hash(code_hash: bytes, challenge: str) -> bytes:
    """By what the family of a redeemed code is found."""
    return hashlib.sha256(code_hash + challenge.encode()).digest()


def redeem(session: Session, client_id: str, form: Mapping[str, str], proof_key: str | None) -> Redemption:
    """The code of a token request, locked until the transaction ends; one of several at once is the first.

    A code that is not redeemed yet is used up by any request of its client, good or not. After a redemption the same
    request is a repeat until the code expires, unless the refresh token it gave was used.
    """
    code_hash = hash_of(form["code"])
    found = session.get(AuthorizationCode, code_hash, with_for_update=True)
    presented = _challenge_of(form.get("code_verifier", ""))
    family = _family(session, redemption_hash(code_hash, found.code_challenge if found else presented))
    if family is None:
        return _first(found, client_id, proof_key)
    if found and found.code_challenge != presented:
        return Redemption(None, family, WRONG_VERIFIER)
    if found and _is_repeat(found, family, client_id, form) and family.proof_key == proof_key:
        return Redemption(found, family)
    refresh.end(family, EndReason.CODE_REUSE)
    return Redemption(None, family, REUSED)


def _challenge_of(verifier: str) -> str:
    # Not Authlib's, which fails on a verifier that is not ASCII.
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _family(session: Session, of_redemption: bytes) -> TokenFamily | None:
    return session.scalar(select(TokenFamily).where(TokenFamily.code_hash == of_redemption).with_for_update())


def _first(found: AuthorizationCode | None, client_id: str, proof_key: str | None) -> Redemption:
    if found is None or found.client_id != client_id or found.expires_at <= now():
        return Redemption(None, None, UNKNOWN)
    found.expires_at = now()  # set anew once the request has passed every check
    if found.dpop_jkt not in (None, proof_key):
        return Redemption(None, None, WRONG_KEY)
    return Redemption(found, None)


def _is_repeat(found: AuthorizationCode, family: TokenFamily, client_id: str, form: Mapping[str, str]) -> bool:
    same_request = (found.client_id, found.redirect_uri) == (client_id, form.get("redirect_uri"))
    untouched = family.ended_at is None and family.generation == _UNUSED_GENERATION
    return same_request and untouched and found.expires_at > now()
