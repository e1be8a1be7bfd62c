"""A suspension that is being committed holds for what is sent meanwhile."""

import asyncio
from collections.abc import Coroutine
from uuid import UUID

import httpx
from sqlalchemy import text

from chassis.db import Database, now
from chassis.testing import Tokens, until
from svc_services.providers.applications.models import Provider, SuspendedBy
from tests.svc_services.cases.applications.cases import (
    RECEIVED,
    Headers,
    act,
    draft,
    outcome,
    provider,
    submit,
    submitted,
)

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")


async def meanwhile(
    database: Database, provider_id: UUID, request: Coroutine[None, None, httpx.Response]
) -> httpx.Response:
    """The answer to a request that is sent while a suspension has not been committed."""
    async with database.transaction() as tx:
        company = await tx.get_one(Provider, provider_id, with_for_update={"key_share": True})
        company.suspended_at, company.suspended_by, company.suspension_reason = now(), SuspendedBy.OPERATOR, "attack"
        await tx.flush()
        sent = asyncio.create_task(request)

        async def waits_or_is_done() -> bool:
            async with database.read() as reading:
                return sent.done() or bool(await reading.scalar(WAITING))

        await until(waits_or_is_done)
    return await sent


async def test_no_application_is_submitted(
    api: httpx.AsyncClient, database: Database, resident: Headers, provider_id: UUID
) -> None:
    begun = (await draft(api, resident, provider_id)).json()
    answer = await meanwhile(database, provider_id, submit(api, resident, begun))
    assert outcome(answer) == (409, "provider_suspended")


async def test_no_step_is_taken(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    request = act(api, RECEIVED, provider(tokens, provider_id), case, "accept")
    assert outcome(await meanwhile(database, provider_id, request)) == (403, "client_suspended")
