"""A payment at the channel under test."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import func, select

from svc_payments.ledger.models import Entry
from tests.svc_payments.channels.rigs.contract import RawNotice, Rig
from tests.svc_payments.world import World


@dataclass
class Paying:
    """A resident's payment of one bill."""

    world: World
    rig: Rig
    person: UUID
    payment_id: str
    bill_id: UUID

    async def confirm(self, **body: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        url = f"/payments/v1/payments/{self.payment_id}/confirm"
        answer = await self.world.api.post(
            url, json={"method": self.rig.method, **body}, headers=self.world.tokens.resident(self.person)
        )
        confirmed = answer.json()
        if confirmed["status"] == "pending":
            await self.rig.opened(confirmed["pay_url"], confirmed["pay_parameters"])
        return answer

    async def notify(self, notice: RawNotice) -> bool:
        raw, headers = notice
        answer = await self.world.api.post(
            f"/payments/v1/channels/{self.rig.name}/notices", content=raw, headers=headers
        )
        return self.rig.taken(answer)

    @property
    def number(self) -> Any:  # noqa: ANN401 - awaitable text
        return self.world.order_number(self.payment_id)

    async def status(self) -> str:
        return await self.world.status(self.person, self.payment_id)

    async def trail(self) -> list[str]:
        return await self.world.trail(self.payment_id)

    async def entries(self) -> int:
        async with self.world.database.read() as tx:
            return await tx.scalar(select(func.count()).select_from(Entry)) or 0
