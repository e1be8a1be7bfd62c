"""Residents read their meters; their providers fetch the readings, and report the meters that they change."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.problems import NotFound, Problem
from kit.calendar import today_of
from svc_services.accounts.bindings.models import RIGHTS, AccountBinding, BindingStatus, Right, Role
from svc_services.accounts.bindings.service import BadAccountNumber, ProviderSuspended, own
from svc_services.accounts.holder_changes.queries import held_from
from svc_services.accounts.readings import rules, schemas
from svc_services.accounts.readings.models import MeterBook, MeterChange, MeterReading
from svc_services.accounts.readings.photos import UsePhoto
from svc_services.base import lock
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.queries import locked_caller
from svc_services.providers.deliveries.models import DeliveryKind
from svc_services.providers.deliveries.service import enqueue
from svc_services.reference.models import UtilityKind

_WITHOUT_METERS = {UtilityKind.TELECOM, UtilityKind.CABLE_TV}
_USUAL_SPAN = timedelta(days=400)
_MOST_BEHIND = timedelta(days=366)


class NotForYourRole(Problem):
    status, code = 403, "not_for_your_role"


class NoMeter(Problem):
    status, code = 422, "no_meter"


class ReadingsNotTaken(Problem):
    status, code = 409, "readings_not_taken"


class ReadingConfirmationNeeded(Problem):
    status, code = 409, "reading_confirmation_needed"


class MeterChangeDayRefused(Problem):
    status, code = 422, "meter_change_day_refused"


class OtherMeterChangeKnown(Problem):
    status, code = 409, "other_meter_change_known"


async def take(
    tx: AsyncSession, person_id: UUID, binding_id: UUID, new: schemas.NewMeterReading, use_photo: UsePhoto
) -> schemas.SubmittedReading:
    """Record today's reading; an earlier one of today is kept as corrected.

    Raises:
        NotFound, NotForYourRole, ProviderSuspended, NoMeter, ReadingsNotTaken, ReadingConfirmationNeeded
        ReadingBelowLast, ReadingBeyondRegister
        Problem: the photo is none that can be used.
    """
    binding = await reader(tx, person_id, binding_id, locked=True)
    await _require_taken(tx, binding.provider_id)
    await lock(tx, "meter of", binding.provider_id, binding.account_number)
    outcome = await _outcome(tx, binding, new.reading)
    if outcome.unusual and not new.confirmed:
        raise ReadingConfirmationNeeded(usage=f"{(outcome.usage or Decimal(0)).normalize():f}")
    taken = await _record(tx, binding, new.reading, outcome)
    if new.photo_id:
        await use_photo(tx, person_id, taken.id, new.photo_id)
        taken.photo_id = new.photo_id
    return shown(taken)


async def reader(tx: AsyncSession, person_id: UUID, binding_id: UUID, *, locked: bool = False) -> AccountBinding:
    """The person's binding, if it allows self-reading.

    Raises:
        NotFound, NotForYourRole
    """
    binding = await own(tx, person_id, binding_id, locked=locked)
    over = binding.access_until is not None and binding.access_until < await today_of(tx)
    if binding.status != BindingStatus.ACTIVE or over:
        raise NotFound
    if Right.READ_METER not in RIGHTS[Role(binding.role)]:
        raise NotForYourRole
    return binding


async def readings_of(tx: AsyncSession, binding: AccountBinding) -> Select[MeterReading]:
    """The readings of an account since it last changed hands."""
    query = select(MeterReading).where(
        MeterReading.provider_id == binding.provider_id, MeterReading.account_number == binding.account_number
    )
    began = await held_from(tx, binding.provider_id, binding.account_number)
    return query.where(MeterReading.read_on >= began) if began else query


def received_by(provider_id: UUID) -> Select[MeterReading]:
    """The readings of a provider's meters."""
    return select(MeterReading).where(MeterReading.provider_id == provider_id)


async def set_days(tx: AsyncSession, provider_id: UUID, days: schemas.MeterReadingDays) -> schemas.MeterReadingDays:
    """Set the days of the month on which a provider takes readings.

    Raises:
        NotAllowed, ClientSuspended
    """
    await locked_caller(tx, provider_id, read=True)
    book = await _book(tx, provider_id)
    book.first_day, book.last_day = days.first_day, days.last_day
    return days


async def report_change(tx: AsyncSession, provider_id: UUID, new: schemas.NewMeterChange) -> schemas.MeterChange:
    """Keep a provider's report of another meter. Idempotent.

    Raises:
        NotAllowed, ClientSuspended, BadAccountNumber, MeterChangeDayRefused, OtherMeterChangeKnown
    """
    provider = await locked_caller(tx, provider_id, read=True)
    if fault := provider.account_numbers.fault(new.account_number):
        raise BadAccountNumber(provider.account_numbers, reason=fault)
    today = await today_of(tx)
    if not today - _MOST_BEHIND <= new.changed_on <= today:
        raise MeterChangeDayRefused
    if new.digits is not None and new.first_reading >= 10**new.digits:
        raise rules.ReadingBeyondRegister(digits=new.digits)
    await lock(tx, "meter of", provider_id, new.account_number)
    of_day = {"provider_id": provider_id, "account_number": new.account_number, "changed_on": new.changed_on}
    known = await tx.scalar(select(MeterChange).filter_by(**of_day))
    if known is None:
        known = MeterChange(**of_day, first_reading=new.first_reading, digits=new.digits)
        tx.add(known)
        await tx.flush()
    elif (known.first_reading, known.digits) != (new.first_reading, new.digits):
        raise OtherMeterChangeKnown(day=new.changed_on.isoformat())
    names = ("account_number", "changed_on", "first_reading", "digits", "reported_at")
    return schemas.MeterChange(meter_change_id=known.id, **{name: getattr(known, name) for name in names})


