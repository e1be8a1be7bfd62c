"""Raises reminders, a day at a time, and keeps the preferences of residents.

A day's run walks through all unpaid bills by due date, some thousand per transaction, and its row keeps the position:
when a worker dies, another continues there. The lock of that row keeps workers apart, and a unique constraint keeps
reminders from being raised twice.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Database
from chassis.outbox import emit
from chassis.problems import NotFound
from chassis.telemetry import log
from kit.calendar import database_time
from kit.leases import claimable
from svc_payments.billing.reminders import schemas
from svc_payments.billing.reminders.events import ReminderRaised
from svc_payments.billing.reminders.models import MutedReminder, ReminderKind, ReminderRun
from svc_payments.billing.reminders.queries import RAISE, UNTIL
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.settings import Settings

BILLS_IN_A_STEP = 2_000
_NONE = UUID(int=0)
# A run takes some time, and one may have failed: a bill is new for some days, so that its change is not missed.
_NEW_FOR = timedelta(days=4)


async def raise_reminders(database: Database, settings: Settings) -> None:
    """Continue today's run, which begins at the configured hour."""
    more = True
    while more:
        async with database.transaction() as tx:
            more = await step(tx, settings)


async def step(tx: AsyncSession, settings: Settings, *, size: int = BILLS_IN_A_STEP) -> bool:
    """Take today's run a step further. Returns whether there may be another step to take."""
    moment = (await database_time(tx)).astimezone(CHINA)
    if moment.hour < settings.reminder_hour:
        return False
    run = await _todays(tx, moment.date(), settings)
    if run is None:
        return False
    position = {"due_date": run.due_date, "bill_id": run.bill_id}
    until = (await tx.execute(UNTIL, {**position, "size": size})).one_or_none()
    if until is None:
        run.finished_at = func.now()
        log.info("reminders_raised", day=str(run.day), bills=run.bills, reminders=run.reminders)
        return False
    upto = {"until_date": until.due_date, "until_id": until.id}
    raised = (await tx.execute(RAISE, {**position, **upto, **_rules(moment, settings)})).all()
    if raised:
        await emit(tx, *map(_event_of, raised))
    run.due_date, run.bill_id = until.due_date, until.id
    run.bills += until.bills
    run.reminders += len(raised)
    return True


async def _todays(tx: AsyncSession, today: date, settings: Settings) -> ReminderRun | None:
    """Today's run, locked; None when it is finished or another worker is at it."""
    first = today - timedelta(days=max(settings.reminder_overdue_days) + settings.reminder_late_days)
    begun = insert(ReminderRun).values(day=today, due_date=first, bill_id=_NONE)
    await tx.execute(begun.on_conflict_do_nothing())
    unfinished = select(ReminderRun).where(ReminderRun.day == today, ReminderRun.finished_at.is_(None))
    return await tx.scalar(claimable(unfinished))


def _rules(moment: datetime, settings: Settings) -> dict[str, object]:
    return {
        "today": moment.date(),
        "due_days": settings.reminder_due_days,
        "stages": list(settings.reminder_overdue_days),
        "new_since": moment - _NEW_FOR,
        "percent": settings.reminder_change_percent,
        "floor_fen": settings.reminder_change_floor_fen,
    }


def _event_of(raised: Row[tuple[object, ...]]) -> ReminderRaised:
    fields = dict(raised._mapping)  # noqa: SLF001 - the documented way to a row's names
    return ReminderRaised(reminder_id=fields.pop("id"), **fields)


async def preferences_of(tx: AsyncSession, person_id: UUID) -> schemas.ReminderPreferences:
    """A person's preferences, for each account they are bound to."""
    muted = func.array_remove(func.array_agg(MutedReminder.kind), None)
    rows = await tx.execute(
        select(AccountBinding, muted)
        .join(MutedReminder, MutedReminder.binding_id == AccountBinding.binding_id, isouter=True)
        .where(AccountBinding.person_id == person_id, AccountBinding.ended_at.is_(None))
        .group_by(AccountBinding.binding_id)
        .order_by(AccountBinding.binding_id)
    )
    return schemas.ReminderPreferences(items=[_preference(binding, set(off)) for binding, off in rows])


def _preference(binding: AccountBinding, off: set[str]) -> schemas.ReminderPreference:
    return schemas.ReminderPreference(
        binding_id=binding.binding_id,
        provider_id=binding.provider_id,
        account_number=binding.account_number,
        on=[kind for kind in ReminderKind if kind not in off],
        off=[kind for kind in ReminderKind if kind in off],
    )


async def set_preferences(
    tx: AsyncSession, person_id: UUID, wanted: Sequence[schemas.NewPreference]
) -> schemas.ReminderPreferences:
    """Switch kinds off, and all others on, for the accounts that are named; the rest stays as it is.

    Raises:
        NotFound: one of the bindings is not this person's, or has ended.
    """
    by_binding = {preference.binding_id: preference.off for preference in wanted}
    own = select(AccountBinding.binding_id).where(
        AccountBinding.binding_id.in_(by_binding),
        AccountBinding.person_id == person_id,
        AccountBinding.ended_at.is_(None),
    )
    # Locked in one order: two settings of the same preferences come one after the other.
    if set(await tx.scalars(own.order_by(AccountBinding.binding_id).with_for_update())) != by_binding.keys():
        raise NotFound
    await tx.execute(delete(MutedReminder).where(MutedReminder.binding_id.in_(by_binding)))
    rows = [{"binding_id": binding_id, "kind": kind} for binding_id, off in by_binding.items() for kind in off]
    if rows:
        await tx.execute(insert(MutedReminder), rows)
    return await preferences_of(tx, person_id)
