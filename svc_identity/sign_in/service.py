"""Signing in by phone: a code of six digits, sent by SMS, good for five minutes and five tries."""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id, now
from svc_identity.keys import derive
from svc_identity.settings import Settings
from svc_identity.sign_in import challenges, code_limits, known_devices
from svc_identity.sign_in.code_limits import QuestionNeeded, Source, TooManyCodes
from svc_identity.sign_in.digits import plain_digits
from svc_identity.sign_in.known_devices import TRIES
from svc_identity.sign_in.models import SentCode, SignIn
from svc_identity.sign_in.refusals import Refused, TooOften

CODE_LIFE = timedelta(minutes=5)
SIGN_IN_LIFE = timedelta(minutes=30)
DIGITS = 6
SECOND_TAP = timedelta(seconds=30)
"""How long a form that is posted again is taken for the second of two taps."""
_CODE = re.compile(f"[0-9]{{{DIGITS}}}")


class SignInOver(Refused):
    """Unknown, expired, finished, or another browser's: the answer does not disclose which."""

    status, text = 410, "sign_in_over"


class CodeExpired(Refused):
    text = "code_expired"


class NoTriesLeft(TooOften):
    text = "no_tries_left"


class WrongCode(Refused):
    text = "wrong_code"


@dataclass(frozen=True)
class Code:
    """A code to send; `repr` does not show it, so that no log can."""

    sign_in: SignIn
    sent: SentCode
    digits: str

    def __repr__(self) -> str:
        return "Code(…)"


@dataclass(frozen=True)
class Requester:
    """The browser that requests a code, and from where."""

    browser: bytes
    source: Source


async def start(
    tx: AsyncSession,
    settings: Settings,
    requester: Requester,
    *,
    request: str,
    language: str,
    phone: str,
    agreed: str | None,
) -> Code | SignIn:
    """Begin a sign-in with a code for a phone. The same for every phone, registered or not.

    Returns:
        The code to send, or after a second tap the sign-in that the first one began.

    Raises:
        QuestionNeeded, TooManyCodes
    """
    sign_in = SignIn(id=new_id(), browser_hash=requester.browser, request=request, language=language, phone=phone)
    sign_in.agreed_version = agreed
    try:
        code = await _new_code(tx, settings, sign_in, requester.source)
    except (QuestionNeeded, TooManyCodes):
        if begun := await _begun_just_now(tx, sign_in):
            return begun
        raise
    tx.add(sign_in)
    return code


async def _begun_just_now(tx: AsyncSession, wanted: SignIn) -> SignIn | None:
    recent = select(SignIn).where(
        SignIn.browser_hash == wanted.browser_hash,
        SignIn.request == wanted.request,
        SignIn.created_at > now() - SECOND_TAP,
        SignIn.finished_at.is_(None),
    )
    return next((begun for begun in await tx.scalars(recent) if begun.phone == wanted.phone), None)


async def send_again(tx: AsyncSession, settings: Settings, requester: Requester, sign_in_id: UUID) -> Code | SignIn:
    """Another code for a sign-in; the one before is no longer good.

    Returns:
        The code to send, or after a second tap the sign-in for which the first one had it sent.

    Raises:
        SignInOver, QuestionNeeded, TooManyCodes
    """
    sign_in = await running(tx, sign_in_id, requester.browser, for_update=True)
    if sign_in.held_at:  # its code was right
        return sign_in
    try:
        return await _new_code(tx, settings, sign_in, requester.source)
    except (QuestionNeeded, TooManyCodes):
        sent_at = sign_in.code_expires_at - CODE_LIFE
        if max(sign_in.created_at, now() - SECOND_TAP) < sent_at:  # the first code is made before its sign-in
            return sign_in
        raise


async def running(tx: AsyncSession, sign_in_id: UUID, browser: bytes, *, for_update: bool = False) -> SignIn:
    """A sign-in of this browser that is not over.

    Raises:
        SignInOver
    """
    sign_in = await tx.get(SignIn, sign_in_id, with_for_update=for_update)
    if (
        sign_in is None
        or sign_in.finished_at is not None
        or sign_in.created_at < now() - SIGN_IN_LIFE
        or not hmac.compare_digest(sign_in.browser_hash, browser)
    ):
        raise SignInOver
    return sign_in


async def begun_by(tx: AsyncSession, sign_in_id: UUID, browser: bytes) -> SignIn | None:
    """A sign-in of this browser, also when it is over."""
    sign_in = await tx.get(SignIn, sign_in_id)
    return sign_in if sign_in and hmac.compare_digest(sign_in.browser_hash, browser) else None


