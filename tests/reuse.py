"""What each test would otherwise make anew: the compiled statements of an engine, and the certificate authorities.

Together they were a fifth of the time of all tests.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
import pytest
from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chassis.db import Database


class Engines:
    """Engines of databases that were closed, for other databases: the statements that they have compiled stay."""

    def __init__(self) -> None:
        self._idle = defaultdict[int, list[AsyncEngine]](list)

    def lend(self, url: URL, *, pool_size: int = 0, **options: Any) -> AsyncEngine:  # noqa: ANN401 - as SQLAlchemy's
        if not pool_size:  # of a migration
            return create_async_engine(url, **options)
        idle = self._idle[pool_size]
        engine = idle.pop() if idle else _engine(url, pool_size=pool_size, **options)
        engine.sync_engine.url = url
        return engine

    async def take_back(self, database: Database) -> None:
        await database.engine.dispose()
        idle = self._idle[database.engine.pool.size()]  # type: ignore[attr-defined]  # it is a QueuePool
        if database.engine not in idle:
            idle.append(database.engine)


def _engine(url: URL, **options: Any) -> AsyncEngine:  # noqa: ANN401 - as above
    engine = create_async_engine(url, **options)

    @event.listens_for(engine.sync_engine, "do_connect")
    def connect_to_its_url_of_now(_dialect: object, _record: object, _: object, parameters: dict[str, Any]) -> None:
        parameters.update(engine.dialect.create_connect_args(engine.url)[1])

    return engine


@pytest.fixture(scope="session", autouse=True)
def reuse() -> Iterator[None]:
    engines = Engines()

    async def close(database: Database) -> None:
        await engines.take_back(database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chassis.db.create_async_engine", engines.lend)
        patch.setattr(Database, "close", close)
        patch.setattr("httpx._transports.default.create_ssl_context", cache(httpx.create_ssl_context))
        yield
