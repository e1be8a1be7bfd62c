"""Family accounts: proposed by the helped person, accepted by the helper, ended by either, over on their last day."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.fields.phones import mask_phone
from kit.security_log import record_on_commit
from svc_identity.people.authorities.service import announce_end
from svc_identity.people.families import guardians, schemas
from svc_identity.people.families.events import FamilyAccountAccepted, FamilyAccountEnded, FamilyAccountExpiring
from svc_identity.people.families.models import (
    LIVE,
    FamilyAccount,
    FamilyKind,
    FamilyNews,
    FamilyNotice,
    FamilyStatus,
)
from svc_identity.people.family_orders.models import FamilyOrder
from svc_identity.people.names import mask_name
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import known_person, phone_index, require_proofed
from svc_identity.vault.blind_indexes import Index, blind_index
from svc_identity.vault.reindexing import settle

USUAL = timedelta(days=365)
MOST_LIVE, MOST_A_DAY = 5, 10
"""Helpers of one person at a time; and proposals of one person, each of which sends a message."""
REMINDERS = (timedelta(days=30), timedelta(days=7), timedelta(days=1))
"""How long before its end both sides are told."""
_EVENTS = {status: SecurityEvent(f"family_account_{status}") for status in FamilyStatus}
_NEWS = {
    FamilyStatus.PROPOSED: FamilyNews.PROPOSED,
    FamilyStatus.ACTIVE: FamilyNews.ACTIVE,
    FamilyStatus.DECLINED: FamilyNews.DECLINED,
}


class FamilyAccountExists(Problem):
    status, code = 409, "family_account_exists"


class FamilyAccountForOther(Problem):
    """The phone is theirs and the proved name is another: it was meant for whoever had the phone."""

    status, code, security = 403, "family_account_for_other", SecurityEvent("family_account_refused")


class OwnHelper(Problem):
    status, code = 409, "own_helper"


class TooManyHelpers(Problem):
    status, code = 409, "too_many_helpers"


async def propose(tx: AsyncSession, helped_id: UUID, new: schemas.NewFamilyAccount) -> schemas.FamilyAccount:
    """Propose a family account to the owner of a phone.

    Raises:
        OwnHelper, FamilyAccountExists, TooManyHelpers, AssuranceTooLow
    """
    helped, index = await known_person(tx, helped_id, for_update=True), phone_index(new.phone)
    require_proofed(helped)
    await settle(tx, index)
    if index == helped.phone_index:
        raise OwnHelper
    await require_room(tx, helped_id, index)
    account = FamilyAccount(
        helped_id=helped_id,
        helped_name=mask_name(await _own_name(tx, helped_id)),
        phone_index=index,
        phone_masked=mask_phone(new.phone),
        name_index=name_index(new.name),
        helper_name=mask_name(new.name),
        scopes=sorted(set(new.scopes)),
        day_limit_fen=new.day_limit_fen,
        month_limit_fen=new.month_limit_fen,
        valid_until=end_of(new.until),
        proposed_by=helped_id,
    )
    tx.add(account)
    await tx.flush()
    return await shown(tx, account, helped_id)


async def accept(tx: AsyncSession, person_id: UUID, account_id: UUID) -> schemas.FamilyAccount:
    """Accept a family account that was proposed to this person.

    Raises:
        NotFound, IllegalMove, FamilyAccountForOther, GuardianNotAdult, AssuranceTooLow
    """
    account = await _for_helper(tx, person_id, account_id)
    require_proofed(await known_person(tx, person_id))
    if name_index(await _own_name(tx, person_id)) != account.name_index:
        raise FamilyAccountForOther
    await _require_no_staff(tx, person_id, account)
    if account.kind == FamilyKind.GUARDIAN:
        await guardians.require_adult(tx, person_id)
    if account.valid_until > now():
        return await begin(tx, account, person_id)
    account.end(FamilyStatus.EXPIRED, None)
    return await shown(tx, account, person_id)


async def begin(tx: AsyncSession, account: FamilyAccount, helper_id: UUID) -> schemas.FamilyAccount:
    """Let the helper of a proposed family account act from now on."""
    account.accept(helper_id)
    names = ("scopes", "day_limit_fen", "month_limit_fen", "valid_until")
    about = {name: getattr(account, name) for name in names}
    await tx.flush()
    await emit(tx, FamilyAccountAccepted(**_named(account), **about))
    return await shown(tx, account, helper_id)


async def decline(tx: AsyncSession, person_id: UUID, account_id: UUID) -> schemas.FamilyAccount:
    """Decline a family account that was proposed to this person.

    Raises:
        NotFound, IllegalMove
    """
    account = await _for_helper(tx, person_id, account_id)
    account.end(FamilyStatus.DECLINED, person_id)
    answer = await shown(tx, account, person_id)
    await guardians.erase_unhelped(tx, account)
    return answer


async def withdraw(tx: AsyncSession, person_id: UUID, account_id: UUID) -> schemas.FamilyAccount:
    """End a family account, as the helped person or as the helper.

    Raises:
        NotFound, IllegalMove
    """
    account = await _locked(tx, account_id)
    proposer = account.proposed_by if account.status == FamilyStatus.PROPOSED else account.helped_id
    if person_id not in {account.helped_id, account.helper_id, proposer}:
        raise NotFound
    await _end(tx, account, FamilyStatus.WITHDRAWN, person_id)
    return schemas.FamilyAccount.model_validate(shown_to(person_id, account))


async def end(tx: AsyncSession, account: FamilyAccount) -> None:
    """End a locked family account by nobody's word of the two."""
    await _end(tx, account, FamilyStatus.WITHDRAWN, None)


