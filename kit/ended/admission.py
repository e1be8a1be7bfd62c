"""Refuses the tokens of what has ended, by a copy of the table in memory that is read anew once a second."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import func, select

from chassis.auth import Caller
from chassis.db import Database, now
from chassis.telemetry import SecurityEvent
from chassis.tokens import TokenInvalid
from kit.ended.models import Kind, ended_access

FRESH_SECONDS = 1.0
OLDEST_SECONDS = 4.0
"""While one request reads the table, the others use the copy up to this age."""

Admit = Callable[[Database, Caller], Awaitable[Caller]]


class AccessEnded(TokenInvalid):
    """The token has not expired, but its sign-in has ended, or its person or client is suspended."""

    security = SecurityEvent("token_ended")
    reason = 'Bearer realm="myili", error="invalid_token", error_description="the access it gave has ended"'


class EndedAccess:
    """The copy of one process."""

    def __init__(self) -> None:
        self._ended: dict[str, frozenset[str]] = dict.fromkeys(Kind, frozenset())
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def require_in_force(self, database: Database, caller: Caller) -> None:
        """Refuse a caller whose access has ended.

        Raises:
            AccessEnded
        """
        age = asyncio.get_running_loop().time() - self._read_at
        if age > FRESH_SECONDS and (age > OLDEST_SECONDS or not self._reading.locked()):
            await self._refresh(database)
        if (
            caller.client_id in self._ended[Kind.CLIENT]
            or caller.sid in self._ended[Kind.SIGN_IN]
            or caller.authority in self._ended[Kind.AUTHORITY]
            or (caller.kind != "client" and {caller.actor, caller.subject} & self._ended[Kind.PERSON])
        ):
            raise AccessEnded

    async def _refresh(self, database: Database) -> None:
        async with self._reading:
            begun = asyncio.get_running_loop().time()
            if begun - self._read_at <= FRESH_SECONDS:  # another request has read it meanwhile
                return
            # One array for each kind: as rows, ten thousand of them would hold the process up for ten times as long.
            subjects = func.array_agg(ended_access.c.subject)
            ended = select(ended_access.c.kind, subjects).where(ended_access.c.ended_until > now())
            async with database.read() as tx:
                read = {kind: frozenset(each) for kind, each in await tx.execute(ended.group_by(ended_access.c.kind))}
            self._ended = {kind: read.get(kind, frozenset()) for kind in Kind}
            self._read_at = begun


def refusing_ended(admit: Admit) -> Admit:
    """What an application asks about each caller besides: whether the access that the token gave has ended.

    Args:
        admit: is asked first; its refusals say more.
    """
    ended = EndedAccess()

    async def admitted(database: Database, caller: Caller) -> Caller:
        standing = await admit(database, caller)
        await ended.require_in_force(database, standing)
        return standing

    return admitted
