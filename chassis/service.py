"""The two processes of a service: the API (`create_app`) and the worker (`run_worker`)."""

import asyncio
import contextlib
import gc
import inspect
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import uvloop
from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import func, select, text
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import auth, idempotency, problems, telemetry
from chassis.auth import Admission, TokenVerifier
from chassis.db import Database
from chassis.dead_letters import dead_letters
from chassis.inbox import AnyHandler, Consumer
from chassis.outbox import Event, Relay, outbox
from chassis.settings import ServiceSettings
from chassis.telemetry import DEAD_LETTERS_WAITING, KAFKA_CONNECTED, OUTBOX_OLDEST_SECONDS, SCHEDULE_FAILURES, log

JSON_BODY_LIMIT = 1024 * 1024
_HOUR = 3600.0
_MEASURE_SECONDS = 15.0

Work = Callable[[], Awaitable[object]]


def create_service_app(
    settings: ServiceSettings, routers: Sequence[APIRouter], *, title: str, version: str, admission: Admission = None
) -> FastAPI:
    """A FastAPI application with what every service has: database, tokens, problems, telemetry, health."""
    telemetry.configure(settings, settings.service)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database, app.state.admission = Database.of(app.state.settings), admission
        try:
            await app.state.database.require_mere_user()
            app.state.token_verifier = TokenVerifier(app.state.settings.jwks_url, app.state.settings.issuer)
            _freeze_permanent_objects()
            yield
        finally:
            await app.state.database.close()

    app = FastAPI(
        title=title,
        version=version,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"operation_spans": False, "metrics": False, "logs": False},
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.settings = settings
    app.add_middleware(BodyLimit)
    app.add_middleware(problems.LastResort)
    app.add_middleware(telemetry.RequestContext)
    problems.install(app)
    idempotency.install(app)
    for router in (*routers, _health):
        app.include_router(router)
    return app


@cache  # once: in tests, a second application must stay collectable
def _freeze_permanent_objects() -> None:
    """Modules and routes live until the process ends; collecting garbage among them took a fifth of all work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)  # nor is what requests in flight hold garbage: looking through it took a tenth


class BodyLimit:
    """ASGI middleware: a body larger than its operation's `x-max-body-bytes` (by default 1 MiB) is a 413.

    The limit is set in `openapi_extra`, so that the contract, the gateway and this service read the same number.
    FastAPI's own `max_body_size` answers in plain text and bypasses every handler.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        received = int(declared) if declared.isdecimal() else 0
        counted = 0

        async def limited() -> Message:
            nonlocal counted
            # Known only now: the router has run when the first part of the body is read.
            extra = getattr(scope.get("route"), "openapi_extra", None) or {}
            limit = extra.get("x-max-body-bytes", JSON_BODY_LIMIT)
            message = await receive() if received <= limit else {}
            counted += len(message.get("body", b""))
            if received > limit or counted > limit:
                raise HTTPException(413)
            return message

        await self.app(scope, limited, send)


_health = APIRouter(
    include_in_schema=False, dependencies=[Depends(auth.anyone(because="the platform's own monitoring calls them"))]
)


@_health.get("/livez")
async def livez() -> dict[str, str]:
    return {"status": "alive"}


@_health.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    database: Database = request.app.state.database
    try:
        async with asyncio.timeout(2), database.read() as tx:
            await tx.execute(text("SELECT 1"))
    except Exception as error:  # noqa: BLE001 - on any failure of the database, the answer is "not ready"
        return JSONResponse({"status": "not ready", "because": f"database: {type(error).__name__}"}, 503)
    return JSONResponse({"status": "ready"})


@dataclass(frozen=True)
class Every:
    """Work on a schedule; a failure is logged, and the next run starts as usual."""

    seconds: float
    work: Work

    @property
    def name(self) -> str:
        """The name of the work: for a partial, that of the last function among its arguments, if there is one."""
        work: Any = self.work
        while isinstance(work, partial):
            work = next((part for part in reversed(work.args) if inspect.isroutine(part)), work.func)
        return str(getattr(work, "__qualname__", "work"))

    async def run(self) -> None:
        while True:
            try:
                await self.work()
            except Exception as error:  # noqa: BLE001 - a failed run must not end the schedule
                SCHEDULE_FAILURES.labels(self.name).inc()
                log.error("schedule_failed", work=self.name, exc_info=error)
            await asyncio.sleep(self.seconds)


