"""How many codes are sent: to a phone, from an address, and to a phone's own devices, which strangers cannot use up.

A browser that signed in with a phone is known to it. Its codes are counted apart, so that whoever asks for codes of
somebody else's phone, or shares the network address, does not keep the owner out.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from svc_identity.people.persons.service import phone_index
from svc_identity.settings import Settings
from svc_identity.sign_in.addresses import counted
from svc_identity.sign_in.browser import COOKIE_LIFE
from svc_identity.sign_in.models import KnownDevice, SentCode, SignIn
from svc_identity.sign_in.refusals import Refused
from svc_identity.vault.encryption import blind_index, lock_of

TRIES, TRIES_WHILE_GUESSED = 5, 2
DEVICES_OF_A_PHONE = 10
"""How many are known; the one that was not used for the longest time is forgotten."""
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_GUESSES_COUNTED = timedelta(minutes=10)
_EVERYBODY = "myili sign-in codes"


class Typed(Protocol):
    """A phone, and the browser in which it was typed."""

    @property
    def phone(self) -> str: ...
    @property
    def browser_hash(self) -> bytes: ...


class NamedTyped(NamedTuple):
    """A phone and a browser without a sign-in."""

    phone: str
    browser_hash: bytes


class TooManyCodes(Refused):
    status, text = 429, "too_many_codes"


async def admit(
    tx: AsyncSession, settings: Settings, typed: Typed, address: str, *, apart: bytes | None = None
) -> SentCode:
    """Count one more code for a phone.

    Args:
        tx: the transaction.
        settings: of the service.
        typed: the phone, and by whom.
        address: of the network.
        apart: what stands for a known browser where the owner of the phone has signed in just now.

    Raises:
        TooManyCodes
    """
    sent = _to_send(typed, address)
    # One at a time for a phone, an address and everybody: requests at once would each find the others not yet there.
    await tx.execute(select(func.pg_advisory_xact_lock(lock_of(sent.phone_index))))
    sent.device_hash = apart
    if apart is None:
        await _know(tx, sent, typed)
    if sent.device_hash is None:
        await tx.execute(select(func.pg_advisory_xact_lock(lock_of(sent.address_index))))
        await tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(_EVERYBODY))))
    if wait := await _wait(tx, settings, sent):
        raise TooManyCodes(wait=wait)
    tx.add(sent)
    return sent


async def wait_for_next(tx: AsyncSession, settings: Settings, sign_in: SignIn, address: str) -> int:
    """In how many seconds the next code for the phone of a sign-in can be sent."""
    sent = _to_send(sign_in, address)
    await _know(tx, sent, sign_in)
    return await _wait(tx, settings, sent)


def _to_send(typed: Typed, address: str) -> SentCode:
    of_address = blind_index("sent_codes.address", counted(address))
    return SentCode(phone_index=phone_index(typed.phone), address_index=of_address)


async def _know(tx: AsyncSession, sent: SentCode, typed: Typed) -> None:
    if await tx.get(KnownDevice, (sent.phone_index, typed.browser_hash)):
        sent.device_hash = typed.browser_hash


async def _wait(tx: AsyncSession, settings: Settings, sent: SentCode) -> int:
    free_at = _free_at(settings, await _sent_to(tx, sent))
    if sent.device_hash is None:
        of_address = SentCode.address_index == sent.address_index
        free_at += await _free_of(tx, settings.codes_per_address, _HOUR, of_address)
        free_at += await _free_of(tx, settings.codes_a_minute, _MINUTE)
    wait = max(free_at, default=now()) - now()
    return max(0, math.ceil(wait.total_seconds()))


async def _sent_to(tx: AsyncSession, sent: SentCode) -> Sequence[datetime]:
    """When codes were sent to the phone within a day, latest first: for this known device, or for all unknown ones."""
    to_phone = (
        select(SentCode.sent_at)
        .where(
            SentCode.phone_index == sent.phone_index,
            SentCode.sent_at > now() - _DAY,
            SentCode.device_hash.is_not_distinct_from(sent.device_hash),
        )
        .order_by(SentCode.sent_at.desc())
    )
    return (await tx.scalars(to_phone)).all()


async def _free_of(tx: AsyncSession, most: int, period: timedelta, *which: ColumnElement[bool]) -> Sequence[datetime]:
    """When unknown browsers may have another of these codes, if they had as many as they may within a period."""
    sent = select(SentCode.sent_at).where(*which, SentCode.sent_at > now() - period, SentCode.device_hash.is_(None))
    oldest_counted = await tx.scalar(sent.order_by(SentCode.sent_at.desc()).offset(most - 1).limit(1))
    return [oldest_counted + period] if oldest_counted else []


def _free_at(settings: Settings, latest: Sequence[datetime]) -> list[datetime]:
    shares = (
        (1, timedelta(seconds=settings.code_resend_seconds)),
        (settings.codes_per_phone_an_hour, _HOUR),
        (settings.codes_per_phone_a_day, _DAY),
    )
    return [latest[most - 1] + period for most, period in shares if len(latest) >= most]


async def tries_of(tx: AsyncSession, settings: Settings, sign_in: SignIn) -> int:
    """How many tries the code of a sign-in has: fewer where codes of many phones are being guessed.

    A browser that is known to the phone keeps all: its owner does not pay for strangers.
    """
    if await tx.get(KnownDevice, (phone_index(sign_in.phone), sign_in.browser_hash)):
        return TRIES
    recent = SignIn.created_at > now() - _GUESSES_COUNTED
    guesses = await tx.scalar(select(func.coalesce(func.sum(SignIn.guesses), 0)).where(recent)) or 0
    return TRIES if guesses < settings.wrong_codes_in_ten_minutes else TRIES_WHILE_GUESSED


async def is_new_device(tx: AsyncSession, sign_in: SignIn) -> bool:
    """Whether a phone that is known to other browsers is not to this one."""
    known = (await tx.scalars(select(KnownDevice.browser_hash).where(_of(sign_in)))).all()
    return bool(known) and sign_in.browser_hash not in known


def _of(sign_in: SignIn) -> ColumnElement[bool]:
    return KnownDevice.phone_index == phone_index(sign_in.phone)


async def know_device(tx: AsyncSession, sign_in: SignIn) -> None:
    """Remember the browser of a finished sign-in for its phone."""
    index = phone_index(sign_in.phone)
    # As in `admit`: sign-ins at once would each keep the others' devices beyond the bound.
    await tx.execute(select(func.pg_advisory_xact_lock(lock_of(index))))
    known = {"phone_index": index, "browser_hash": sign_in.browser_hash, "used_at": now()}
    remember = insert(KnownDevice).values(known)
    await tx.execute(
        remember.on_conflict_do_update(
            index_elements=[KnownDevice.phone_index, KnownDevice.browser_hash], set_={"used_at": known["used_at"]}
        )
    )
    of_phone = KnownDevice.phone_index == index
    kept = select(KnownDevice.browser_hash).where(of_phone).order_by(KnownDevice.used_at.desc())
    forgotten = KnownDevice.browser_hash.not_in(kept.limit(DEVICES_OF_A_PHONE))
    await tx.execute(delete(KnownDevice).where(of_phone, forgotten))


async def prune(tx: AsyncSession) -> None:
    """Delete codes that no limit counts, and devices whose cookie has expired."""
    await tx.execute(delete(SentCode).where(SentCode.sent_at < now() - _DAY))
    await tx.execute(delete(KnownDevice).where(KnownDevice.used_at < now() - COOKIE_LIFE))
