"""A person has closed their account: what the law does not make us keep is erased.

Payments, refunds, receipts, invoices and the ledger stay, as accounting documents; they know a person by an id behind
which nobody is any more.
"""

from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_payments.billing.reminders.models import MutedReminder, Reminder
from svc_payments.collection.mandates.models import LIVE, EndReason, Mandate
from svc_payments.collection.mandates.service import end
from svc_payments.collection.top_ups.models import TopUpValidation
from svc_payments.parties.accounts.models import AccountBinding


class PersonClosed(EventData):
    person_id: UUID


async def _erase(tx: AsyncSession, event: Received[PersonClosed]) -> None:
    person_id = event.data.person_id
    live = select(Mandate).where(Mandate.person_id == person_id, Mandate.status.in_(LIVE))
    for mandate in (await tx.scalars(live.with_for_update())).all():
        await end(tx, mandate, EndReason.PERSON)
    bound = select(AccountBinding.binding_id).where(AccountBinding.person_id == person_id)
    await tx.execute(delete(MutedReminder).where(MutedReminder.binding_id.in_(bound)))
    for model in (Reminder, TopUpValidation):
        await tx.execute(delete(model).where(model.person_id == person_id))
    # The events of these bindings' ends may come later: they find their rows, without the number.
    of_person = update(AccountBinding).where(AccountBinding.person_id == person_id)
    ended = func.coalesce(AccountBinding.ended_at, event.time)
    await tx.execute(of_person.values(account_number="", held_until=None, ended_at=ended))


HANDLERS: list[AnyHandler] = [Handler("cn.ili.identity.person.closed.v1", PersonClosed, _erase)]
