"""The browsers in which somebody signed in with a phone, and how many tries a code has in them and in others."""

from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from svc_identity.people.persons.service import phone_index
from svc_identity.settings import Settings
from svc_identity.sign_in.browser import COOKIE_LIFE
from svc_identity.sign_in.models import KnownDevice, SentCode, SignIn
from svc_identity.vault.blind_indexes import lock_of
from svc_identity.vault.reindexing import settle

TRIES, TRIES_WHILE_GUESSED = 5, 2
DEVICES_OF_A_PHONE = 10
"""How many are known; the one that was not used for the longest time is forgotten."""
IN_FLIGHT = 200
"""Most wrong codes that may be under way at once: so near to the limit, tries are counted one after the other."""
_GUESSES_COUNTED, _DAY = timedelta(minutes=10), timedelta(days=1)
_GUESSERS = "myili wrong codes"


async def tries_of(tx: AsyncSession, settings: Settings, sign_in: SignIn) -> int:
    """How many tries the code of a locked sign-in has: fewer where codes of many phones are being guessed.

    A browser that is known to the phone keeps all: its owner does not pay for strangers.
    """
    index = phone_index(sign_in.phone)
    if await is_known(tx, sign_in.phone, sign_in.browser_hash):
        return TRIES
    most = settings.wrong_codes_in_ten_minutes
    guesses = await _guesses(tx)
    if most - IN_FLIGHT <= guesses < most:
        # Held until the try is committed, so that the one after sees it. Far below and beyond nobody waits.
        await tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(_GUESSERS))))
        guesses = await _guesses(tx)
    if guesses >= most or await _is_beyond_a_day(tx, settings, index):
        return TRIES_WHILE_GUESSED
    return TRIES


async def _guesses(tx: AsyncSession) -> int:
    # A code is typed before it expires, so the codes of ten minutes are found by when they do; those of a sign-in that
    # was begun long before count as well.
    recent = (SignIn.guesses > 0, SignIn.code_expires_at > now() - _GUESSES_COUNTED)
    return await tx.scalar(select(func.coalesce(func.sum(SignIn.guesses), 0)).where(*recent)) or 0


async def _is_beyond_a_day(tx: AsyncSession, settings: Settings, index: bytes) -> bool:
    """Whether strangers were sent more codes for the phone than a day has without answers."""
    of_strangers = (SentCode.phone_index == index, SentCode.device_hash.is_(None))
    today = select(func.count()).select_from(SentCode).where(*of_strangers, SentCode.sent_at > now() - _DAY)
    return (await tx.scalar(today) or 0) > settings.codes_per_phone_a_day


async def is_known(tx: AsyncSession, phone: str, browser_hash: bytes) -> bool:
    """Whether somebody signed in with a phone in a browser."""
    same = KnownDevice.phone_index == phone_index(phone), KnownDevice.browser_hash == browser_hash
    return await tx.scalar(select(KnownDevice.used_at).where(*same)) is not None


async def is_new_device(tx: AsyncSession, sign_in: SignIn) -> bool:
    """Whether a phone that is known to other browsers is not to this one."""
    known = (await tx.scalars(select(KnownDevice.browser_hash).where(_of(sign_in)))).all()
    return bool(known) and sign_in.browser_hash not in known


def _of(sign_in: SignIn) -> ColumnElement[bool]:
    return KnownDevice.phone_index == phone_index(sign_in.phone)


async def know_device(tx: AsyncSession, sign_in: SignIn) -> None:
    """Remember the browser of a finished sign-in for its phone."""
    index = phone_index(sign_in.phone)
    # As in `code_limits.admit`: sign-ins at once would each keep the others' devices beyond the bound.
    await tx.execute(select(func.pg_advisory_xact_lock(lock_of(index))))
    await settle(tx, index)
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
    """Delete devices whose cookie has expired."""
    await tx.execute(delete(KnownDevice).where(KnownDevice.used_at < now() - COOKIE_LIFE))
