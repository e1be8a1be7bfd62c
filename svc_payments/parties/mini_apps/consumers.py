"""Keeps the names of mini-apps that have a client. Whether one has lost its access is in `ended_access`."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_payments.parties.mini_apps.models import MiniApp


class AppClientChanged(EventData):
    app_id: UUID
    name: str | None = None
    """None in events of the release before."""
    revision: int


async def _keep(tx: AsyncSession, event: Received[AppClientChanged]) -> None:
    if event.data.name is None:
        return
    row = insert(MiniApp).values(event.data.model_dump())
    newer = {"name": row.excluded.name, "revision": row.excluded.revision}
    older = MiniApp.revision < row.excluded.revision
    await tx.execute(row.on_conflict_do_update(index_elements=[MiniApp.app_id], set_=newer, where=older))


HANDLERS: list[AnyHandler] = [Handler("cn.ili.miniapps.app.client_changed.v1", AppClientChanged, _keep)]
