"""Consents end when an app is taken from residents or goes to another team, and go with their person's account."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_miniapps.runtime.subscriptions.service import end_consents


class AppChanged(EventData):
    """What is used of the events of this service's own apps."""

    app_id: UUID


async def _end_consents(tx: AsyncSession, event: Received[AppChanged]) -> None:
    # Nothing is sent meanwhile: the app is locked and asked for at each message.
    await end_consents(tx, event.data.app_id, event.time)


HANDLERS: tuple[AnyHandler, ...] = (
    Handler("cn.ili.miniapps.app.taken_down.v1", AppChanged, _end_consents),
    Handler("cn.ili.miniapps.app.handed_over.v1", AppChanged, _end_consents),
)
