"""deliveries: signed webhooks per second to a sink on this machine, against a bare HTTP client.

Ours: what one lane of the worker does: lease, sign, send, read the receipt, record the outcome and the try. Baseline:
the same bodies sent by one httpx client, as many at once, unsigned and with nothing recorded. The sink is a process of
its own that answers every request alike. Rounds alternate; the medians are kept.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import httpx
import uvloop
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from sqlalchemy import func, insert, make_url, select

from chassis.db import Database, new_id
from deploy.local.postgres import running_postgres
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running
from kit.endpoint_urls import Endpoints
from svc_services.providers.applications.models import Provider, ProviderApplication
from svc_services.providers.deliveries.letters import letter
from svc_services.providers.deliveries.models import Delivery, DeliveryKind, DeliveryStatus
from svc_services.providers.deliveries.sender import AT_ONCE, Sender
from svc_services.providers.deliveries.service import TRIED_FOR
from svc_services.starter import load_reference_data
from tests.bench.report import report
from tests.databases import upgrade_in_thread

ROUNDS = 3
DELIVERIES = 500
GOAL = 0.4
_BODY = b'{"result":"received"}'
Message = dict[str, Any]


def sink() -> Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]:
    """An ASGI app that reads every request and says that it has received it."""

    async def app(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": _BODY})

    return app


@contextlib.contextmanager
def served_sink(folder: Path) -> Iterator[str]:
    port = free_port()
    arguments = ["uvicorn", "--factory", "tests.bench.deliveries:sink", "--port", str(port), "--no-access-log"]
    ready = partial(accepts_connections, port)
    program = Program("sink", [sys.executable, "-m", *arguments], f"http://{LOOPBACK}:{port}", ready)
    with running(program, folder / "sink.log"):
        yield program.where


async def connected(database: Database, endpoint_url: str) -> UUID:
    """A connected company."""
    company_id = new_id()
    about = {
        "id": company_id,
        "uscc": "91654002000001001X",
        "name": "Water Company of the Benchmark",
        "kind": "water",
        "division_codes": ["654000"],
        "jwks": {"keys": []},
        "endpoint_url": endpoint_url,
    }
    async with database.transaction() as tx:
        tx.add(ProviderApplication(**about, token_hash=b""))
        await tx.flush()
        tx.add(Provider(**about))
    return company_id


async def fill(database: Database, provider_id: UUID) -> Sequence[Delivery]:
    """Deliveries of as many cases, as steps of them write them."""
    details = {"action": "accept", "actor": "clerk", "state": "accepted", "version": 3, "ended": False}
    rows = [
        {
            "provider_id": provider_id,
            "kind": DeliveryKind.APPLICATION_MOVED,
            "subject_id": new_id(),
            "details": details,
            "give_up_at": func.now() + TRIED_FOR,
        }
        for _ in range(DELIVERIES)
    ]
    async with database.transaction() as tx:
        for row in rows:
            await tx.execute(insert(Delivery).values(row))
        pending = select(Delivery).where(Delivery.status == DeliveryStatus.PENDING)
        return (await tx.scalars(pending)).all()


async def ours(database: Database, sender: Sender, provider_id: UUID) -> float:
    started = time.perf_counter()
    await sender.work_off(provider_id)
    seconds = time.perf_counter() - started
    async with database.read() as tx:
        left = await tx.scalar(select(func.count()).where(Delivery.status != DeliveryStatus.DELIVERED))
    if left:
        raise SystemExit(f"{left} deliveries were not received.")
    return DELIVERIES / seconds


async def bare(url: str, bodies: Sequence[bytes]) -> float:
    waiting = iter(bodies)
    headers = {"Content-Type": "application/json"}

    async def send_some(client: httpx.AsyncClient) -> None:
        for body in waiting:
            (await client.post(url, content=body, headers=headers)).raise_for_status()

    async with httpx.AsyncClient(trust_env=False) as client:
        started = time.perf_counter()
        await asyncio.gather(*(send_some(client) for _ in range(AT_ONCE)))
        return DELIVERIES / (time.perf_counter() - started)


async def measured(database: Database, where: str) -> list[tuple[float, float]]:
    await load_reference_data(database)
    provider_id = await connected(database, where)
    sender = Sender(database, generate_private_key(65537, 2048), Endpoints(anywhere=True))
    rounds = []
    for number in range(1, ROUNDS + 1):
        bodies = [letter(each) for each in await fill(database, provider_id)]
        plain = await bare(f"{where}/deliveries", bodies)
        rounds.append((await ours(database, sender, provider_id), plain))
        print(f"  round {number}: deliveries {rounds[-1][0]:,.0f}/s, bare client {plain:,.0f}/s")
    await database.close()
    return rounds


def main() -> None:
    with TemporaryDirectory(prefix="myili-bench-") as name:
        folder = Path(name)
        with running_postgres(folder / "postgres") as server, served_sink(folder) as where:
            role = upgrade_in_thread("svc_services", make_url(server).set(database="myili_services"))
            rounds = uvloop.run(measured(Database(role), where))
    value, baseline = (median(each) for each in zip(*rounds, strict=True))
    detail = {"goal": GOAL, "deliveries": DELIVERIES, "at_once": AT_ONCE, "rounds": ROUNDS}
    report("deliveries", value, baseline, "deliveries/s", detail)


if __name__ == "__main__":
    main()
