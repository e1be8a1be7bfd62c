"""Calling systems outside the platform: one HTTP client per process, short timeouts, no redirects."""

import contextlib
from collections.abc import AsyncIterator

import httpx
from fastapi import FastAPI

from chassis.problems import TryLater

TIMEOUT = httpx.Timeout(5.0, connect=2.0)


class RegistryUnavailable(TryLater):
    """No usable answer from a base registry; nothing was decided."""

    code = "registry_unavailable"


@contextlib.asynccontextmanager
async def outside_systems(app: FastAPI) -> AsyncIterator[None]:
    """Lifespan: `app.state.outside` is the client that the `provider.py` of each slice uses."""
    async with httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as client:
        app.state.outside = client
        yield
