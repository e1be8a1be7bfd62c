"""What a company reports while it is being suspended changes nothing."""

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from chassis.db import Database
from chassis.testing import Tokens, once
from kit.calendar import today
from svc_services.providers.applications.models import SuspendedBy
from svc_services.providers.connections import effects
from tests.svc_services.accounts.holder_changes.test_holder_changes import CHANGES, report

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def until_one_waits(database: Database) -> None:
    async with asyncio.timeout(10):
        while True:
            async with database.read() as tx:
                if await tx.scalar(text(_WAITING)):
                    return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("what", ["report", "withdraw"])
async def test_a_suspension_under_way_stops_a_request_that_was_admitted_before(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, what: str
) -> None:
    known = await report(api, tokens, provider_id, today() + timedelta(days=9))
    async with database.transaction() as tx:
        provider = await effects.locked(tx, provider_id)
        provider.suspended_at, provider.suspended_by = provider.approved_at, SuspendedBy.OPERATOR
        provider.suspension_reason = "its key has leaked"
        await tx.flush()
        if what == "report":
            request = report(api, tokens, provider_id, today())
        else:
            path = f"{CHANGES}/{known.json()['holder_change_id']}/withdraw"
            request = api.post(path, headers=tokens.client(provider_id, "accounts:write") | once())
        running = asyncio.create_task(request)
        await until_one_waits(database)
    answer = await running
    assert (answer.status_code, answer.json()["code"]) == (403, "client_suspended")
