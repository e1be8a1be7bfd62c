"""What commands need before they read or write what is found by an index."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.db import Database
from svc_identity.settings import Settings
from svc_identity.vault.encryption import use_keys_of
from svc_identity.vault.reindexing import require_keys


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """The database, once this process knows every key that rows need: without one a person would be made twice.

    Raises:
        KeyMissing
    """
    use_keys_of(settings)
    database = Database.of(settings)
    try:
        await require_keys(database)
        yield database
    finally:
        await database.close()
