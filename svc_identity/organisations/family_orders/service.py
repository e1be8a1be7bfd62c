"""Family accounts for people without a smartphone: a clerk sees the person, a supervisor of the same counter confirms.

Neither of the two is the person helped or the helper.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.outbox import emit
from chassis.problems import NotFound, Problem, checked_move
from chassis.telemetry import SecurityEvent
from kit.approvals import require_second_person
from kit.fields.phones import mask_phone
from kit.security_log import record_on_commit
from svc_identity.organisations.claim_decisions.service import held_since
from svc_identity.organisations.family_orders import schemas
from svc_identity.organisations.models import CounterRole
from svc_identity.organisations.role_changes.refusals import require_cooled_off
from svc_identity.people import ages
from svc_identity.people.agreements.documents import version_in_force
from svc_identity.people.consents.service import ConsentRequired
from svc_identity.people.families import service as families
from svc_identity.people.families.models import FamilyAccount
from svc_identity.people.family_orders.models import ORDER_LIFE, TRANSITIONS, FamilyOrder, OrderStatus
from svc_identity.people.names import mask_name
from svc_identity.people.persons.events import PersonProofed, PersonRegistered
from svc_identity.people.persons.models import PROOFED, Person
from svc_identity.people.persons.service import id_number_index, known_person, phone_index
from svc_identity.people.proofing import service as proofing
from svc_identity.people.proofing.models import Outcome
from svc_identity.vault.reindexing import settle

CHECKS_OF_A_CLERK_A_DAY = 100
"""A clerk who serves people all day makes fewer. The limit keeps a clerk from querying the registry at will."""
_EVENTS = {status: SecurityEvent(f"family_order_{status}") for status in OrderStatus}


class OwnFamilyOrder(Problem):
    """Staff sets up nothing in which they help or are helped."""

    status, code = 403, "own_family_order"


async def begin(tx: AsyncSession, caller: Caller, new: schemas.NewFamilyOrder) -> UUID:
    """Record that the registry is about to be queried about the person at the counter.

    Raises:
        NotOfCounter, ConsentRequired, GuardianNeeded, OwnFamilyOrder, TooManyProofings
    """
    await held_since(tx, caller, new.organisation_id, CounterRole.CLERK)
    if new.consent_version != version_in_force():
        raise ConsentRequired(activity="family", version=version_in_force())
    if ages.is_under(new.id_number, ages.ADULT):
        raise proofing.GuardianNeeded
    index = id_number_index(new.id_number)
    await _require_stranger(tx, caller.id, index, phone_index(new.helper.phone))
    return await proofing.begin_attempt(tx, caller.id, index, a_day=CHECKS_OF_A_CLERK_A_DAY)


async def order(tx: AsyncSession, caller: Caller, new: schemas.NewFamilyOrder, outcome: Outcome) -> schemas.FamilyOrder:
    """Keep what a clerk has set up, until a supervisor confirms it.

    Raises:
        IdentityNotConfirmed
    """
    if outcome is not Outcome.MATCH:
        raise proofing.IdentityNotConfirmed
    helper, number, phone = new.helper, id_number_index(new.id_number), phone_index(new.helper.phone)
    await settle(tx, number, phone)
    row = FamilyOrder(
        organisation_id=new.organisation_id,
        name=new.name,
        id_number=new.id_number,
        id_number_index=number,
        consent_version=new.consent_version,
        phone_index=phone,
        phone_masked=mask_phone(helper.phone),
        name_index=families.name_index(helper.name),
        helper_name=mask_name(helper.name),
        scopes=sorted(set(helper.scopes)),
        day_limit_fen=helper.day_limit_fen,
        month_limit_fen=helper.month_limit_fen,
        valid_until=families.end_of(helper.until),
        reason=new.reason,
        ordered_by=caller.id,
    )
    tx.add(row)
    return await _shown(tx, row)


async def confirm(tx: AsyncSession, caller: Caller, order_id: UUID, *, cooling_off: timedelta) -> schemas.FamilyOrder:
    """Propose the family account to the helper, in the name of the person at the counter.

    Raises:
        NotFound, NotOfCounter, SecondPersonNeeded, OwnFamilyOrder, RoleTooNew, IllegalMove, OwnHelper,
        FamilyAccountExists, TooManyHelpers
    """
    row = await _as_supervisor(tx, caller, order_id, cooling_off)
    await tx.refresh(row, ["name", "id_number"])
    name, number = row.name or "", row.id_number or ""
    checked_move(TRANSITIONS, OrderStatus(row.status), OrderStatus.CONFIRMED)
    helped = await _person(tx, name, number)
    if helped.phone_index == row.phone_index:
        raise families.OwnHelper
    await families.require_room(tx, helped.id, row.phone_index)
    copied = ("phone_index", "phone_masked", "name_index", "helper_name", "scopes", "day_limit_fen", "month_limit_fen")
    account = FamilyAccount(
        helped_id=helped.id,
        helped_name=mask_name(name),
        valid_until=row.valid_until,
        proposed_by=helped.id,
        **{each: getattr(row, each) for each in copied},
    )
    tx.add(account)
    await families.shown(tx, account, helped.id)
    row.family_account_id = account.id
    row.decide(OrderStatus.CONFIRMED, caller.id)
    return await _shown(tx, row)


async def refuse(tx: AsyncSession, caller: Caller, order_id: UUID, *, cooling_off: timedelta) -> schemas.FamilyOrder:
    """Refuse what a clerk has set up.

    Raises:
        NotFound, NotOfCounter, SecondPersonNeeded, OwnFamilyOrder, RoleTooNew, IllegalMove
    """
    row = await _as_supervisor(tx, caller, order_id, cooling_off)
    row.decide(OrderStatus.REFUSED, caller.id)
    return await _shown(tx, row)


async def withdraw(tx: AsyncSession, caller: Caller, order_id: UUID) -> schemas.FamilyOrder:
    """End the family account of an order, as the person at the counter wants it.

    Raises:
        NotFound, NotOfCounter, IllegalMove
    """
    row = await tx.get(FamilyOrder, order_id)
    if row is None or row.family_account_id is None:
        raise NotFound
    await held_since(tx, caller, row.organisation_id, CounterRole.CLERK)
    await families.end(tx, await tx.get_one(FamilyAccount, row.family_account_id, with_for_update=True))
    return await _shown(tx, row)


async def expire(tx: AsyncSession) -> None:
    """Erase what no supervisor has decided in time."""
    over = select(FamilyOrder).where(FamilyOrder.status == OrderStatus.OPEN, FamilyOrder.ordered_at <= _oldest())
    for row in await tx.scalars(over.with_for_update(skip_locked=True)):
        row.decide(OrderStatus.EXPIRED, None)
        await _shown(tx, row)


async def _as_supervisor(tx: AsyncSession, caller: Caller, order_id: UUID, cooling_off: timedelta) -> FamilyOrder:
    row = await tx.get(FamilyOrder, order_id, with_for_update=True, populate_existing=True)
    if row is None or (row.status == OrderStatus.OPEN and row.ordered_at <= _oldest()):
        raise NotFound
    since = await held_since(tx, caller, row.organisation_id, CounterRole.TILL_SUPERVISOR)
    require_second_person(caller.id, row.ordered_by)
    await _require_stranger(tx, caller.id, row.id_number_index, row.phone_index)
    require_cooled_off(since, cooling_off)
    return row


async def _require_stranger(tx: AsyncSession, person_id: UUID, index: bytes | None, helper: bytes) -> None:
    staff = await known_person(tx, person_id)
    if index == staff.id_number_index or helper == staff.phone_index:
        raise OwnFamilyOrder


async def _person(tx: AsyncSession, name: str, number: str) -> Person:
    """Whoever has proved the number, or somebody without a phone."""
    index = id_number_index(number)
    await proofing.lock_number(tx, index)
    known: Person | None = await tx.scalar(select(Person).where(Person.id_number_index == index).with_for_update())
    if known is not None:
        return known
    await settle(tx, index)
    person = Person()
    person.remember_proof(name, number, index)
    tx.add(person)
    await tx.flush()
    await emit(tx, PersonRegistered(person_id=person.id), PersonProofed(person_id=person.id, assurance_level=PROOFED))
    return person


def _oldest() -> datetime:
    return now() - ORDER_LIFE


async def _shown(tx: AsyncSession, row: FamilyOrder) -> schemas.FamilyOrder:
    await tx.flush()
    about = {"organisation_id": row.organisation_id, "family_account_id": row.family_account_id}
    record_on_commit(tx, _EVENTS[OrderStatus(row.status)], "", family_order_id=row.id, **about)
    return schemas.FamilyOrder.model_validate(row)