async def end_all_of(tx: AsyncSession, person_id: UUID) -> None:
    """End every family account of a person who closes the account or no longer has a proved identity."""
    of_person = or_(FamilyAccount.helped_id == person_id, FamilyAccount.helper_id == person_id)
    live = select(FamilyAccount).where(of_person, FamilyAccount.status.in_(LIVE))
    for account in await tx.scalars(live.order_by(FamilyAccount.id).with_for_update()):
        await _end(tx, account, FamilyStatus.WITHDRAWN, None)


async def expire(tx: AsyncSession) -> None:
    """End the family accounts whose last day is over."""
    over = select(FamilyAccount).where(FamilyAccount.status.in_(LIVE), FamilyAccount.valid_until <= now())
    for account in await tx.scalars(over.order_by(FamilyAccount.id).with_for_update(skip_locked=True)):
        await _end(tx, account, FamilyStatus.EXPIRED, None)


async def remind(tx: AsyncSession) -> None:
    """Tell both sides of each family account that ends soon; a short one gets only the last reminder."""
    for number, before in reversed([*enumerate(REMINDERS, start=1)]):
        ending = select(FamilyAccount).where(
            FamilyAccount.status == FamilyStatus.ACTIVE,
            FamilyAccount.reminders < number,
            FamilyAccount.valid_until <= now() + before,
        )
        for account in await tx.scalars(ending.with_for_update(skip_locked=True)):
            account.reminders = number
            await _tell(tx, account, FamilyNews.ENDING)
            await emit(tx, FamilyAccountExpiring(**_named(account), valid_until=account.valid_until))


def of_person(person: Person) -> ColumnElement[bool]:
    """The family accounts of a person: as helped, as helper, and those proposed to their phone."""
    proposed = and_(FamilyAccount.phone_index == person.phone_index, FamilyAccount.status == FamilyStatus.PROPOSED)
    return or_(FamilyAccount.helped_id == person.id, FamilyAccount.helper_id == person.id, proposed)


def shown_to(person_id: UUID, account: FamilyAccount) -> dict[str, object]:
    """What either side sees of a family account."""
    side = schemas.FamilySide.HELPED if account.helped_id == person_id else schemas.FamilySide.HELPER
    shown = {field.validation_alias or name for name, field in schemas.FamilyAccount.model_fields.items()} - {"side"}
    return {"side": side, **{str(name): getattr(account, str(name)) for name in shown}}


