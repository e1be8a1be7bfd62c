"""What each test would otherwise make anew: the compiled statements of an engine, and the certificate authorities.

Together they were a fifth of the time of all tests.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
import pytest
from sqlalchemy import URL, QueuePool, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chassis.db import Database


class Engines:
    """Engines whose databases were closed, for the next ones: what they have compiled stays.

    Connections stay too where the next test is known to get the same database.
    """

    def __init__(self) -> None:
        self._idle = defaultdict[tuple[int, URL | None], list[AsyncEngine]](list)
        self._kept: dict[URL, asyncio.AbstractEventLoop] = {}

    def lend(self, url: URL, *, pool_size: int = 0, **options: Any) -> AsyncEngine:  # noqa: ANN401 - as SQLAlchemy's
        if not pool_size:  # of a migration
            return create_async_engine(url, **options)
        idle = (self._keeps(url) and self._idle[pool_size, url]) or self._idle[pool_size, None]
        engine = idle.pop() if idle else _engine(url, pool_size=pool_size, **options)
        engine.sync_engine.url = url
        return engine

    async def take_back(self, database: Database) -> None:
        engine = database.engine
        pool: QueuePool = engine.pool  # type: ignore[assignment]
        url = engine.url if self._keeps(engine.url) and not pool.checkedout() else None
        if any(engine in idle for idle in self._idle.values()):
            return
        if url is None:
            await engine.dispose()
        self._idle[pool.size(), url].append(engine)

    def keep_connections_to(self, url: URL) -> None:
        self._kept[url] = asyncio.get_running_loop()

    def connections_to(self, url: URL) -> int:
        """How many connections are kept for this database."""
        return sum(engine.pool.checkedin() for engine in self._engines_of(url))  # type: ignore[attr-defined]  # as above

    async def close_connections_to(self, url: URL) -> None:
        self._kept.pop(url, None)
        for (size, whose), idle in list(self._idle.items()):
            if whose == url:
                for engine in idle:
                    await engine.dispose()
                self._idle[size, None] += self._idle.pop((size, whose))

    def _keeps(self, url: URL) -> bool:
        """Whether connections to this database stay: a connection belongs to the event loop that opened it."""
        try:
            return self._kept.get(url) is asyncio.get_running_loop()
        except RuntimeError:
            return False

    def _engines_of(self, url: URL) -> list[AsyncEngine]:
        return [engine for (_, whose), idle in self._idle.items() if whose == url for engine in idle]


def _engine(url: URL, **options: Any) -> AsyncEngine:  # noqa: ANN401 - as above
    engine = create_async_engine(url, **options)

    @event.listens_for(engine.sync_engine, "do_connect")
    def connect_to_its_url_of_now(_dialect: object, _record: object, _: object, parameters: dict[str, Any]) -> None:
        parameters.update(engine.dialect.create_connect_args(engine.url)[1])

    return engine


engines = Engines()


@pytest.fixture(scope="session", autouse=True)
def reuse() -> Iterator[None]:
    async def close(database: Database) -> None:
        await engines.take_back(database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chassis.db.create_async_engine", engines.lend)
        patch.setattr(Database, "close", close)
        patch.setattr("httpx._transports.default.create_ssl_context", cache(httpx.create_ssl_context))
        yield