@dataclass(frozen=True)
class Worker:
    """The second process of a service: publishes its events, consumes others' and runs its schedules."""

    settings: ServiceSettings
    publishes: Sequence[type[Event]] = ()
    handles: Sequence[AnyHandler] = ()
    schedules: Callable[[Database], Sequence[Every]] = lambda _database: ()

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT; unfinished work rolls back and is done by the next worker."""
        database = Database.of(self.settings)
        await database.require_mere_user()
        kafka = self.settings.kafka_client
        relay = Relay(database.engine, kafka, sorted({event.topic() for event in self.publishes}))
        consumer = Consumer(self.settings.service, database, kafka, self.handles)
        runs = [
            relay.run(),
            *([consumer.run()] if self.handles else []),
            *(schedule.run() for schedule in (*self._housekeeping(database, consumer), *self.schedules(database))),
        ]
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        tasks = [asyncio.create_task(run) for run in runs]
        server = await self._serve_health()
        stopping = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, *tasks):
            task.cancel()
        await asyncio.gather(stopping, *tasks, return_exceptions=True)
        if server:
            server.close()
        await database.close()
        for task in done - {stopping}:
            task.result()  # a task that ended by itself has failed: raise, and let the supervisor restart the worker

    @staticmethod
    def _housekeeping(database: Database, consumer: Consumer) -> Sequence[Every]:
        async def prune() -> None:
            await consumer.prune()
            async with database.transaction() as tx:
                await idempotency.prune(tx)

        return [Every(_HOUR, prune), Every(_MEASURE_SECONDS, partial(measure, database))]

    async def _serve_health(self) -> asyncio.Server | None:
        if self.settings.worker_port is None:
            return None
        return await asyncio.start_server(_answer_health, self.settings.worker_host, self.settings.worker_port)


async def measure(database: Database) -> None:
    """Measure in the database what waits for Kafka and for operators, so that a stuck relay or consumer shows."""
    oldest = select(outbox.c.created_at).where(outbox.c.published_at.is_(None)).order_by(outbox.c.position).limit(1)
    age = func.extract("epoch", func.clock_timestamp() - oldest.scalar_subquery())
    async with database.read() as tx:
        OUTBOX_OLDEST_SECONDS.set(float(await tx.scalar(select(func.coalesce(age, 0))) or 0))
        waiting = select(func.count()).select_from(dead_letters).where(dead_letters.c.replayed_at.is_(None))
        DEAD_LETTERS_WAITING.set(await tx.scalar(waiting) or 0)


async def _answer_health(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        request = await reader.readuntil(b"\r\n\r\n")
        connected = all(part.value for metric in KAFKA_CONNECTED.collect() for part in metric.samples)
        status, kind, body = "200 OK", "application/json", b'{"status":"ready"}'
        if request.startswith(b"GET /metrics "):
            kind, body = CONTENT_TYPE_LATEST, generate_latest()
        elif request.startswith(b"GET /readyz ") and not connected:
            status, body = "503 Service Unavailable", b'{"status":"not ready","because":"kafka"}'
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        writer.write(f"{head}Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n".encode() + body)
        await writer.drain()
    writer.close()


def run_worker(worker: Worker, arguments: Sequence[str]) -> None:
    """`python -m svc_NAME.worker`, or `python -m svc_NAME.worker replay-dead-letters`."""
    telemetry.configure(worker.settings, f"{worker.settings.service}-worker")
    if list(arguments) == ["replay-dead-letters"]:
        asyncio.run(_replay(worker))
        return
    if arguments:
        raise SystemExit("usage: python -m svc_NAME.worker [replay-dead-letters]")
    uvloop.run(worker.run())


async def _replay(worker: Worker) -> None:
    database = Database.of(worker.settings)
    consumer = Consumer(worker.settings.service, database, worker.settings.kafka_client, worker.handles)
    worked, failed = await consumer.replay_dead_letters()
    await database.close()
    sys.stdout.write(f"{worked} dead letters handled, {failed} still fail.\n")
    if failed:
        raise SystemExit(1)