async def require_room(tx: AsyncSession, helped_id: UUID, index: bytes) -> None:
    own = FamilyAccount.helped_id == helped_id
    live = select(FamilyAccount.id, FamilyAccount.phone_index).where(own, FamilyAccount.status.in_(LIVE))
    helpers = {bytes(each.phone_index): each.id for each in await tx.execute(live)}
    if index in helpers:
        raise FamilyAccountExists(family_account_id=str(helpers[index]))
    recent = select(func.count()).where(own, FamilyAccount.proposed_at > now() - timedelta(days=1))
    if len(helpers) >= MOST_LIVE or (await tx.scalar(recent) or 0) >= MOST_A_DAY:
        raise TooManyHelpers(most=MOST_LIVE, a_day=MOST_A_DAY)


def end_of(until: date | None) -> datetime:
    if until is None:
        return now() + USUAL
    return datetime.combine(until + timedelta(days=1), time.min, CHINA).astimezone(UTC)


def name_index(name: str) -> Index:
    return blind_index("family_accounts.name", "".join(name.split()))


async def _own_name(tx: AsyncSession, person_id: UUID) -> str:
    own = await read_personal_data(tx, [person_id], ["name"], reader=str(person_id), purpose=Purpose.OWN_PROFILE)
    return own[person_id].name or ""


async def _for_helper(tx: AsyncSession, person_id: UUID, account_id: UUID) -> FamilyAccount:
    account, person = await _locked(tx, account_id), await known_person(tx, person_id, for_update=True)
    if account.phone_index != person.phone_index or account.helped_id == person_id:
        raise NotFound
    return account


async def _require_no_staff(tx: AsyncSession, person_id: UUID, account: FamilyAccount) -> None:
    """Refuse who has set the family account up at a counter."""
    staff = or_(FamilyOrder.ordered_by == person_id, FamilyOrder.decided_by == person_id)
    if await tx.scalar(select(FamilyOrder.id).where(FamilyOrder.family_account_id == account.id, staff)):
        raise FamilyAccountForOther


async def _locked(tx: AsyncSession, account_id: UUID) -> FamilyAccount:
    account = await tx.get(FamilyAccount, account_id, with_for_update=True, populate_existing=True)
    if account is None:
        raise NotFound
    return account


async def _end(tx: AsyncSession, account: FamilyAccount, status: FamilyStatus, by: UUID | None) -> None:
    account.end(status, by)
    await tx.flush()
    if account.helper_id:
        await emit(tx, FamilyAccountEnded(**_named(account), status=status, ended_at=account.ended_at))
        await announce_end(tx, str(account.id))
    await _record(tx, account)
    await guardians.erase_unhelped(tx, account)


def _named(account: FamilyAccount) -> dict[str, object]:
    return {"family_account_id": account.id, "helped_id": account.helped_id, "helper_id": account.helper_id}


async def shown(tx: AsyncSession, account: FamilyAccount, person_id: UUID) -> schemas.FamilyAccount:
    await tx.flush()
    await _record(tx, account)
    return schemas.FamilyAccount.model_validate(shown_to(person_id, account))


async def _record(tx: AsyncSession, account: FamilyAccount) -> None:
    """Tell both sides what has become of a family account, and the security log."""
    status = FamilyStatus(account.status)
    await _tell(tx, account, _NEWS.get(status, FamilyNews.ENDED))
    about = {"helper_id": account.helper_id, "ended_by": account.ended_by}
    record_on_commit(tx, _EVENTS[status], "", helped_id=account.helped_id, family_account_id=account.id, **about)


async def _tell(tx: AsyncSession, account: FamilyAccount, what: FamilyNews) -> None:
    """Queue a message to both sides; who is not registered under the phone, or has closed the account, gets none."""
    helper = Person.id == account.helper_id if account.helper_id else Person.phone_index == account.phone_index
    reachable = select(Person.id).where(Person.phone_index.is_not(None), or_(Person.id == account.helped_id, helper))
    tx.add_all([FamilyNotice(person_id=each, what=what) for each in await tx.scalars(reachable)])
    await tx.flush()
