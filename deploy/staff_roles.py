"""`python -m deploy.staff_roles`: compare each service's copy of the staff's roles with what svc_identity has.

The copies are not sealed; the memberships and role changes that they come from are, in svc_identity's trail. So whoever
changes a copy is found here, and whoever changes the memberships by `python -m svc_identity.trail verify`.

Exit codes: 0 the copies are as svc_identity has it; 1 they are not, one line for each difference; 2 a database was not
read.
"""

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import URL, RowMapping, make_url, text
from sqlalchemy.exc import DBAPIError

from chassis.db import Database, now
from chassis.settings import EnvironmentSettings, load
from kit.audit.settings import ServerUrl
from kit.staff.settings import CoolingOffHours

COPIES = ("services", "payments", "miniapps")
RIGHT, DIFFERENT, UNREAD = range(3)
ON_ITS_WAY = timedelta(minutes=5)
"""A change so young may not have reached a service yet."""
_AT_MOST = timedelta(minutes=1)
"""Between the times of one change in two tables of svc_identity."""
_SAME = ("organisation_id", "person_id", "role", "division_code", "proposed_by")
_TRUE = """
    SELECT membership.id AS membership_id, membership.organisation_id, membership.person_id, membership.role,
        organisation.division_code, granted.proposed_by,
        coalesce(granted.decided_at, membership.created_at) AS granted_at, membership.ended_at
    FROM memberships AS membership JOIN organisations AS organisation ON organisation.id = membership.organisation_id
    LEFT JOIN role_changes AS granted ON granted.membership_id = membership.id AND granted.action = 'grant'
        AND granted.status = 'approved'
"""
_COPY = """
    SELECT membership_id, organisation_id, person_id, role, division_code, proposed_by, granted_at, second_from,
        ended_at
    FROM staff_roles
"""
_UNREACHED = (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
Roles = Mapping[Any, RowMapping]


class ComparisonSettings(EnvironmentSettings):
    """What the comparison needs: a role that reads, such as that of auditors."""

    database_url: ServerUrl
    cooling_off_hours: CoolingOffHours = 24
    """As the services have it."""

    def database_of(self, service: str) -> URL:
        url = make_url(self.database_url.get_secret_value())
        return url.set(drivername="postgresql+asyncpg", database=f"myili_{service}")


async def roles_of(database: Database, query: str) -> Roles:
    async with database.read() as tx:
        rows = (await tx.execute(text(query))).mappings().all()
    return {row["membership_id"]: row for row in rows}


async def differences(identity: Database, copies: Mapping[str, Database], cooling_off: timedelta) -> list[str]:
    """One sentence for each role that a service has otherwise than svc_identity."""
    # The copies first: what svc_identity changes meanwhile is young.
    copied = {service: await roles_of(database, _COPY) for service, database in copies.items()}
    true = await roles_of(identity, _TRUE)
    return [
        f"{service}: role {membership_id} {what}"
        for service, rows in copied.items()
        for membership_id in sorted({*rows, *true}, key=str)
        for what in _differences(rows.get(membership_id), true.get(membership_id), cooling_off)
    ]


def _differences(copy: RowMapping | None, true: RowMapping | None, cooling_off: timedelta) -> Iterator[str]:
    if true is None:
        yield "is held there and was never granted"
        return
    if copy is None:
        if not _is_young(true["granted_at"]):
            yield "was granted and is not known there"
        return
    yield from (f"has another {name} there" for name in _SAME if copy[name] != true[name])
    if _differ(copy["granted_at"], true["granted_at"]):
        yield "has another granted_at there"
    elif copy["second_from"] < copy["granted_at"] + cooling_off and now() < true["granted_at"] + cooling_off:
        yield "can decide as the second person there before the cooling-off time is over"
    ended, ended_there = true["ended_at"], copy["ended_at"]
    if ended is None and ended_there is not None:
        yield "has ended there and holds"
    elif ended is not None and not _is_young(ended) and _differ(ended_there, ended):
        yield "has ended and holds there" if ended_there is None else "has another ended_at there"


def _differ(copy: datetime | None, true: datetime) -> bool:
    return copy is None or abs(copy - true) > _AT_MOST


def _is_young(moment: datetime) -> bool:
    return moment > now() - ON_ITS_WAY


async def compare(settings: ComparisonSettings) -> list[str]:
    identity, *copies = (Database(settings.database_of(service), pool_size=1) for service in ("identity", *COPIES))
    try:
        cooling_off = timedelta(hours=settings.cooling_off_hours)
        return await differences(identity, dict(zip(COPIES, copies, strict=True)), cooling_off)
    finally:
        for database in (identity, *copies):
            await database.close()


def main(arguments: Sequence[str]) -> int:
    if arguments:
        sys.stderr.write("usage: python -m deploy.staff_roles\n")
        return UNREAD
    try:
        found = asyncio.run(compare(load(ComparisonSettings)))
    except _UNREACHED as error:
        sys.stderr.write(f"Not compared: {type(getattr(error, 'orig', None) or error).__name__}.\n")
        return UNREAD
    sys.stdout.writelines(f"{each}\n" for each in found)
    sys.stdout.write(f"{len(found)} differences between the services' copies and svc_identity.\n")
    return DIFFERENT if found else RIGHT


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
