"""Events say that a mandate ends soon; a short one gets only the last of them."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.outbox import emit
from svc_identity.organisations.mandates.events import MandateExpiring
from svc_identity.organisations.mandates.models import Mandate, MandateReminder, MandateStatus
from svc_identity.organisations.representation.models import RepresentedOrganisation

REMINDERS = (timedelta(days=30), timedelta(days=7), timedelta(days=1))
"""How long before its end an event says so."""


async def remind(tx: AsyncSession) -> None:
    """Emit an event for each mandate that ends within the next reminder's time."""
    for number, before in reversed([*enumerate(REMINDERS, start=1)]):
        ending = (
            select(Mandate)
            .outerjoin(MandateReminder, MandateReminder.mandate_id == Mandate.id)
            .where(Mandate.status == MandateStatus.ACTIVE, func.coalesce(MandateReminder.reminders, 0) < number)
            .where(Mandate.valid_until > now(), Mandate.valid_until <= now() + before)
        )
        for mandate in await tx.scalars(ending.order_by(Mandate.id).with_for_update(of=Mandate, skip_locked=True)):
            noted = insert(MandateReminder).values(mandate_id=mandate.id, reminders=number)
            replaced = noted.on_conflict_do_update(index_elements=["mandate_id"], set_={"reminders": number})
            await tx.execute(replaced)
            await emit(tx, await _expiring(tx, mandate))


async def _expiring(tx: AsyncSession, mandate: Mandate) -> MandateExpiring:
    organisation = await tx.get_one(RepresentedOrganisation, mandate.organisation_id)
    about = {"organisation_id": organisation.id, "uscc": organisation.uscc, "agent_id": mandate.agent_id}
    return MandateExpiring(mandate_id=mandate.id, valid_until=mandate.valid_until, **about)
