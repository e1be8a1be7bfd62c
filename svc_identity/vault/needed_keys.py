"""The service does not run without a key of the blind indexes that rows need: it would write a value a second time."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from chassis.db import Database, is_connection_lost
from chassis.telemetry import log
from svc_identity.vault.reindexing import KeyMissing, require_keys

_SECONDS = 1.0


@asynccontextmanager
async def needed_keys(app: FastAPI) -> AsyncIterator[None]:
    """Lifespan: refuse to start without a needed key; where the database is away, look when it answers.

    Raises:
        KeyMissing
    """
    database: Database = app.state.database
    looking = None if await _has_looked(database) else asyncio.create_task(end_without_keys(database))
    yield
    if looking:
        looking.cancel()


async def end_without_keys(database: Database) -> None:
    """Look as soon as the database answers, and end the process where a key is missing."""
    try:
        while not await _has_looked(database):  # noqa: ASYNC110 - nothing here learns that the database is back
            await asyncio.sleep(_SECONDS)
    except KeyMissing as missing:
        end_process(missing)


def end_process(missing: KeyMissing) -> None:
    log.error("index_key_missing", reason=str(missing))
    signal.raise_signal(signal.SIGTERM)


async def _has_looked(database: Database) -> bool:
    """Whether the database answered, with all keys that it needs known here.

    Raises:
        KeyMissing
    """
    try:
        await require_keys(database)
    except Exception as error:
        if not is_connection_lost(error):
            raise
        return False
    return True
