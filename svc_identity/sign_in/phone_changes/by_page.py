"""What the pages do with a change: begin it in a browser, and take it a step further there."""

import hmac
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from svc_identity.people.passwords.service import password_of
from svc_identity.people.persons.service import phone_index, registered
from svc_identity.people.suspensions.queries import is_suspended
from svc_identity.settings import Settings
from svc_identity.sign_in import continuity
from svc_identity.sign_in.browser import Browser
from svc_identity.sign_in.code_limits import NamedTyped
from svc_identity.sign_in.continuity import Holder
from svc_identity.sign_in.phone_changes import codes, lost, service
from svc_identity.sign_in.phone_changes.models import ChangeStatus, PhoneChange, Way
from svc_identity.sign_in.phone_changes.refusals import (
    Blocked,
    ChangeOver,
    NobodyThere,
    NoTriesLeft,
    SamePhone,
    UseTheApp,
    WrongFactor,
    WrongIdentity,
    WrongPhoneCodes,
)
from svc_identity.sign_in.phone_changes.service import Given, Needed
from svc_identity.sign_in.refusals import Refused
from svc_identity.sign_in.second_taps import is_first, is_known
from svc_identity.sign_in.service import SECOND_TAP
from svc_identity.vault.blind_indexes import lock_of


async def begin(
    tx: AsyncSession, settings: Settings, origin: codes.Origin, way: Way, old_phone: str, new_phone: str
) -> tuple[PhoneChange, list[codes.ToSend]]:
    """Begin a change in a browser; the second of two taps gets that of the first. The same for every number.

    Raises:
        SamePhone, TooManyCodes
    """
    if old_phone == new_phone:
        raise SamePhone
    with_old_code = way is Way.OLD_PHONE
    if begun := await _begun_just_now(tx, origin.browser_hash, way, old_phone, new_phone):
        return begun, []
    return await codes.begin(tx, settings, origin, way, old_phone, new_phone, with_old_code=with_old_code)


async def _begun_just_now(
    tx: AsyncSession, browser: bytes, way: Way, old_phone: str, new_phone: str
) -> PhoneChange | None:
    indexes = phone_index(old_phone), phone_index(new_phone)
    for index in sorted(indexes):  # held by the first of two taps until its change is there
        await tx.execute(select(func.pg_advisory_xact_lock(lock_of(index))))
    same = select(PhoneChange).where(
        PhoneChange.browser_hash == browser,
        PhoneChange.way == way,
        PhoneChange.status == ChangeStatus.STARTED,
        (PhoneChange.old_index == indexes[0]) & (PhoneChange.new_index == indexes[1]),
        PhoneChange.created_at > now() - SECOND_TAP,
    )
    found: PhoneChange | None = await tx.scalar(same.order_by(PhoneChange.id.desc()).limit(1))
    return found


async def done_just_now(tx: AsyncSession, change_id: UUID, browser: Browser | None) -> PhoneChange | None:
    """A change that the first of two taps has finished in this browser."""
    change = await tx.get(PhoneChange, change_id)
    if change is None or browser is None or not hmac.compare_digest(change.browser_hash or b"", browser.fingerprint):
        return None
    is_done = change.status in {ChangeStatus.COMPLETED, ChangeStatus.WAITING}
    return change if is_done and await is_known(tx, "phone change done", str(change_id)) else None


async def repeated(tx: AsyncSession, change: PhoneChange, fields: Mapping[str, str]) -> Refused | None:
    """The refusal of a locked change to what was posted before and wrong, which costs no try; else None."""
    if not await is_known(tx, *_posted(change, fields)):
        return None
    if change.codes_passed_at is None:
        kind: type[Refused] = WrongPhoneCodes
    elif change.way == Way.LOST:
        return WrongIdentity(left=await lost.left(tx, change))
    else:
        needed = await service.needed_of(tx, await service.owner_of(tx, change))
        kind = WrongFactor if needed is Needed.FACTOR else WrongIdentity
    return kind(left=codes.TRIES - change.tries) if change.tries < codes.TRIES else NoTriesLeft(wait=0)


async def remember(tx: AsyncSession, change: PhoneChange, fields: Mapping[str, str], refused: Refused | None) -> None:
    """Remember what was wrong, or that the change is done."""
    if isinstance(refused, WrongPhoneCodes | WrongFactor | WrongIdentity | NoTriesLeft):
        await is_first(tx, *_posted(change, fields))
    elif refused is None:
        await is_first(tx, "phone change done", str(change.id))


def _posted(change: PhoneChange, fields: Mapping[str, str]) -> tuple[str, ...]:
    typed = [fields.get(name, "") for name in ("new_code", "old_code", "factor_code", "assertion", "name", "id_number")]
    return ("phone change", str(change.id), *typed)


async def of_browser(tx: AsyncSession, change_id: UUID, browser: bytes, *, locked: bool = False) -> PhoneChange:
    """A running change of this browser.

    Raises:
        ChangeOver
    """
    change = await (service.locked(tx, change_id) if locked else tx.get(PhoneChange, change_id))
    if change is None or not hmac.compare_digest(change.browser_hash or b"", browser):
        raise ChangeOver
    return service.require_running(change)


def given_in(fields: Mapping[str, str]) -> Given:
    typed = {
        name: fields.get(name, "") for name in ("new_code", "old_code", "factor_code", "assertion", "name", "id_number")
    }
    return Given(**typed, takes_over="takes_over" in fields)


async def confirm(tx: AsyncSession, settings: Settings, change: PhoneChange, given: Given) -> Refused | None:
    """Take a locked change by the old phone a step further; what it still needs is a refusal without a sentence.

    Raises:
        ChangeOver, NobodyThere, Blocked, UseTheApp
    """
    passed_before = change.codes_passed_at is not None
    if refused := codes.check(settings, change, given.new_code, given.old_code):
        return refused
    change.person_id = change.person_id or await _owner(tx, settings, change)
    person = await service.owner_of(tx, change)
    if await password_of(tx, person.id) and await service.needed_of(tx, person) is not Needed.FACTOR:
        raise UseTheApp
    if not passed_before and await service.needed_of(tx, person) is not Needed.OLD_PHONE:
        return MoreNeeded()
    return await service.confirm(tx, settings, change, given, person)


class MoreNeeded(Refused):
    """The codes were right, and the next page asks for the rest."""

    text = "change_phone"


async def _owner(tx: AsyncSession, settings: Settings, change: PhoneChange) -> UUID:
    """Whose the old number is; a recycled one is not its former person's, as in signing in."""
    old_phone = change.old_phone or ""
    person_id = await registered(tx, old_phone)
    if person_id is None:
        raise NobodyThere
    if await is_suspended(tx, person_id):
        raise Blocked
    typed = NamedTyped(old_phone, change.browser_hash or b"")
    if await continuity.holder_of(tx, settings, typed, denies=False) is Holder.NEW:
        raise NobodyThere
    return person_id
