"""Clients that pay while processes die: they retry with the same key and record every answer."""

import asyncio
import contextlib
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from chassis.db import new_id
from chassis.http_client import FAILURES
from tests.faults.stage import Stage, person

FAULT_SECONDS = float(os.environ.get("MYILI_FAULT_SECONDS", "30"))
PATIENCE_SECONDS = FAULT_SECONDS + 90.0
"""Longer than the faults last, so that a client outlives them."""
PAUSE_SECONDS = 0.1
RETRYABLE = {502, 503, 504}
"""Answers while a process is down; the request may or may not have taken effect."""
PAYMENTS = "/payments/v1/payments"
OPERATOR = new_id()
REFUND_PROBABILITY = 0.3
"""Chance that a refund is requested after a payment."""


@dataclass
class Exchange:
    """An unsafe request and its successful answer, with all that a replay needs."""

    path: str
    key: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    answer: Any

    @property
    def sent_headers(self) -> dict[str, str]:
        return {**self.headers, "Idempotency-Key": self.key}


@dataclass
class History:
    """The answers that all clients together received."""

    exchanges: list[Exchange] = field(default_factory=list)
    paid_at_channel: set[str] = field(default_factory=set)
    """Payments whose payer's wallet has been charged."""
    unexpected: list[str] = field(default_factory=list)
    """Internal server errors: no client should ever get one, whatever dies."""

    def payments(self) -> dict[str, Exchange]:
        return {each.answer["payment_id"]: each for each in self.exchanges if each.path == PAYMENTS}

    def refunds(self) -> set[str]:
        return {
            refund["refund_id"]
            for each in self.exchanges
            if each.path.endswith("/refunds")
            for refund in each.answer["items"]
        }

    def replayable(self) -> list[Exchange]:
        return [each for each in self.exchanges if each.path == PAYMENTS or each.path.endswith("/refunds")]


@dataclass
class Client:
    """Repeats a request unchanged until it is answered."""

    http: httpx.AsyncClient
    history: History

    async def post(
        self, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        key = new_id().hex
        answer = await self._until_answered("POST", path, {**headers, "Idempotency-Key": key}, body or {})
        if answer.is_success:
            self.history.exchanges.append(Exchange(path, key, body or {}, headers, answer.json()))
        return answer

    async def get(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        return await self._until_answered("GET", path, headers, None)

    async def _until_answered(
        self, method: str, path: str, headers: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> httpx.Response:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with contextlib.suppress(*FAILURES):
                    answer = await self.http.request(method, path, headers=headers, json=body)
                    if not self._is_retryable(answer):
                        return answer
                await asyncio.sleep(PAUSE_SECONDS)

    def _is_retryable(self, answer: httpx.Response) -> bool:
        if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
            self.history.unexpected.append(f"{answer.request.method} {answer.request.url.path}: {answer.text}")
        in_progress = answer.status_code == httpx.codes.CONFLICT and answer.json()["code"] == "request_in_progress"
        return in_progress or answer.status_code in RETRYABLE | {httpx.codes.INTERNAL_SERVER_ERROR}


@dataclass
class Resident:
    """Pays the bills of an account that another resident shares and may be paying from at the same time."""

    number: int
    client: Client
    wallet: httpx.AsyncClient
    stage: Stage
    dice: random.Random

    @property
    def headers(self) -> dict[str, str]:
        return self.stage.headers(sub=str(person(self.number)))

    async def pay_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            bills = (await self.client.get("/payments/v1/bills?status=due&limit=20", self.headers)).json()["items"]
            if not bills:
                return
            await self._pay(self.dice.choice(bills))
            if self.dice.random() < REFUND_PROBABILITY:
                await self.request_refund()

    async def _pay(self, bill: Mapping[str, Any]) -> None:
        body = {"bill_ids": [bill["bill_id"]], "channel": "sandbox"}
        created = await self.client.post(PAYMENTS, self.headers, body)
        if not created.is_success:
            return  # the other resident of this account was faster
        payment_id = created.json()["payment_id"]
        placed = await self.client.post(f"{PAYMENTS}/{payment_id}/confirm", self.headers)
        if placed.is_success and placed.json()["pay_url"] and self.dice.random() > 0.1:
            await self._pay_at_cashier(placed.json()["pay_url"], payment_id)
        elif self.dice.random() > 0.5:
            await self.client.post(f"{PAYMENTS}/{payment_id}/cancel", self.headers)

    async def request_refund(self) -> None:
        """Have an operator refund a completed payment, in part or in full."""
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
                with contextlib.suppress(*FAILURES):
                    answer = await self.wallet.post(url, json={"account": f"wallet-{self.number}"})
                    if answer.is_success:
                        self.client.history.paid_at_channel.add(payment_id)
                    return
                await asyncio.sleep(PAUSE_SECONDS)
