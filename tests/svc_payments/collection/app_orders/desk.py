"""A county library with a mini-app that collects for it: its server, its resident and what comes of an order."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text, update

from chassis.db import new_id, now
from chassis.http_client import outside_client
from chassis.inbox import Received
from chassis.testing import once
from kit.ended.models import Kind, ended_access
from svc_payments.billing.app_orders.models import AppOrder
from svc_payments.collection.postings.delivery import Delivery
from svc_payments.ledger.derivations import CHECKS
from svc_payments.ledger.spans import allow_whole_reads
from svc_payments.parties.mini_apps.consumers import HANDLERS, AppClientChanged
from tests.svc_payments.collection.refunds.steps import step
from tests.svc_payments.world import World

PAYEES, ORDERS, MINE = "/payments/v1/payees", "/payments/v1/app-orders", "/payments/v1/me/app-orders"
USCC = "12654002MB1A23456W"
Json = dict[str, Any]


def payee(**changes: Any) -> Json:  # noqa: ANN401 - JSON
    usual = {
        "uscc": USCC,
        "name": "伊宁市图书馆",
        "kind": "public_institution",
        "division_code": "654002",
        "organisation_id": str(new_id()),
        "bank_name": "Sample Bank",
        "bank_account": "6200000000000001",
        "purposes": ["library_deposit", "exam_fee"],
        "most_fen": 50_000,
        "day_most_fen": 200_000,
        "reason": "Agreement 2026-17",
    }
    return {**usual, **changes}


@dataclass
class Desk:
    world: World
    payee_id: str = ""
    organisation_id: UUID = field(default_factory=new_id)
    app_id: UUID = field(default_factory=new_id)
    person_id: UUID = field(default_factory=new_id)
    openid: str = field(default_factory=lambda: str(uuid4()))

    # What the operators and the library do.

    async def staff(self, path: str, body: Json | None = None, **who: Any) -> httpx.Response:  # noqa: ANN401
        headers = self.world.tokens.staff("operator", **who) | once()
        return await self.world.api.post(f"{PAYEES}{path}", json=body, headers=headers)

    async def register(self, **changes: Any) -> None:  # noqa: ANN401 - JSON
        proposed = await self.staff("", payee(organisation_id=str(self.organisation_id), **changes))
        assert proposed.status_code == 201, proposed.text
        self.payee_id = proposed.json()["payee_id"]
        approved = await self.staff(f"/{self.payee_id}/approve")
        assert approved.status_code == 200, approved.text

    async def know_app(self, app_id: UUID | None = None) -> None:
        """svc_miniapps says that the app has a client."""
        (handler,) = HANDLERS
        event = AppClientChanged(app_id=app_id or self.app_id, name="Library", revision=1)
        async with self.world.database.transaction() as tx:
            await handler.handle(tx, Received(new_id(), handler.event_type, now(), event))

    def agent(self, organisation_id: UUID | None = None, person_id: UUID | None = None) -> dict[str, str]:
        """The headers of an agent who acts for the library."""
        claims: Json = {"sub": str(organisation_id or self.organisation_id), "kind": "organisation"}
        claims |= {"act": {"sub": str(person_id or new_id())}, "authority": str(new_id()), "scope": "applications"}
        return {"Authorization": f"Bearer {self.world.tokens.sign(**claims)}"}

    async def tie(self, app_id: UUID | None = None) -> str:
        await self.know_app(app_id)
        proposed = await self.staff(f"/{self.payee_id}/apps", {"app_id": str(app_id or self.app_id)})
        assert proposed.status_code == 201, proposed.text
        tie_id: str = proposed.json()["payee_app_id"]
        path = f"{PAYEES}/{self.payee_id}/apps/{tie_id}/agree"
        agreed = await self.world.api.post(path, headers=self.agent() | once())
        assert agreed.status_code == 200, agreed.text
        return tie_id

    # What the app's server does.

    def server(self, app_id: UUID | None = None, **claims: Any) -> dict[str, str]:  # noqa: ANN401 - claims
        name = f"miniapp-{app_id or self.app_id}"
        said: Json = {"sub": name, "client_id": name, "kind": "client", "assurance_level": None, "scope": "orders"}
        return {"Authorization": f"Bearer {self.world.tokens.sign(**said | claims)}"}

    def order(self, **changes: Any) -> Json:  # noqa: ANN401 - JSON
        usual = {
            "order_number": f"L-{uuid4().hex[:12]}",
            "payee_id": self.payee_id,
            "purpose": "library_deposit",
            "openid": self.openid,
            "amount_fen": 10_000,
            "description": {"zh": "借书押金", "ug": "كىتاب زاكالىتى"},
        }
        return {**usual, **changes}

    async def create(self, body: Json | None = None, app_id: UUID | None = None, **changes: Any) -> httpx.Response:  # noqa: ANN401
        headers = self.server(app_id) | once()
        return await self.world.api.post(ORDERS, json=body or self.order(**changes), headers=headers)

    async def created(self, **changes: Any) -> str:  # noqa: ANN401 - JSON
        answer = await self.create(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["order_id"])

    async def get(self, order_id: str, app_id: UUID | None = None) -> httpx.Response:
        return await self.world.api.get(f"{ORDERS}/{order_id}", headers=self.server(app_id))

    async def status(self, order_id: str) -> str:
        return str((await self.get(order_id)).json()["status"])

    async def close(self, order_id: str) -> httpx.Response:
        return await self.world.api.post(f"{ORDERS}/{order_id}/close", headers=self.server())

    async def refund(self, order_id: str, amount_fen: int, number: str | None = None) -> httpx.Response:
        body = {"refund_number": number or f"R-{uuid4().hex[:12]}", "amount_fen": amount_fen, "reason": "returned"}
        path = f"{ORDERS}/{order_id}/refunds"
        return await self.world.api.post(path, json=body, headers=self.server() | once())

    # What the resident does in the residents' app.

    def ticket(self, **changes: Any) -> str:  # noqa: ANN401 - claims
        claims: Json = {"sub": str(self.person_id), "client_id": f"miniapp-{self.app_id}", "openid": self.openid}
        return self.world.tokens.sign(typ="order-ticket+jwt", aud="myili:orders", **claims | changes)

    async def open(self, order_id: str, ticket: str | None = None, person_id: UUID | None = None) -> httpx.Response:
        headers = self.world.tokens.resident(person_id or self.person_id)
        body = {"ticket": ticket or self.ticket()}
        return await self.world.api.post(f"{MINE}/{order_id}/open", json=body, headers=headers)

    async def pay(self, order_id: str, digest: str, person_id: UUID | None = None) -> httpx.Response:
        headers = self.world.tokens.resident(person_id or self.person_id) | once()
        body = {"digest": digest, "channel": "sandbox"}
        return await self.world.api.post(f"{MINE}/{order_id}/pay", json=body, headers=headers)

    async def begun(self, order_id: str) -> str:
        """Open an order and begin its payment; returns the payment's id."""
        opened = await self.open(order_id)
        assert opened.status_code == 200, opened.text
        answer = await self.pay(order_id, opened.json()["digest"])
        assert answer.status_code == 201, answer.text
        return str(answer.json()["payment_id"])

    async def confirmed(self, order_id: str) -> str:
        payment_id = await self.begun(order_id)
        answer = await self.world.confirm(self.person_id, payment_id)
        assert (answer.status_code, answer.json()["status"]) == (200, "pending"), answer.text
        return payment_id

    async def paid(self, order_id: str) -> str:
        """Pay an order and have it booked; returns the payment's id."""
        payment_id = await self.confirmed(order_id)
        await self.arrive(payment_id)
        await self.book()
        return payment_id

    async def arrive(self, payment_id: str) -> None:
        """The money arrives at the channel, which says so."""
        assert (await self.world.notify(self.world.notice_of(await self.world.pay(payment_id)))).status_code == 204

    # What the worker does.

    async def book(self) -> None:
        async with outside_client() as client:
            await Delivery(self.world.database, self.world.settings).deliver_due(UUID(self.payee_id), client)

    async def go_back(self) -> None:
        await self.book()
        await step(self.world)

    async def age(self, order_id: str) -> None:
        """Let the time of an order be over."""
        async with self.world.database.transaction() as tx:
            await tx.execute(update(AppOrder).where(AppOrder.id == UUID(order_id)).values(expires_at=now()))

    async def suspend_client(self) -> None:
        """The app was taken down: svc_identity says that its client has lost its access."""
        row = {"kind": Kind.CLIENT, "subject": f"miniapp-{self.app_id}", "revision": 1}
        async with self.world.database.transaction() as tx:
            await tx.execute(ended_access.insert().values(row | {"ended_until": now().replace(year=9999)}))

    async def broken_rules(self) -> list[str]:
        """What does not follow of bills, payments and postings from one another."""
        async with self.world.database.read() as tx:
            await allow_whole_reads(tx, allowed=True)
            return [str(row) for check in CHECKS for row in await tx.execute(text(check.rows))]


async def library(world: World, **changes: Any) -> Desk:  # noqa: ANN401 - of the payee
    desk = Desk(world)
    await desk.register(**changes)
    await desk.tie()
    return desk
