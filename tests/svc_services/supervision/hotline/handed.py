"""Complaints that are handed over, and what is seen of them."""

from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import update

from chassis.db import Database, now
from chassis.testing import Tokens
from svc_services.supervision.hotline.models import HotlineTicket
from tests.svc_services.supervision.complaints.filed import COMPLAINTS, RECEIVED, office
from tests.svc_services.supervision.scenes import done

Tell = Callable[[], Coroutine[Any, Any, None]]
"""A round of the worker."""


async def handed(api: httpx.AsyncClient, tokens: Tokens, complaint_id: str, person_id: UUID, **body: Any) -> Any:  # noqa: ANN401
    return await done(api, f"{COMPLAINTS}/{complaint_id}/hand-over", tokens.resident(person_id), body)


async def seen(api: httpx.AsyncClient, tokens: Tokens, complaint_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await api.get(f"{RECEIVED}/{complaint_id}", headers=office(tokens))).json()
    return shown


async def due_again(database: Database) -> None:
    """Let the pause after a failure be over."""
    async with database.transaction() as tx:
        await tx.execute(update(HotlineTicket).values(try_at=now()))
