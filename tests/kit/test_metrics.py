"""/metrics of an API process: on a port of its own, while the application runs, and not on the one of requests."""

import asyncio
import socket

import httpx
import pytest
from fastapi import FastAPI

from chassis.settings import ProcessSettings
from deploy.local.programs import free_port
from kit.metrics import metrics


def application(metrics_port: int | None) -> FastAPI:
    app = FastAPI()
    app.state.settings = ProcessSettings(
        public_url="http://gateway.test", jwks_url="http://gateway.test/keys", metrics_port=metrics_port
    )
    app.include_router(metrics)
    return app


async def test_they_are_served_while_the_application_runs_and_only_there() -> None:
    port = free_port()
    app = application(port)
    async with httpx.AsyncClient() as outside:
        async with app.router.lifespan_context(app):
            answer = await outside.get(f"http://127.0.0.1:{port}/metrics")
            assert "myili_security_events_total" in answer.text
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as requests:
                assert (await requests.get("/metrics")).status_code == 404
        with pytest.raises(httpx.ConnectError):
            await outside.get(f"http://127.0.0.1:{port}/metrics")


async def test_without_a_port_they_are_not_served() -> None:
    app = application(None)
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0)


async def test_a_taken_port_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        app = application(taken.getsockname()[1])
        with pytest.raises(SystemExit, match="Address already in use"):
            async with app.router.lifespan_context(app):
                pass
