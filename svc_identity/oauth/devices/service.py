"""Finding the device for which somebody typed a code, and what they decide.

Twenty letters at eight places are 25 thousand million codes. Wrong ones are counted for whoever types them and for
everybody together, under one lock, so that requests at once cannot guess more.
"""

import ipaddress
import math
import secrets
import unicodedata
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from svc_identity.oauth.devices.models import DeviceAuthorization, WrongUserCode
from svc_identity.vault.blind_indexes import blind_index, keyed_hash

LIFE = timedelta(minutes=10)
POLL_SECONDS = 5
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so that no code is a word, and no letters that look like digits (RFC 8628, section 6.1)."""
LENGTH = 8
WRONG_BY_ONE, WRONG_BY_ALL = 20, 300
"""Wrong codes within an hour by one source, and by all."""
_PERIOD = timedelta(hours=1)
_LEFT_TO_POLL = timedelta(minutes=1)
_LONGEST_TYPED = 40
_LOCK = "myili device codes"
_IPV4_SHOWN, _IPV6_SHOWN = 16, 32
_IPV6_OF_ONE = 64


class TooManyWrongCodesError(Exception):
    def __init__(self, wait: int) -> None:
        super().__init__("too many wrong codes")
        self.wait = wait
        """In how many seconds the next code may be typed."""


def new_user_code() -> str:
    letters = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    return f"{letters[: LENGTH // 2]}-{letters[LENGTH // 2 :]}"


def written(typed: str) -> str:
    """A code as the device shows it, however it is typed."""
    upper = unicodedata.normalize("NFKC", typed[:_LONGEST_TYPED]).upper()
    kept = "".join(each for each in upper if each.isalnum())
    return f"{kept[: LENGTH // 2]}-{kept[LENGTH // 2 :]}"


def index_of(user_code: str) -> bytes:
    return keyed_hash("device_authorizations.user_code", written(user_code))


def network_of(address: str) -> str:
    """The part of a network address that says where its network is, and not who uses it."""
    return _network(address, _IPV4_SHOWN, _IPV6_SHOWN)


def source_of(address: str) -> str:
    """Whoever types codes from an address; one customer has a whole /64 of IPv6."""
    return f"address {_network(address, 32, _IPV6_OF_ONE)}"


def _network(address: str, bits: int, bits_of_ipv6: int) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    kept = bits_of_ipv6 if isinstance(parsed, ipaddress.IPv6Address) else bits
    return str(ipaddress.ip_network(f"{parsed}/{kept}", strict=False))


async def find(
    tx: AsyncSession, source: str, user_code: str, *, decided_by: UUID | None = None, is_counted: bool = False
) -> DeviceAuthorization | None:
    """The device that waits with this code, or None, which is counted: the transaction has to be committed.

    Args:
        tx: of this alone.
        source: who typed the code.
        user_code: as it was typed.
        decided_by: whoever has decided about the device finds it again, for their second tap.
        is_counted: whether the same code was counted a moment ago.

    Raises:
        TooManyWrongCodesError
    """
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(_LOCK))))
    index = blind_index("wrong_user_codes.source", source)
    free_at = [
        await _free_at(tx, WrongUserCode.source == index, WRONG_BY_ONE),
        await _free_at(tx, true(), WRONG_BY_ALL),
    ]
    if late := [each for each in free_at if each]:
        raise TooManyWrongCodesError(max(1, math.ceil((max(late) - now()).total_seconds())))
    waiting = select(DeviceAuthorization).where(
        DeviceAuthorization.user_code_index == index_of(user_code),
        DeviceAuthorization.expires_at > now(),
        or_(DeviceAuthorization.decided_at.is_(None), DeviceAuthorization.person_id == decided_by),
    )
    found = await tx.scalar(waiting)
    if found is None and not is_counted:
        tx.add(WrongUserCode(source=index))
    return found


async def _free_at(tx: AsyncSession, by: ColumnElement[bool], most: int) -> datetime | None:
    """When the next code may be typed, if as many wrong ones were as may be."""
    typed = select(WrongUserCode.typed_at).where(by, WrongUserCode.typed_at > now() - _PERIOD)
    counted: datetime | None = await tx.scalar(typed.order_by(WrongUserCode.typed_at.desc()).offset(most - 1).limit(1))
    return counted + _PERIOD if counted else None


async def decide(
    tx: AsyncSession, device_id: UUID, person_id: UUID, *, signed_in_at: datetime, approved: bool
) -> DeviceAuthorization | None:
    """Approve or refuse as somebody who signed in then; None where the device no longer waits."""
    device = await tx.get(DeviceAuthorization, device_id, with_for_update=True)
    if device is None or device.expires_at <= now():
        return None
    if device.decided_at is not None:  # the second tap gets the first one's answer
        return device if (device.person_id, device.approved) == (person_id, approved) else None
    device.person_id, device.approved, device.decided_at = person_id, approved, now()
    device.signed_in_at = signed_in_at
    device.expires_at = max(device.expires_at, now() + _LEFT_TO_POLL)
    return device


async def prune(tx: AsyncSession) -> None:
    """Delete devices that wait no longer, and wrong codes that no limit counts."""
    await tx.execute(delete(DeviceAuthorization).where(DeviceAuthorization.expires_at < now() - LIFE))
    await tx.execute(delete(WrongUserCode).where(WrongUserCode.typed_at < now() - _PERIOD))
