"""Roles of staff as a service's worker would have kept them: tests sign tokens without svc_identity and its events."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import exists, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id, now
from kit.staff.models import staff_roles

LONG_AGO = timedelta(days=30)


async def appoint(  # noqa: PLR0913 - a row of the table
    tx: AsyncSession,
    person_id: UUID,
    role: str,
    *,
    organisation_id: UUID | None = None,
    proposed_by: UUID | None = None,
    granted_at: datetime | None = None,
    second_from: datetime | None = None,
    ended_at: datetime | None = None,
) -> None:
    """Keep a role, held for long unless told otherwise."""
    granted_at = granted_at or now() - LONG_AGO
    row = {
        "membership_id": new_id(),
        "organisation_id": organisation_id or new_id(),
        "person_id": person_id,
        "role": role,
        "proposed_by": proposed_by,
        "proposed_at": granted_at,
        "granted_at": granted_at,
        "second_from": second_from or granted_at,
        "ended_at": ended_at,
    }
    await tx.execute(insert(staff_roles).values(row))


def appointing(database: Database) -> Callable[[httpx.Request], Awaitable[None]]:
    """A hook of requests: whoever's token carries a role that nobody has heard of is appointed first."""
    seen: set[tuple[str, str, str]] = set()
    one_at_a_time = asyncio.Lock()

    async def appoint_bearer(request: httpx.Request) -> None:
        claims = _claims(request.headers.get("Authorization", ""))
        for each in claims.get("memberships") or ():
            key = (claims["sub"], each["organisation_id"], each["role"])
            async with one_at_a_time:
                if key not in seen:
                    await _appoint_unknown(database, UUID(key[0]), UUID(key[1]), key[2])
                    seen.add(key)

    return appoint_bearer


async def _appoint_unknown(database: Database, person_id: UUID, organisation_id: UUID, role: str) -> None:
    same = (staff_roles.c.person_id == person_id) & (staff_roles.c.role == role)
    async with database.transaction() as tx:
        if not await tx.scalar(select(exists().where(same, staff_roles.c.organisation_id == organisation_id))):
            await appoint(tx, person_id, role, organisation_id=organisation_id)


def _claims(authorization: str) -> dict[str, Any]:
    parts = authorization.removeprefix("Bearer ").split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
