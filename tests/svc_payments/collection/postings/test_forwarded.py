"""What the platform sends to one company, sent on unchanged to another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.db import new_id
from chassis.http_client import outside_client
from deploy.local.programs import free_port
from svc_payments.collection.postings.delivery import Delivery
from tests.svc_payments.conftest import approved_provider
from tests.svc_payments.served import served
from tests.svc_payments.world import Company, World


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


class Recorder:
    """A company that keeps every call to it, with all headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.calls: list[Call] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        message = await receive()
        self.calls.append(Call(scope["method"], scope["path"], scope["headers"], message.get("body", b"")))

        async def again() -> Message:
            return message

        await self._app(scope, again, send)


async def forward(call: Call, company: Company) -> tuple[int, str]:
    async with outside_client(company.endpoint_url) as client:
        headers = [(name, value) for name, value in call.headers if name != b"content-length"]
        answer = await client.request(call.method, call.path, headers=headers, content=call.body)
    return answer.status_code, answer.json()["code"]


async def test_a_posting_is_booked_by_its_own_company_and_once(world: World, tmp_path: Path) -> None:
    other, person = Company.at(tmp_path, free_port(), str(world.api.base_url)), new_id()
    recorder = Recorder(other.server)
    other.provider_id = await approved_provider(world.database, other.endpoint_url)
    await world.captured(person, await world.bill(person, provider_id=other.provider_id))
    async with served(recorder, other.port), outside_client() as client:
        await Delivery(world.database, world.settings).deliver_due(other.provider_id, client)
        (posting,) = recorder.calls
        assert await forward(posting, world.company) == (401, "other_recipient")
        assert await forward(posting, other) == (401, "nonce_replayed")
    assert (len(other.booked()), len(world.company.booked())) == (1, 0)
