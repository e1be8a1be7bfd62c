"""What the pages do with a change: begin it in a browser, and take it a step further there."""

import hmac
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from svc_identity.people.passwords.service import password_of
from svc_identity.people.persons.service import registered
from svc_identity.people.suspensions.queries import is_suspended
from svc_identity.settings import Settings
from svc_identity.sign_in import continuity
from svc_identity.sign_in.code_limits import NamedTyped
from svc_identity.sign_in.continuity import Holder
from svc_identity.sign_in.phone_changes import codes, service
from svc_identity.sign_in.phone_changes.models import PhoneChange, Way
from svc_identity.sign_in.phone_changes.refusals import Blocked, ChangeOver, NobodyThere, SamePhone, UseTheApp
from svc_identity.sign_in.phone_changes.service import Given, Needed
from svc_identity.sign_in.refusals import Refused


async def begin(
    tx: AsyncSession, settings: Settings, origin: codes.Origin, way: Way, old_phone: str, new_phone: str
) -> tuple[PhoneChange, list[codes.ToSend]]:
    """Begin a change in a browser. The same for every number, registered or not.

    Raises:
        SamePhone, TooManyCodes
    """
    if old_phone == new_phone:
        raise SamePhone
    with_old_code = way is Way.OLD_PHONE
    return await codes.begin(tx, settings, origin, way, old_phone, new_phone, with_old_code=with_old_code)


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
