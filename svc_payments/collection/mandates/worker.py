"""The mandates' part of the worker: contracts kept, bills announced, deductions ordered and followed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.telemetry import log
from svc_payments.channels.registry import open_channels
from svc_payments.collection.mandates.contracts import Contracts
from svc_payments.collection.mandates.debits import Ordered, announce_one, order_one, settle_one
from svc_payments.collection.payments.orders import Orders
from svc_payments.settings import Settings

_AT_ONCE = 8

Step = Callable[[AsyncSession, Settings], Awaitable[Ordered | bool]]


@dataclass(frozen=True)
class Mandates:
    """What every step needs. Several workers may run: rows that one holds are skipped by the others."""

    contracts: Contracts
    orders: Orders

    async def work_due(self) -> int:
        """Do what is due of everything. Returns how much there was."""
        polled = await self.contracts.ask_due()
        done = [await self._several(step) for step in (announce_one, settle_one, order_one)]
        return polled + sum(done)

    async def _several(self, step: Step) -> int:
        """Take one step, and where that found a mandate, with several more at once."""
        if not await self._one(step):
            return 0
        return 1 + sum(await asyncio.gather(*(self._one(step) for _ in range(_AT_ONCE - 1))))

    async def _one(self, step: Step) -> bool:
        try:
            async with self.orders.database.transaction() as tx:
                found = await step(tx, self.orders.settings)
            if isinstance(found, Ordered):
                # If the process dies here, the polling of orders finds the payment and places its order.
                await self.orders.confirm(found.person_id, found.payment_id)
        except Exception as error:  # noqa: BLE001 - its turn comes again; the others go on
            log.error("mandate_step_failed", step=step.__name__, exc_info=error)
            return False
        return bool(found)


async def keep_mandates(database: Database, settings: Settings) -> None:
    """Work until cancelled."""
    async with open_channels(settings) as channels:
        mandates = Mandates(Contracts.of(database, channels, settings), Orders(database, channels, settings))
        while True:
            if not await mandates.work_due():
                await asyncio.sleep(max(settings.poll_seconds, 1.0))