async def _require_taken(tx: AsyncSession, provider_id: UUID) -> None:
    provider = await tx.get_one(Provider, provider_id)
    if provider.suspended_at is not None:
        raise ProviderSuspended
    if provider.kind in _WITHOUT_METERS:
        raise NoMeter
    book, today = await tx.get(MeterBook, provider_id), await today_of(tx)
    if book and not rules.is_open(today, book.first_day, book.last_day):
        raise ReadingsNotTaken(opens_on=rules.opens_on(today, book.first_day, book.last_day).isoformat())


async def _outcome(tx: AsyncSession, binding: AccountBinding, reading: Decimal) -> rules.Outcome:
    account = (binding.provider_id, binding.account_number)
    change = await tx.scalar(
        select(MeterChange)
        .where(MeterChange.provider_id == account[0], MeterChange.account_number == account[1])
        .order_by(MeterChange.changed_on.desc())
        .limit(1)
    )
    today = await today_of(tx)
    earlier = select(MeterReading).where(
        MeterReading.provider_id == account[0],
        MeterReading.account_number == account[1],
        MeterReading.replaced_at.is_(None),
        MeterReading.read_on < today,
        MeterReading.read_on >= today - _USUAL_SPAN,
    )
    past = (await tx.scalars(earlier.order_by(MeterReading.read_on.desc()).limit(_USUAL_SPAN.days))).all()
    of_meter = [each for each in past if change is None or _is_after(each, change)]
    base = rules.Base(change.first_reading, change.changed_on) if change else None
    if of_meter:
        base = rules.Base(of_meter[0].reading, of_meter[0].read_on)
    usual = _usual_a_day(past)
    return rules.outcome_of(reading, today, base, change.digits if change else None, usual)


def _is_after(reading: MeterReading, change: MeterChange) -> bool:
    """Whether a reading is of the meter that came with a change."""
    if reading.read_on == change.changed_on:
        return reading.submitted_at > change.reported_at
    return reading.read_on > change.changed_on


def _usual_a_day(past: Sequence[MeterReading]) -> Decimal | None:
    """The usage of a day between the first and the last of some readings, the newest first."""
    days = (past[0].read_on - past[-1].read_on).days if past else 0
    used = sum((each.usage or Decimal(0) for each in past[:-1]), Decimal(0))
    return used / days if days and used else None


async def _record(tx: AsyncSession, binding: AccountBinding, reading: Decimal, outcome: rules.Outcome) -> MeterReading:
    today = await today_of(tx)
    book = await _book(tx, binding.provider_id)
    before = await tx.scalar(
        select(MeterReading)
        .where(
            MeterReading.provider_id == binding.provider_id,
            MeterReading.account_number == binding.account_number,
            MeterReading.read_on == today,
            MeterReading.replaced_at.is_(None),
        )
        .with_for_update()
    )
    if before:
        before.replaced_at = now()
        await tx.flush()
    book.last_number += 1
    taken = MeterReading(
        provider_id=binding.provider_id,
        number=book.last_number,
        account_number=binding.account_number,
        binding_id=binding.id,
        read_on=today,
        reading=reading,
        usage=outcome.usage,
        rolled_over=outcome.rolled_over,
        confirmed=outcome.unusual,
        replaces=before.id if before else None,
    )
    tx.add(taken)
    await tx.flush()
    await enqueue(tx, taken.provider_id, DeliveryKind.METER_READING_TAKEN, taken.id, number=taken.number)
    return taken


async def _book(tx: AsyncSession, provider_id: UUID) -> MeterBook:
    """The book of a provider, locked."""
    await tx.execute(insert(MeterBook).values(provider_id=provider_id, last_number=0).on_conflict_do_nothing())
    return await tx.get_one(MeterBook, provider_id, with_for_update=True, populate_existing=True)


def shown(reading: MeterReading) -> schemas.SubmittedReading:
    return schemas.SubmittedReading(**_fields(reading))


def received(reading: MeterReading) -> schemas.ReceivedMeterReading:
    return schemas.ReceivedMeterReading(**_fields(reading), number=reading.number)


def _fields(reading: MeterReading) -> dict[str, object]:
    names = ("account_number", "read_on", "reading", "usage", "rolled_over", "confirmed", "replaces", "replaced_at")
    return {name: getattr(reading, name) for name in (*names, "submitted_at", "photo_id")} | {"reading_id": reading.id}