async def answered_just_now(
    tx: AsyncSession, settings: Settings, sign_in_id: UUID, browser: bytes, typed: str
) -> str | None:
    """Where the first of two taps sent this browser, for the second one with the same code."""
    sign_in = await tx.get(SignIn, sign_in_id, with_for_update=True)
    if (
        sign_in is None
        or sign_in.finished_at is None
        or sign_in.finished_at < now() - SECOND_TAP
        or not hmac.compare_digest(sign_in.browser_hash, browser)
        or not hmac.compare_digest(_code_hash(settings, sign_in.id, plain_digits(typed)), sign_in.code_hash)
    ):
        return None
    return sign_in.answer


async def answered_to(tx: AsyncSession, sign_in_id: UUID, browser: bytes) -> str | None:
    """Where this browser was sent a moment ago, for the second of two taps on the page after the code."""
    sign_in = await tx.get(SignIn, sign_in_id, with_for_update=True)
    if (
        sign_in is None
        or sign_in.former_id is None
        or sign_in.finished_at is None
        or sign_in.finished_at < now() - SECOND_TAP
        or not hmac.compare_digest(sign_in.browser_hash, browser)
    ):
        return None
    return sign_in.answer


async def _new_code(tx: AsyncSession, settings: Settings, sign_in: SignIn, source: Source) -> Code:
    sent = await code_limits.admit(tx, settings, sign_in, source)
    digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    sign_in.code_hash = _code_hash(settings, sign_in.id, digits)
    sign_in.code_expires_at = now() + CODE_LIFE
    sign_in.tries, sign_in.answer = 0, None
    return Code(sign_in, sent, digits)


def _code_hash(settings: Settings, sign_in_id: UUID, digits: str) -> bytes:
    # A plain hash of six digits is undone by trying all of them; this one needs the key too.
    key = derive(settings.index_key.get_secret_value(), "sign-in codes")
    return hmac.digest(key, sign_in_id.bytes + digits.encode(), "sha256")


def try_code(settings: Settings, sign_in: SignIn, typed: str, *, most: int = TRIES) -> Refused | None:
    """Finish a locked sign-in with its code, or return the refusal.

    It is not raised, because the same transaction has to commit the counted try. What cannot be a code costs no
    try, nor does a wrong code that was tried: a form that is posted twice is one try, and a repeat discloses nothing.
    """
    if sign_in.tries >= most:
        return NoTriesLeft(wait=settings.code_resend_seconds)
    if sign_in.code_expires_at < now():
        return CodeExpired()
    digits = plain_digits(typed)
    typed_hash = _code_hash(settings, sign_in.id, digits)
    if hmac.compare_digest(typed_hash, sign_in.code_hash):
        finish(settings, sign_in, typed)
        return None
    tried = (sign_in.answer or "").split()
    if _CODE.fullmatch(digits) and typed_hash.hex() not in tried:
        sign_in.tries += 1
        sign_in.guesses += 1
        sign_in.answer = " ".join([*tried, typed_hash.hex()])
    left = most - sign_in.tries
    return WrongCode(left=left) if left > 0 else NoTriesLeft(wait=settings.code_resend_seconds)


def finish(settings: Settings, sign_in: SignIn, typed: str) -> None:
    """Finish a locked sign-in; a second tap is known by what was typed last."""
    sign_in.finished_at, sign_in.answer = now(), None
    sign_in.code_hash = _code_hash(settings, sign_in.id, plain_digits(typed))


def already_tried(settings: Settings, sign_in: SignIn, typed: str) -> bool:
    """Whether a wrong code was typed before, which is remembered."""
    tried = (sign_in.answer or "").split()
    typed_hash = _code_hash(settings, sign_in.id, plain_digits(typed)).hex()
    if typed_hash in tried:
        return True
    sign_in.answer = " ".join([*tried[-TRIES:], typed_hash])
    return False


async def forget_sent(tx: AsyncSession, sent: SentCode) -> None:
    """A message that did not leave does not count."""
    await tx.execute(delete(SentCode).where(SentCode.id == sent.id))


async def prune(tx: AsyncSession) -> None:
    """Delete sign-ins, codes and devices that no limit counts and no browser can use, with their phones."""
    for each in (code_limits, known_devices, challenges):
        await each.prune(tx)
    await tx.execute(delete(SignIn).where(SignIn.created_at < now() - SIGN_IN_LIFE))
