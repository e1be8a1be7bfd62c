"""svc_identity met a key that it does not know: a company may have published it since."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import EventData, Handler, Received
from svc_services.providers.key_sources.service import hurry


class ClientKeyUnknown(EventData):
    client_id: UUID


async def _fetch_soon(tx: AsyncSession, event: Received[ClientKeyUnknown]) -> None:
    await hurry(tx, event.data.client_id)


HANDLERS = (Handler("cn.ili.identity.client.key_unknown.v1", ClientKeyUnknown, _fetch_soon),)
