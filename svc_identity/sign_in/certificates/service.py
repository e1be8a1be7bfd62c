"""Level 3 on the way to an app that asks for it: to the network identity service and back, or on without.

Only a sign-in that has passed everything else comes here, in its own browser. What comes back has to show a value made
of that browser's cookie, so that nobody can bring a code of theirs into the browser of another. Nobody has to use it:
the way on without it is on the page, and the app sees the level that is.
"""

import hashlib
import hmac
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from svc_identity.oauth.contexts import LEVEL_THREE
from svc_identity.oauth.issuer import Issuer
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.persons.service import registered
from svc_identity.people.suspensions.queries import is_suspended
from svc_identity.sign_in import authorization
from svc_identity.sign_in.browser import PATH, Browser
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.refusals import Refused, TooOften
from svc_identity.sign_in.service import SECOND_TAP, SIGN_IN_LIFE, SignInOver


class NotVerified(Refused):
    text = "certificate_failed"


class NoTriesLeft(TooOften):
    text = "certificate_no_tries"


class ComparisonNotAgreed(Refused):
    text = "certificate_must_agree"


class ServiceAway(Refused):
    status, text = 503, "certificate_away"


async def is_wanted(tx: AsyncSession, issuer: Issuer, sign_in: SignIn) -> bool:
    """Whether the app asks for level 3, and the person has level 2, from which they reach it."""
    try:
        request = dict(authorization.request_of(issuer, sign_in))
    except OAuth2Error:  # its request is over, which the way to the app says
        return False
    if LEVEL_THREE not in request.get("acr_values", "").split():
        return False
    person_id = await registered(tx, sign_in.phone)
    person = await tx.get(Person, person_id) if person_id else None
    return person is not None and person.level == PROOFED and not await is_suspended(tx, person.id)


def address(sign_in_id: UUID) -> str:
    return f"{PATH}/sign-ins/{sign_in_id}/certificate"


def hold(sign_in: SignIn) -> str:
    """Let a finished sign-in wait for the certificate; returns where the browser goes."""
    sign_in.verifying_at, sign_in.answer = now(), address(sign_in.id)
    return sign_in.answer


async def waiting(tx: AsyncSession, sign_in_id: UUID, browser: Browser, *, for_update: bool = False) -> SignIn:
    """A sign-in of this browser that has passed everything and waits for the certificate.

    Raises:
        SignInOver
    """
    sign_in = await tx.get(SignIn, sign_in_id, with_for_update=for_update)
    if (
        sign_in is None
        or sign_in.verifying_at is None
        or sign_in.created_at < now() - SIGN_IN_LIFE
        or not hmac.compare_digest(sign_in.browser_hash, browser.fingerprint)
    ):
        raise SignInOver
    return sign_in


async def answered(tx: AsyncSession, sign_in_id: UUID, browser: Browser) -> str | None:
    """Where this browser was sent a moment ago, for the second of two taps."""
    sign_in = await tx.get(SignIn, sign_in_id, with_for_update=True)
    is_own = sign_in is not None and hmac.compare_digest(sign_in.browser_hash, browser.fingerprint)
    if sign_in is None or not is_own or sign_in.verifying_at is not None:
        return None
    is_fresh = sign_in.finished_at is not None and sign_in.finished_at > now() - SECOND_TAP
    return sign_in.answer if is_fresh else None


def state_of(browser: Browser, verification_id: UUID) -> str:
    """What has to come back: only this browser can have sent it."""
    return hashlib.sha256(f"certificate\n{browser.mac}\n{verification_id}".encode()).hexdigest()


def release(sign_in: SignIn) -> None:
    """Let a sign-in go on to the app."""
    sign_in.verifying_at, sign_in.finished_at = None, now()
