"""Thirty, seven and one days before an accepted mandate ends, an event says so, once each."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import update

from chassis.db import Database, now
from svc_identity.organisations.mandates.models import Mandate
from svc_identity.organisations.mandates.reminders import remind
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.organisations.mandates.test_mandates import Firm, Json, agent, firm, mandate_events

__all__ = ["firm"]


async def reminded(database: Database, mandate: Json, **left: float) -> int:
    """How many events there are once the mandate has so much time left."""
    changed = update(Mandate).where(Mandate.id == UUID(mandate["mandate_id"]))
    async with database.transaction() as tx:
        await tx.execute(changed.values(valid_until=now() + timedelta(**left)))
        await remind(tx)
    return [kind for kind, _ in await mandate_events(database, mandate)].count("expiring")


async def test_each_reminder_comes_once(firm: Firm, new_app_client: NewAppClient, database: Database) -> None:
    mandate = await firm.proposed()
    assert await reminded(database, mandate, hours=12) == 0  # nobody has accepted it
    await firm.step(mandate, "accept", await agent(new_app_client, firm.phone))
    counts = [await reminded(database, mandate, days=days) for days in (31, 29, 29, 8, 6, 2)]
    assert counts == [0, 1, 1, 1, 2, 2]
    assert await reminded(database, mandate, hours=23) == 3
    assert await reminded(database, mandate, seconds=-1) == 3
    kind, data = (await mandate_events(database, mandate))[-1]
    assert (kind, data["uscc"][:8]) == ("expiring", "91654002")
    assert data["agent_id"]


async def test_a_short_mandate_gets_the_last_one_only(
    firm: Firm, new_app_client: NewAppClient, database: Database
) -> None:
    mandate = await firm.proposed()
    await firm.step(mandate, "accept", await agent(new_app_client, firm.phone))
    assert [await reminded(database, mandate, hours=12) for _ in range(2)] == [1, 1]
