"""An incident that recurs after it was resolved is shown again."""

import asyncio

from sqlalchemy import select, update

from chassis.db import Database, new_id, now
from svc_payments.oversight.incidents import service as incidents
from svc_payments.oversight.incidents.models import Incident, IncidentKind
from tests.svc_payments.collection.notifications.test_notices import paid_without_notice
from tests.svc_payments.world import World


async def find(database: Database, subject: object, amount_fen: int) -> None:
    async with database.transaction() as tx:
        await incidents.record(tx, IncidentKind.OTHER_AMOUNT, subject, amount_fen=amount_fen)


async def resolve(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.execute(update(Incident).where(Incident.resolved_at.is_(None)).values(resolved_at=now()))


async def test_it_is_listed_first_with_how_often_it_was_found(world: World) -> None:
    _, notice = await paid_without_notice(world, new_id())
    wrong = {**notice, "amount_fen": 1}
    await world.notify(wrong)
    await resolve(world.database)
    await find(world.database, new_id(), 2)
    for _ in range(2):
        await world.notify(wrong)
    listed = await world.api.get("/payments/v1/incidents", headers=world.tokens.staff("operator"))
    found = [(item["subject"] == notice["notice_id"], item["times"]) for item in listed.json()["items"]]
    assert found == [(True, 2), (False, 1), (True, 1)]
    assert [bool(item["resolved_at"]) for item in listed.json()["items"]] == [False, False, True]
    figures = await world.api.get("/payments/v1/figures", headers=world.tokens.staff("operator"))
    assert figures.json()["open_incidents"] == 2


async def test_found_by_many_at_once_it_is_one_again(database: Database) -> None:
    subject = new_id()
    for times in (1, 2, 3):
        await asyncio.gather(*(find(database, subject, fen) for fen in range(6)))
        async with database.read() as tx:
            rows = (await tx.scalars(select(Incident.times).order_by(Incident.id))).all()
        assert list(rows) == list(range(1, times + 1))
        await resolve(database)
