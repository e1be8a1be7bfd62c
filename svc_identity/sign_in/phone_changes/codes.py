"""The codes that go to both numbers of a change: each is good for its change and its number only."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id, now
from svc_identity.keys import derive
from svc_identity.people.persons.service import phone_index
from svc_identity.settings import Settings
from svc_identity.sign_in import code_limits
from svc_identity.sign_in import service as sign_ins
from svc_identity.sign_in.code_limits import NamedTyped, Source, TooManyCodes
from svc_identity.sign_in.digits import plain_digits
from svc_identity.sign_in.models import SentCode
from svc_identity.sign_in.phone_changes.models import PhoneChange, Way
from svc_identity.sign_in.phone_changes.refusals import ChangeOver, NoTriesLeft, WrongPhoneCodes
from svc_identity.sign_in.provider import PHONE_CHANGE_CODE, NotSent, Sms, Throttled
from svc_identity.sign_in.refusals import Refused, SmsUnavailable
from svc_identity.vault.blind_indexes import lock_of
from svc_identity.vault.reindexing import settle

CHANGE_LIFE = timedelta(minutes=30)
CODES_LIFE = timedelta(minutes=10)
"""Two messages have to arrive; ASVS 6.5.5 allows no more."""
TRIES = 5
_OLD, _NEW = b"old", b"new"


class ToSend(NamedTuple):
    """A code to send; `repr` does not show it, so that no log can."""

    phone: str
    digits: str
    sent: SentCode

    def __repr__(self) -> str:
        return "ToSend(…)"


@dataclass(frozen=True)
class Origin:
    """Who begins a change: a browser, or a sign-in of a person through the API."""

    address: str
    language: str
    browser_hash: bytes = b""
    person_id: UUID | None = None
    sign_in_id: UUID | None = None


async def begin(
    tx: AsyncSession,
    settings: Settings,
    origin: Origin,
    way: Way,
    old_phone: str,
    new_phone: str,
    *,
    with_old_code: bool,
) -> tuple[PhoneChange, list[ToSend]]:
    """Begin a change, with a code for the new phone, and one for the old phone where it counts.

    Raises:
        TooManyCodes
    """
    change = PhoneChange(id=new_id(), way=way, language=origin.language, codes_expire_at=now() + CODES_LIFE)
    change.person_id, change.sign_in_id = origin.person_id, origin.sign_in_id
    change.browser_hash = origin.browser_hash or None
    change.old_phone, change.old_index = old_phone, phone_index(old_phone)
    change.new_phone, change.new_index = new_phone, phone_index(new_phone)
    change.challenge = secrets.token_bytes(32)
    wanted = [(_NEW, new_phone), *([(_OLD, old_phone)] if with_old_code else [])]
    to_send = []
    # In one order, or two changes at once would wait for each other's locks.
    for side, phone in sorted(wanted, key=lambda each: lock_of(phone_index(each[1]))):
        apart = origin.person_id.bytes if origin.person_id and side == _OLD else None
        typed, source = NamedTyped(phone, origin.browser_hash), Source(origin.address, asks=False)
        sent = await code_limits.admit(tx, settings, typed, source, apart=apart)
        digits = f"{secrets.randbelow(10**sign_ins.DIGITS):0{sign_ins.DIGITS}}"
        hashed = _hash(settings, change.id, side, digits)
        if side == _OLD:
            change.old_hash = hashed
        else:
            change.new_hash = hashed
        to_send.append(ToSend(phone, digits, sent))
    await settle(tx, phone_index(old_phone), phone_index(new_phone))
    tx.add(change)
    await tx.flush()
    return change, to_send


async def send(database: Database, sms: Sms, language: str, to_send: Sequence[ToSend]) -> None:
    """Send the codes; one that does not leave does not count.

    Raises:
        SmsUnavailable, TooManyCodes
    """
    minutes = int(CODES_LIFE.total_seconds() // 60)
    for number, each in enumerate(to_send):
        try:
            await sms.send_code(each.phone, each.digits, minutes=minutes, language=language, template=PHONE_CHANGE_CODE)
        except NotSent as failure:
            async with database.transaction() as tx:
                for unsent in to_send[number:]:
                    await sign_ins.forget_sent(tx, unsent.sent)
            raise _refusal_of(failure) from None


def _refusal_of(failure: NotSent) -> Refused:
    return TooManyCodes(wait=failure.seconds) if isinstance(failure, Throttled) else SmsUnavailable()


def check(settings: Settings, change: PhoneChange, new_code: str, old_code: str | None) -> Refused | None:
    """Whether the typed codes are right; remembers it, or counts the try, on the locked change.

    Raises:
        ChangeOver
    """
    if change.codes_passed_at:
        return None
    if change.codes_expire_at < now():
        raise ChangeOver
    if change.tries >= TRIES:
        return NoTriesLeft(wait=0)
    right = _matches(settings, change, _NEW, new_code, change.new_hash)
    if old_code is not None:
        right &= _matches(settings, change, _OLD, old_code, change.old_hash or b"")
    if not right:
        return wrong(change, WrongPhoneCodes)
    change.codes_passed_at = now()
    return None


def wrong(change: PhoneChange, refusal: type[Refused]) -> Refused:
    """Count a wrong try of whatever kind: all that a change has are a few."""
    change.tries += 1
    return refusal(left=TRIES - change.tries) if change.tries < TRIES else NoTriesLeft(wait=0)


async def next_begin_in(tx: AsyncSession, settings: Settings, change: PhoneChange, address: str) -> int:
    """In how many seconds another change between the same numbers can begin."""
    phones = [change.new_phone, change.old_phone if change.old_hash else None]
    typed = [NamedTyped(phone, change.browser_hash or b"") for phone in phones if phone]
    return max([await code_limits.wait_without_question(tx, settings, each, address) for each in typed])


def _matches(settings: Settings, change: PhoneChange, side: bytes, typed: str, known: bytes) -> bool:
    return hmac.compare_digest(_hash(settings, change.id, side, plain_digits(typed)), known)


def _hash(settings: Settings, change_id: UUID, side: bytes, digits: str) -> bytes:
    key = derive(settings.index_key.get_secret_value(), "phone change codes")
    return hmac.digest(key, change_id.bytes + side + digits.encode(), "sha256")
