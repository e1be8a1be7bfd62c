"""Answers of the sandbox channel: an unsigned or malformed answer is `Unclear`."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chassis.db import now
from deploy.local.programs import free_port
from kit.signatures import messages
from kit.signatures.messages import sign_answer
from svc_payments.channels.provider import Channel, Order, Refused, Unclear, Waiting
from svc_payments.channels.registry import open_channels
from svc_payments.collection.payments.orders import inquire
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.served import served

NUMBER = "a" * 32
GOOD = {"order_number": NUMBER, "state": "waiting", "pay_url": "https://pay.test/1"}


def order() -> Order:
    return Order(NUMBER, 4140, now() + timedelta(minutes=5))


class BabblingChannel:
    """A channel with a configurable body, status and signing key."""

    def __init__(self) -> None:
        self.key: RSAPrivateKey | None = None
        self.body, self.status = b"", 200
        self.replays, self.signed = False, dict[str, str]()
        self.shown_status = 0

    async def answer(self, request: Request) -> Response:
        if self.key is None:
            return Response(self.body, self.status)
        answered = messages.Request(request.method, str(request.url), request.headers)
        if not self.replays:
            self.signed = sign_answer(self.key, answered, self.status, self.body)
        headers = self.signed
        return Response(self.body, self.shown_status or self.status, headers)


@pytest.fixture
def babbling() -> BabblingChannel:
    return BabblingChannel()


@pytest_asyncio.fixture
async def channel(babbling: BabblingChannel, settings: Settings) -> AsyncIterator[Channel]:
    """A client of `BabblingChannel`."""
    port = free_port()
    app = Starlette(routes=[Route("/{path:path}", babbling.answer, methods=["GET", "POST"])])
    here = settings.model_copy(update={"channel_url": f"http://127.0.0.1:{port}"})
    async with served(app, port), open_channels(here) as channels:
        yield channels[ChannelName.SANDBOX]


async def test_a_valid_signed_answer_is_accepted(
    babbling: BabblingChannel, channel: Channel, rsa_keys: dict[str, RSAPrivateKey]
) -> None:
    babbling.key, babbling.body, babbling.status = rsa_keys["channel_key"], json.dumps(GOOD).encode(), 201
    assert await channel.place(order()) == Waiting("https://pay.test/1")


async def test_an_answer_replayed_for_another_request_is_unclear(
    babbling: BabblingChannel, channel: Channel, rsa_keys: dict[str, RSAPrivateKey]
) -> None:
    """The same order, body and status, signed by the channel a moment ago."""
    babbling.key, babbling.body, babbling.status = rsa_keys["channel_key"], json.dumps(GOOD).encode(), 201
    assert await channel.place(order()) == Waiting("https://pay.test/1")
    babbling.replays = True
    assert isinstance(await channel.place(order()), Unclear)
    babbling.replays = False
    assert await channel.place(order()) == Waiting("https://pay.test/1")


async def test_an_answer_under_another_status_is_unclear(
    babbling: BabblingChannel, channel: Channel, rsa_keys: dict[str, RSAPrivateKey]
) -> None:
    """A failure that is made to look like the refusal of an order would end the order."""
    babbling.key, babbling.body, babbling.status = rsa_keys["channel_key"], b'{"code": "invalid_request"}', 503
    babbling.shown_status = 422
    assert isinstance(await channel.place(order()), Unclear)
    babbling.status = 422
    assert await channel.place(order()) == Refused("invalid_request")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 200),
        ({**GOOD, "order_number": "b" * 32}, 200),
        ({**GOOD, "pay_url": "javascript:alert(1)"}, 200),
        ({**GOOD, "state": "lost"}, 200),
        (GOOD, 302),
        (GOOD, 409),
        (GOOD, 503),
        ([], 200),
        ("x" * 100_000, 200),
    ],
)
async def test_a_malformed_signed_answer_is_unclear(
    babbling: BabblingChannel, channel: Channel, rsa_keys: dict[str, RSAPrivateKey], body: object, status: int
) -> None:
    babbling.key, babbling.body, babbling.status = rsa_keys["channel_key"], json.dumps(body).encode(), status
    assert isinstance(await channel.place(order()), Unclear)


@pytest.mark.parametrize("signer", [None, "merchant_key"])
async def test_an_answer_not_signed_by_the_channel_is_unclear(
    babbling: BabblingChannel, channel: Channel, rsa_keys: dict[str, RSAPrivateKey], signer: str | None
) -> None:
    babbling.key, babbling.body = rsa_keys[signer] if signer else None, json.dumps(GOOD).encode()
    assert isinstance(await channel.place(order()), Unclear)


async def test_a_refusal_ends_an_order_only_when_it_is_signed(
    babbling: BabblingChannel, channel: Channel, rsa_keys: dict[str, RSAPrivateKey]
) -> None:
    babbling.body, babbling.status = b'{"code": "invalid_request"}', 422
    assert isinstance(await channel.place(order()), Unclear)
    babbling.key = rsa_keys["channel_key"]
    assert await channel.place(order()) == Refused("invalid_request")


@pytest.mark.parametrize(
    "proof",
    [
        {"transaction_id": None, "paid_at": None},
        {"transaction_id": "T1", "paid_at": "9999-12-31T23:59:59-14:00"},
        {"transaction_id": "T1", "paid_at": "0001-01-01T00:00:00+14:00"},
    ],
)
async def test_a_paid_order_without_transaction_or_with_an_impossible_time_is_unclear(
    babbling: BabblingChannel, channel: Channel, rsa_keys: dict[str, RSAPrivateKey], proof: dict[str, str | None]
) -> None:
    paid = {"order_number": NUMBER, "merchant_id": "my-ili", "state": "paid", "amount_fen": 4140, "currency": "CNY"}
    babbling.key = rsa_keys["channel_key"]
    babbling.body = json.dumps({**paid, **proof}).encode()
    assert isinstance(await channel.query(order()), Unclear)


async def test_a_channel_out_of_reach_is_unclear_for_every_call(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"channel_url": f"http://127.0.0.1:{free_port()}"})
    async with open_channels(nowhere) as channels:
        channel = channels[ChannelName.SANDBOX]
        answers = [
            await channel.place(order()),
            await channel.query(order()),
            await channel.close(order()),
            await inquire(channel, order(), now(), placed=False),
        ]
    assert [type(answer) for answer in answers] == [Unclear] * 4
