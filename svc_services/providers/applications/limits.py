"""How many applications of companies that nobody proved are taken from one network address."""

import math
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database, now
from chassis.problems import Problem
from chassis.telemetry import SecurityEvent
from kit.network_lines import counted
from svc_services.providers.applications.models import ApplicationAttempt
from svc_services.providers.organisations import service as organisations

_HOUR = timedelta(hours=1)


class TooManyApplications(Problem):
    status, code, security = 429, "too_many_applications", SecurityEvent("client_applications_limited")

    def __init__(self, free_at: datetime) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(max(1, math.ceil((free_at - now()).total_seconds())))}


class Line(NamedTuple):
    """Where an application comes from, and how many come from there in an hour."""

    address: str
    most: int


async def admit(
    tx: AsyncSession, applicant: Caller | None, uscc: str, division_codes: Collection[str], line: Line
) -> None:
    """Refuse early, before the legal-entity registry is asked, whoever may not apply or has applied too often.

    Whoever proves that they speak for the organisation is never counted.

    Raises:
        TooManyApplications
        OrganisationClaimedByOther, NotForOrganisation, BeyondMandate: as `organisations.require_speaker`.
    """
    if await organisations.require_speaker(tx, applicant, uscc, division_codes) is None:
        await _count(tx, counted(line.address), line.most)


async def _count(tx: AsyncSession, line: str, most: int) -> None:
    # Applications at once wait for each other, or each would count itself alone.
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"applications {line}", 0))))
    since = now() - _HOUR
    recent = select(ApplicationAttempt.attempted_at).where(
        ApplicationAttempt.line == line, ApplicationAttempt.attempted_at > since
    )
    made = (await tx.scalars(recent.order_by(ApplicationAttempt.attempted_at.desc()).limit(most))).all()
    if len(made) >= most:
        raise TooManyApplications(made[-1] + _HOUR)
    tx.add(ApplicationAttempt(line=line))


async def forget_attempts(database: Database) -> None:
    """Delete the attempts that count no more."""
    async with database.transaction() as tx:
        await tx.execute(delete(ApplicationAttempt).where(ApplicationAttempt.attempted_at <= now() - _HOUR))
