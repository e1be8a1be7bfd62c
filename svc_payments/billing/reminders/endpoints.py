from fastapi import APIRouter
from sqlalchemy import select

from chassis.db import ReadTx, Tx
from chassis.pagination import Page, PageQuery, page_of
from svc_payments.billing.reminders import schemas, service
from svc_payments.billing.reminders.models import Reminder
from svc_payments.parties.callers import BilledResident

router = APIRouter(prefix="/payments/v1", tags=["reminders"])


@router.get("/reminders")
async def list_reminders(tx: ReadTx, caller: BilledResident, page: PageQuery) -> Page[schemas.Reminder]:
    """List the caller's reminders, newest first."""
    own = select(Reminder).where(Reminder.person_id == caller.id)
    return await page_of(tx, own, page, Reminder.id, _shown, newest_first=True)


@router.get("/reminder-preferences")
async def get_reminder_preferences(tx: ReadTx, caller: BilledResident) -> schemas.ReminderPreferences:
    """Get which kinds of reminders the caller receives, for each bound account."""
    return await service.preferences_of(tx, caller.id)


@router.put("/reminder-preferences")
async def set_reminder_preferences(
    tx: Tx, caller: BilledResident, body: schemas.NewPreferences
) -> schemas.ReminderPreferences:
    """Set the kinds of reminders for the named accounts.

    Other accounts keep theirs.
    """
    return await service.set_preferences(tx, caller.id, body.items)


def _shown(reminder: Reminder) -> schemas.Reminder:
    return schemas.Reminder(
        reminder_id=reminder.id,
        bill_id=reminder.bill_id,
        kind=reminder.kind,
        stage=reminder.stage,
        day=reminder.day,
        compared_with=reminder.compared_with,
        usual_fen=reminder.usual_fen,
        raised_at=reminder.raised_at,
    )
