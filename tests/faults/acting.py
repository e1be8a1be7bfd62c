"""What people do while processes die: they pay, try again with the same key, and remember what they were told."""

import asyncio
import contextlib
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from chassis.db import new_id
from tests.faults.stage import Stage, person

FAULT_SECONDS = float(os.environ.get("MYILI_FAULT_SECONDS", "30"))
PATIENCE_SECONDS = FAULT_SECONDS + 90.0
"""For as long as things die, and some time after."""
PAUSE_SECONDS = 0.1
TRY_AGAIN = {502, 503, 504}
"""What the gateway and the services say when something is away; the request may or may not have been done."""
PAYMENTS = "/payments/v1/payments"
OPERATOR = new_id()
GIVEN_BACK = 0.3
"""How often money is wanted back after a payment."""


@dataclass
class Told:
    """An answer to an unsafe request that was given to a client, with all that is needed to ask again."""

    path: str
    key: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    answer: Any

    @property
    def sent_headers(self) -> dict[str, str]:
        return {**self.headers, "Idempotency-Key": self.key}


@dataclass
class Memory:
    """What all clients together have been told."""

    told: list[Told] = field(default_factory=list)
    paid_at_channel: set[str] = field(default_factory=set)
    """Payments whose payer's wallet has been charged."""
    unexpected: list[str] = field(default_factory=list)
    """Answers that no client should ever get, whatever dies."""

    def payments(self) -> dict[str, Told]:
        return {told.answer["payment_id"]: told for told in self.told if told.path == PAYMENTS}

    def refunds(self) -> set[str]:
        return {
            each["refund_id"] for told in self.told if told.path.endswith("/refunds") for each in told.answer["items"]
        }

    def keyed(self) -> list[Told]:
        """What can be asked for again with its key."""
        return [told for told in self.told if told.path == PAYMENTS or told.path.endswith("/refunds")]


@dataclass
class Client:
    """Somebody who does not give up: what was not answered is sent again, word for word."""

    http: httpx.AsyncClient
    memory: Memory

    async def post(
        self, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        key = new_id().hex
        answer = await self._until_answered("POST", path, {**headers, "Idempotency-Key": key}, body or {})
        if answer.is_success:
            self.memory.told.append(Told(path, key, body or {}, headers, answer.json()))
        return answer

    async def get(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        return await self._until_answered("GET", path, headers, None)

    async def _until_answered(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> httpx.Response:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    answer = await self.http.request(method, path, headers=headers, json=body)
                    if not self._may_be_asked_again(answer):
                        return answer
                await asyncio.sleep(PAUSE_SECONDS)

    def _may_be_asked_again(self, answer: httpx.Response) -> bool:
        if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
            self.memory.unexpected.append(f"{answer.request.method} {answer.request.url.path}: {answer.text}")
        in_progress = answer.status_code == httpx.codes.CONFLICT and answer.json()["code"] == "request_in_progress"
        return in_progress or answer.status_code in TRY_AGAIN | {httpx.codes.INTERNAL_SERVER_ERROR}


@dataclass
class Resident:
    """Pays the bills of an account, of which somebody else may be paying the same one."""

    number: int
    client: Client
    wallet: httpx.AsyncClient
    stage: Stage
    dice: random.Random

    @property
    def headers(self) -> dict[str, str]:
        return self.stage.headers(sub=str(person(self.number)))

    async def pay_until(self, over: asyncio.Event) -> None:
        while not over.is_set():
            bills = (await self.client.get("/payments/v1/bills?status=due&limit=20", self.headers)).json()["items"]
            if not bills:
                return
            await self._pay(self.dice.choice(bills))
            if self.dice.random() < GIVEN_BACK:
                await self.want_back()

    async def _pay(self, bill: Mapping[str, Any]) -> None:
        body = {"bill_ids": [bill["bill_id"]], "channel": "sandbox"}
        created = await self.client.post(PAYMENTS, self.headers, body)
        if not created.is_success:
            return  # the other one on this account was faster
        payment_id = created.json()["payment_id"]
        placed = await self.client.post(f"{PAYMENTS}/{payment_id}/confirm", self.headers)
        if placed.is_success and placed.json()["pay_url"] and self.dice.random() > 0.1:
            await self._pay_at_cashier(placed.json()["pay_url"], payment_id)
        elif self.dice.random() > 0.5:
            await self.client.post(f"{PAYMENTS}/{payment_id}/cancel", self.headers)

    async def want_back(self) -> None:
        """An operator gives back a part of a payment, or all of it."""
        listed = (await self.client.get(f"{PAYMENTS}?limit=20", self.headers)).json()["items"]
        booked = [payment for payment in listed if payment["status"] == "completed"]
        if not booked:
            return
        payment = self.dice.choice(booked)
        line = self.dice.choice(payment["bills"])
        body = {"bill_id": line["bill_id"], "reason": "overcharged", "note": "as agreed"}
        if self.dice.random() < 0.5:
            body["amount_fen"] = self.dice.randint(1, line["amount_fen"])
        operator = self.stage.staff(OPERATOR, "operator")
        await self.client.post(f"{PAYMENTS}/{payment['payment_id']}/refunds", operator, body)

    async def _pay_at_cashier(self, url: str, payment_id: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    answer = await self.wallet.post(url, json={"account": f"wallet-{self.number}"})
                    if answer.is_success:
                        self.client.memory.paid_at_channel.add(payment_id)
                    return
                await asyncio.sleep(PAUSE_SECONDS)
