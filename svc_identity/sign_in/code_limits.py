"""How many codes are sent: to a phone, from an address, and to a phone's own devices, which strangers cannot use up.

A browser that signed in with a phone is known to it. Its codes are counted apart, so that whoever asks for codes of
somebody else's phone, or shares the network address, does not keep the owner out. Beyond a limit a question stands
before the code (`questions`); only what is answered is limited again, by phone and line, so that no flood of those who
answer nothing refuses anybody.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, Protocol

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from kit.network_lines import counted
from svc_identity.people.persons.service import phone_index
from svc_identity.settings import Settings
from svc_identity.sign_in.known_devices import is_known
from svc_identity.sign_in.models import Proof, SentCode, SignIn
from svc_identity.sign_in.refusals import TooOften
from svc_identity.vault.blind_indexes import blind_index, lock_of
from svc_identity.vault.reindexing import settle

ANSWERED_BY_ONE = 5
"""Codes for one phone that one line, or one known device, gets in an hour by answers."""
ANSWERED_OF_A_PHONE = 40
"""Codes for one phone that all unknown browsers get in a day by answers."""
BITS, MORE_BITS = 16, 5
"""What a script has to compute: so many leading zero bits, and at most so many more where a line asks for much."""
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_EVERYBODY = "myili sign-in codes"
_ANSWERED = SentCode.proof.is_not(None)


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


class TooManyCodes(TooOften):
    text = "too_many_codes"


class QuestionNeeded(TooOften):
    """A code is sent for an answer; `wait` is when one is sent without."""

    text = "question_needed"

    def __init__(self, *, wait: int, bits: int, words_in: int) -> None:
        super().__init__(wait=wait)
        self.bits = bits
        self.words_in = words_in
        """In how many seconds an answer in words will do."""


@dataclass(frozen=True)
class Source:
    """From where a code is requested, and by what answer."""

    address: str
    proof: Proof | None = None
    asks: bool = True
    """Whether there is a page that asks the question; else beyond a limit there is a refusal."""


async def admit(
    tx: AsyncSession, settings: Settings, typed: Typed, source: Source, *, apart: bytes | None = None
) -> SentCode:
    """Count one more code for a phone.

    Args:
        tx: the transaction.
        settings: of the service.
        typed: the phone, and by whom.
        source: from where, and by what answer.
        apart: what stands for a known browser where the owner of the phone has signed in just now.

    Raises:
        QuestionNeeded, TooManyCodes
    """
    sent = _to_send(typed, source.address)
    # One at a time for a phone, an address and everybody: requests at once would each find the others not yet there.
    await tx.execute(select(func.pg_advisory_xact_lock(lock_of(sent.phone_index))))
    await settle(tx, phone_index(typed.phone))
    sent.device_hash = apart
    if apart is None:
        await _know(tx, sent, typed)
    if sent.device_hash is None:
        await tx.execute(select(func.pg_advisory_xact_lock(lock_of(sent.address_index))))
        await tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(_EVERYBODY))))
    if free_in := await _free_in(tx, settings, sent):
        await _require_answer(tx, settings, sent, source, free_in)
        sent.proof = source.proof
    tx.add(sent)
    return sent


async def wait_for_next(tx: AsyncSession, settings: Settings, sign_in: SignIn, address: str) -> int:
    """In how many seconds the next code for the phone of a sign-in can be sent, be it for an answer."""
    sent = _to_send(sign_in, address)
    await _know(tx, sent, sign_in)
    free_in = await _free_in(tx, settings, sent)
    return min(free_in, await _answered_in(tx, settings, sent)) if free_in else 0


async def wait_without_question(tx: AsyncSession, settings: Settings, typed: Typed, address: str) -> int:
    """In how many seconds the next code is sent where no page asks a question."""
    sent = _to_send(typed, address)
    await _know(tx, sent, typed)
    return await _free_in(tx, settings, sent)


def about(sign_in_phone: str, address: str) -> str:
    """What an answer is bound to: the phone and the line, both as blind indexes."""
    return (phone_index(sign_in_phone) + _address_index(address)).hex()


def _to_send(typed: Typed, address: str) -> SentCode:
    return SentCode(phone_index=phone_index(typed.phone), address_index=_address_index(address))


def _address_index(address: str) -> bytes:
    return blind_index("sent_codes.address", counted(address))


async def _know(tx: AsyncSession, sent: SentCode, typed: Typed) -> None:
    if await is_known(tx, typed.phone, typed.browser_hash):
        sent.device_hash = typed.browser_hash


async def _require_answer(tx: AsyncSession, settings: Settings, sent: SentCode, source: Source, free_in: int) -> None:
    if not source.asks:
        raise TooManyCodes(wait=free_in)
    if answered_in := await _answered_in(tx, settings, sent):
        raise TooManyCodes(wait=min(free_in, answered_in))
    of_address = SentCode.address_index == sent.address_index
    in_words = (of_address, SentCode.proof == Proof.WORDS)
    words_in = await _free_of(tx, settings.codes_per_address, _HOUR, *in_words)
    if source.proof is None or (source.proof == Proof.WORDS and words_in):
        recent = (of_address, SentCode.sent_at > now() - _HOUR)
        load = await tx.scalar(select(func.count()).select_from(SentCode).where(*recent)) or 0
        more = min(MORE_BITS, (load // settings.codes_per_address).bit_length())
        raise QuestionNeeded(wait=free_in, bits=BITS + more, words_in=words_in)


async def _free_in(tx: AsyncSession, settings: Settings, sent: SentCode) -> int:
    """In how many seconds a code is sent without an answer."""
    to_phone = (
        SentCode.phone_index == sent.phone_index,
        SentCode.device_hash.is_not_distinct_from(sent.device_hash),
    )
    shares = (
        (1, timedelta(seconds=settings.code_resend_seconds)),
        (settings.codes_per_phone_an_hour, _HOUR),
        (settings.codes_per_phone_a_day, _DAY),
    )
    waits = [await _free_of(tx, most, period, *to_phone) for most, period in shares]
    if sent.device_hash is None:
        unknown = SentCode.device_hash.is_(None)
        of_address = SentCode.address_index == sent.address_index
        waits.append(await _free_of(tx, settings.codes_per_address, _HOUR, unknown, of_address))
        waits.append(await _free_of(tx, settings.codes_a_minute, _MINUTE, unknown))
    return max(waits)


async def _answered_in(tx: AsyncSession, settings: Settings, sent: SentCode) -> int:
    """In how many seconds a code is sent for an answer: what others were sent counts only in the end."""
    of_device = SentCode.device_hash.is_not_distinct_from(sent.device_hash)
    of_phone = SentCode.phone_index == sent.phone_index
    own = [of_phone, of_device]
    if sent.device_hash is None:
        own.append(SentCode.address_index == sent.address_index)
    waits = [
        await _free_of(tx, 1, timedelta(seconds=settings.code_resend_seconds), *own),
        await _free_of(tx, ANSWERED_BY_ONE, _HOUR, _ANSWERED, *own),
    ]
    if sent.device_hash is None:
        waits.append(await _free_of(tx, ANSWERED_OF_A_PHONE, _DAY, _ANSWERED, of_phone, of_device))
        waits.append(await _free_of(tx, settings.codes_a_minute, _MINUTE, _ANSWERED, of_device))
    return max(waits)


async def _free_of(tx: AsyncSession, most: int, period: timedelta, *which: ColumnElement[bool]) -> int:
    """In how many seconds there is room for another of these codes, of which a period has so many."""
    sent = select(SentCode.sent_at).where(*which, SentCode.sent_at > now() - period)
    oldest_counted = await tx.scalar(sent.order_by(SentCode.sent_at.desc()).offset(most - 1).limit(1))
    return max(0, math.ceil((oldest_counted + period - now()).total_seconds())) if oldest_counted else 0


async def prune(tx: AsyncSession) -> None:
    """Delete codes that no limit counts."""
    await tx.execute(delete(SentCode).where(SentCode.sent_at < now() - _DAY))
