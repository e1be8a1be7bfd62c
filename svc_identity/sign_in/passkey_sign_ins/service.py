"""Signing in by a passkey alone: it says who comes, and the device has checked that it is they: two factors at once."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from svc_identity.organisations.queries import holds_role
from svc_identity.people.factors import service as factors
from svc_identity.people.factors.passkeys import CHALLENGE_BYTES, RelyingParty, request_options
from svc_identity.settings import Settings
from svc_identity.sign_in import agreement, challenges
from svc_identity.sign_in.browser import Browser
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.refusals import PasskeyRefused
from svc_identity.sign_in.service import SECOND_TAP

_PURPOSE = "passkeys"


@dataclass(frozen=True)
class Offer:
    """What the phone page gives a device to sign, for any passkey that it has of us."""

    sealed: str
    options: str


@dataclass(frozen=True)
class Wanted:
    """For what somebody signs in: the authorization request, and the language of the page."""

    request: str
    language: str


def offer(settings: Settings, browser: Browser) -> Offer:
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    sealed = challenges.seal(settings, _PURPOSE, challenge=challenge.hex(), browser=browser.fingerprint.hex())
    return Offer(sealed, request_options(RelyingParty.of(settings), challenge, ()))


async def begin(
    tx: AsyncSession, settings: Settings, browser: Browser, wanted: Wanted, fields: Mapping[str, str]
) -> SignIn:
    """A finished sign-in of the person whose passkey has signed; after a second tap the one of the first.

    Raises:
        PasskeyRefused, NotAgreed
    """
    found = challenges.opened(settings, _PURPOSE, fields.get("passkey", ""))
    if found is None or not hmac.compare_digest(found["browser"], browser.fingerprint.hex()):
        raise PasskeyRefused
    if not await challenges.use(tx, found):
        return await _begun_just_now(tx, UUID(found["id"]))
    sign_in = SignIn(id=UUID(found["id"]), browser_hash=browser.fingerprint, phone="", tries=0, guesses=0)
    sign_in.request, sign_in.language = wanted.request, wanted.language
    sign_in.person_id, sign_in.factor_id = await _signed_by(tx, settings, found, fields.get("assertion", ""))
    sign_in.agreed_version = await agreement.check_person(tx, sign_in.person_id, fields.get("agreed", ""))
    sign_in.code_hash, sign_in.code_expires_at = secrets.token_bytes(CHALLENGE_BYTES), now()
    sign_in.finished_at = now()
    tx.add(sign_in)
    await tx.flush()
    return sign_in


async def _signed_by(tx: AsyncSession, settings: Settings, found: dict[str, Any], assertion: str) -> tuple[UUID, UUID]:
    challenge = bytes.fromhex(found["challenge"])
    factor = await factors.check_any_passkey(tx, RelyingParty.of(settings), challenge, assertion)
    # As at the second step: whoever holds a role signs in with a factor that an operator stands behind.
    if factor is None or (factor.vouched_at is None and await holds_role(tx, factor.person_id)):
        raise PasskeyRefused
    return factor.person_id, factor.id


async def _begun_just_now(tx: AsyncSession, sign_in_id: UUID) -> SignIn:
    sign_in = await tx.get(SignIn, sign_in_id)
    if sign_in is None or sign_in.answer is None or sign_in.created_at < now() - SECOND_TAP:
        raise PasskeyRefused
    return sign_in
