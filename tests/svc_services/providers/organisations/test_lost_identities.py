"""An agent who has lost the identity leaves nothing proved behind, and proves nothing more."""

import asyncio
from uuid import UUID

import httpx
from sqlalchemy import func, select, text

from chassis.db import Database, new_id
from chassis.testing import Tokens, once, until
from svc_services.providers.applications.models import ApplicationStatus, ProviderApplication
from tests.svc_services.accounts.bindings.test_revoked_proof import revoke
from tests.svc_services.companies import APPLICATIONS, apply, uscc
from tests.svc_services.providers.organisations.test_acting import acting
from tests.svc_services.providers.organisations.test_organisations import (
    claimed,
    file,
    mandated,
    representative,
    status,
)


async def proved(database: Database, *people: UUID) -> int:
    """How many undecided applications these people prove."""
    async with database.read() as tx:
        undecided = ProviderApplication.proved_by.in_(people), ProviderApplication.status == ApplicationStatus.APPLIED
        return await tx.scalar(select(func.count()).select_from(ProviderApplication).where(*undecided)) or 0


async def test_what_a_lost_agent_filed_is_unproved_and_gives_way_to_the_organisation(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, owner, agent = uscc(), new_id(), new_id()
    await claimed(database, code, owner)
    await mandated(database, code, agent)
    filed = (await file(api, code, representative(tokens, agent))).json()
    for _ in range(2):  # the event comes twice
        await revoke(database, agent)
    path = f"{APPLICATIONS}/{filed['application_id']}/approve"
    refused = await api.post(path, headers=tokens.staff("operator") | once())
    assert (refused.status_code, refused.json()["code"]) == (409, "application_unproved")
    again = await file(api, code, representative(tokens, agent))
    assert (again.status_code, again.json()["code"]) == (403, "not_for_organisation")
    assert (await file(api, code, representative(tokens, owner))).status_code == 201
    assert await status(api, filed) == "displaced"


async def test_so_is_what_they_filed_as_the_organisation_and_others_keep_theirs(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, organisation, agent, other = uscc(), str(new_id()), new_id(), new_id()
    await claimed(database, code, new_id(), organisation=organisation)
    assert (await file(api, code, acting(tokens, organisation, agent))).status_code == 201
    assert (await file(api, code, acting(tokens, organisation, other), kind="heating")).status_code == 201
    await revoke(database, agent)
    assert (await proved(database, agent), await proved(database, other)) == (0, 1)


async def test_what_is_approved_stays(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> None:
    code, agent = uscc(), new_id()
    await claimed(database, code, new_id())
    await mandated(database, code, agent)
    filed = (await file(api, code, representative(tokens, agent))).json()
    path = f"{APPLICATIONS}/{filed['application_id']}/approve"
    assert (await api.post(path, headers=tokens.staff("operator") | once())).status_code == 200
    await revoke(database, agent)
    assert await status(api, filed) == "approved"


_IN_ITS_PLACE = """
INSERT INTO provider_applications SELECT (jsonb_populate_record(stranger,
    jsonb_build_object('id', gen_random_uuid(), 'uscc', CAST(:code AS text)))).*
FROM provider_applications AS stranger WHERE id = :id
"""


async def waiting(database: Database) -> int:
    async with database.read() as tx:
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return int(await tx.scalar(text(waits)) or 0)


async def test_an_application_that_is_under_way_meanwhile_is_not_left_proved(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    code, agent = uscc(), new_id()
    await claimed(database, code, new_id())
    await mandated(database, code, agent)
    stranger = await apply(api)
    async with database.engine.connect() as held:
        await held.execute(text(_IN_ITS_PLACE), {"code": code, "id": UUID(stranger["application_id"])})
        filing = asyncio.create_task(file(api, code, representative(tokens, agent)))

        async def filing_waits() -> bool:
            return await waiting(database) == 1

        await until(filing_waits)  # it has read the mandate, and is about to be written
        revoking = asyncio.create_task(revoke(database, agent))

        async def revoking_waits() -> bool:
            return revoking.done() or await waiting(database) > 1

        await until(revoking_waits)
        await held.rollback()
        assert (await filing).status_code == 201
        await revoking
    assert await proved(database, agent) == 0
