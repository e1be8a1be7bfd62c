"""The worker ends consents by the events of a take-down, over a real broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from chassis.db import Database
from chassis.inbox import Consumer
from chassis.outbox import Relay
from chassis.testing import until
from svc_miniapps.publishing.take_downs.events import AppTakenDown
from svc_miniapps.runtime.subscriptions.consumers import HANDLERS
from tests.svc_miniapps.publishing.take_downs.test_take_downs import taken_down
from tests.svc_miniapps.runtime.scene import Resident, Runtime


@contextlib.asynccontextmanager
async def working(database: Database, kafka: str) -> AsyncIterator[None]:
    """The relay and the consumer of the worker."""
    client = {"bootstrap_servers": kafka}
    relay = Relay(database.engine, client, [AppTakenDown.topic()])
    consumer = Consumer("miniapps", database, client, HANDLERS)
    tasks = [asyncio.create_task(each.run()) for each in (relay, consumer)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_take_down_ends_consents_for_good(runtime: Runtime, database: Database, embedded_kafka: str) -> None:
    app, other, resident = await runtime.app(), await runtime.app("公交到站"), Resident()
    template, others = await runtime.template(app), await runtime.template(other)
    await runtime.agreed(resident, app, template)
    await runtime.agreed(resident, other, others)
    await taken_down(runtime.stage, app)
    async with working(database, embedded_kafka):

        async def ended() -> bool:
            return await runtime.consents(resident) == ["unused", "ended"]

        await until(ended)
    assert (await runtime.send(other, resident.openid(other), others)).status_code == 200
