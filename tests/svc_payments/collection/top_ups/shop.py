"""A provider that offers top-ups, and a resident who buys them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select

from chassis.db import new_id
from chassis.testing import once
from svc_payments.billing.bills.models import Bill, BillKind
from tests.svc_payments.billing.bills.factories import a_binding, save
from tests.svc_payments.billing.terms.agreement import put_in_force, today
from tests.svc_payments.scripted import NUMBER
from tests.svc_payments.world import World

AMOUNTS = [1_000, 5_000, 10_000]


@dataclass
class Shop:
    world: World
    account_number: str = NUMBER
    person: UUID = field(default_factory=new_id)

    async def open(self, top_up: dict[str, Any] | None = None, *, bound: bool = True, **terms: Any) -> "Shop":  # noqa: ANN401
        """Put the terms with the offer in force and bind the resident."""
        offer = {"bill_sources": ["top_up"], "top_up": top_up or {"amounts_fen": AMOUNTS}, **terms}
        api, tokens = self.world.api, self.world.tokens
        await put_in_force(api, tokens, self.world.provider_id, offer, since=today())
        if bound:
            await save(self.world.database, a_binding(self.person, self.world.provider_id, self.account_number))
        return self

    async def post(self, path: str, amount_fen: object, person: UUID | None, key: str | None, **more: Any) -> Any:  # noqa: ANN401
        account = {"provider_id": f"{self.world.provider_id}", "account_number": self.account_number}
        headers = self.world.tokens.resident(person or self.person) | ({"Idempotency-Key": key} if key else once())
        body = {**account, "amount_fen": amount_fen, **more}
        return await self.world.api.post(f"/payments/v1/{path}", json=body, headers=headers)

    async def validate(self, amount_fen: object = 5_000, person: UUID | None = None, **more: Any) -> httpx.Response:  # noqa: ANN401
        answer: httpx.Response = await self.post("top-up-validations", amount_fen, person, None, **more)
        return answer

    async def buy(
        self,
        amount_fen: object = 5_000,
        person: UUID | None = None,
        key: str | None = None,
        **more: Any,  # noqa: ANN401 - JSON
    ) -> httpx.Response:
        answer: httpx.Response = await self.post("top-ups", amount_fen, person, key, **{"channel": "sandbox", **more})
        return answer

    async def captured(self, amount_fen: int = 5_000) -> str:
        """Buy a top-up, capture it and return the payment's id."""
        bought = await self.buy(amount_fen)
        assert bought.status_code == 201, bought.text
        payment_id = str(bought.json()["payment_id"])
        assert (await self.world.confirm(self.person, payment_id)).status_code == 200
        assert (await self.world.notify(self.world.notice_of(await self.world.pay(payment_id)))).status_code == 204
        return payment_id

    async def prepaid(self, payment_id: str, person: UUID | None = None) -> Any:  # noqa: ANN401 - JSON
        """The prepaid part of the payment's first bill."""
        shown = (await self.world.get(person or self.person, payment_id)).json()
        return shown["bills"][0]["prepaid"]

    async def made(self) -> list[Bill]:
        async with self.world.database.read() as tx:
            return list(await tx.scalars(select(Bill).where(Bill.kind == BillKind.TOP_UP).order_by(Bill.id)))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
