"""Which of a caller's roles still stand. A token keeps those of the time it was issued."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from sqlalchemy import select

from chassis.auth import Caller
from chassis.db import Database
from kit.staff.models import staff_roles


async def with_standing_roles(database: Database, caller: Caller) -> Caller:
    """The caller without the roles that have ended; one that this service has not heard of yet is left.

    Callers without roles cost no query.
    """
    if not caller.memberships:
        return caller
    roles = select(staff_roles.c.organisation_id, staff_roles.c.role, staff_roles.c.ended_at.is_(None))
    async with database.read() as tx:
        known = (await tx.execute(roles.where(staff_roles.c.person_id == caller.id))).all()
    standing = {(organisation_id, role) for organisation_id, role, stands in known if stands}
    ended = {(organisation_id, role) for organisation_id, role, _stands in known} - standing
    left = tuple(each for each in caller.memberships if (each.organisation_id, each.role) not in ended)
    return caller if left == caller.memberships else replace(caller, memberships=left)


Admit = Callable[[Database, Caller], Awaitable[None]]


def admitting(clients: Admit | None = None) -> Callable[[Database, Caller], Awaitable[Caller]]:
    """What an application asks about each caller: of systems whether they are let in, of persons which roles stand."""

    async def admit(database: Database, caller: Caller) -> Caller:
        if caller.kind != "client":
            return await with_standing_roles(database, caller)
        if clients:
            await clients(database, caller)
        return caller

    return admit
