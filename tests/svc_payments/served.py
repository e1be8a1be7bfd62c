"""Applications of this process: on a port, and the service's own, taken over from test to test."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.types import ASGIApp

from deploy.local.programs import LOOPBACK
from svc_payments.app import create_app
from svc_payments.settings import Settings

_idle: list[FastAPI] = []


@contextlib.asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[FastAPI]:
    """The service with these settings. Its routes are those of an earlier test: resolving some 150 takes 0.1 s."""
    app = _idle.pop() if _idle else create_app(settings)
    app.state = State({"settings": settings})
    yield app
    _idle.append(app)


class _Server(uvicorn.Server):
    """As uvicorn's, without its pauses of a tenth of a second when it ends: most tests end one or two."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ending = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        assert sockets is None
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - plain sets
                    await asyncio.sleep(0.002)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


async def _serve(server: _Server) -> None:
    try:
        await server.serve()
    except SystemExit as ended:  # it would end the event loop of all tests that follow
        raise RuntimeError("The server did not start.") from ended


@contextlib.asynccontextmanager
async def served(app: ASGIApp, port: int, **tls: Path) -> AsyncIterator[None]:
    """Serves an application on a port of this process until the block ends."""
    files: dict[str, Any] = dict(tls)
    config = uvicorn.Config(
        app,
        host=LOOPBACK,
        port=port,
        log_level="error",
        # The event loop may pause between the steps of a test; connections must survive that.
        timeout_keep_alive=3_600,
        timeout_graceful_shutdown=1,
        **files,
    )
    server = _Server(config)
    serving = asyncio.create_task(_serve(server))
    try:
        while not server.started:
            assert not serving.done(), "the server did not start"
            await asyncio.sleep(0.001)
        yield
    finally:
        server.ending.set()
        await serving
