"""Carries runs out: a run is leased, each rule is tried outside of transactions and kept at once."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from kit.conformance.probe import Company, Prober
from kit.conformance.results import Fault, Tried
from kit.conformance.rules import Rule, is_unanswered, tried
from kit.leases import claimable
from svc_services.providers.conformance.models import ENDED, RESTART_WITHIN, ConformanceRun, RunStatus
from svc_services.providers.conformance.presenters import rules_of

_LEASE = timedelta(minutes=4)
"""Longer than one rule takes, which has some twenty calls; the lease is renewed with each."""
_AT_ONCE = 5
_MOST_TRIES = 6
_NEXT = {RunStatus.QUEUED: RunStatus.AWAITING_RESTART, RunStatus.RESUMED: RunStatus.PASSED}


@dataclass(frozen=True)
class Leased:
    run_id: UUID
    number: int
    company: Company
    rules: Mapping[str, Rule]
    """Those that this part of the run has."""
    seen: dict[str, Tried]


async def run_due(database: Database, prober: Prober) -> None:
    """Carry out the runs that are due, some at once."""
    async with asyncio.TaskGroup() as group:
        for leased in await _lease(database):
            group.create_task(_carry_out(database, prober, leased))


async def _lease(database: Database) -> list[Leased]:
    async with database.transaction() as tx:
        due = select(ConformanceRun).where(ConformanceRun.status.not_in(ENDED), ConformanceRun.try_at <= now())
        runs = (await tx.scalars(claimable(due, ConformanceRun.try_at, limit=_AT_ONCE))).all()
        return [leased for run in runs if (leased := _begin(run))]


def _begin(run: ConformanceRun) -> Leased | None:
    """Lease a run, or end one that cannot go on."""
    if run.status == RunStatus.AWAITING_RESTART:
        _end(run, "after_restart", Fault.NOT_CONTINUED)
        return None
    rules = rules_of(run)
    part = rules.before_restart if run.status == RunStatus.QUEUED else rules.after_restart
    if run.tries >= _MOST_TRIES:
        _end(run, next(name for name in part if name not in run.tried), Fault.NOT_FINISHED)
        return None
    return Leased(run.id, run.lease(_LEASE), Company(run.application_id, run.endpoint_url), part, run.tried)


def _end(run: ConformanceRun, rule: str, fault: Fault) -> None:
    run.add(Tried(rule=rule, outcome="failed", fault=fault, exchanges=[]))
    run.move_to(RunStatus.FAILED)


async def _carry_out(database: Database, prober: Prober, leased: Leased) -> None:
    remaining = [name for name in leased.rules if name not in leased.seen]
    first = next(iter(leased.rules))
    for name in remaining:
        found = await tried(prober, leased.company, leased.run_id, name, leased.rules[name], leased.seen)
        leased.seen[name] = found
        is_last = name == remaining[-1] or (name == first and is_unanswered(found))
        async with database.transaction() as tx:
            if not await _keep(tx, leased, found, is_last=is_last) or is_last:
                return


async def _keep(tx: AsyncSession, leased: Leased, found: Tried, *, is_last: bool) -> bool:
    """Keep what was found, unless another worker has taken the run over."""
    run = await tx.get_one(ConformanceRun, leased.run_id, with_for_update=True)
    if run.tries != leased.number or run.status in ENDED:
        return False
    run.add(found)
    run.try_at = func.now() + _LEASE
    if is_last:
        _end_part(run)
    return True


def _end_part(run: ConformanceRun) -> None:
    is_failed = any(each["outcome"] == "failed" for each in run.results)
    run.move_to(RunStatus.FAILED if is_failed else _NEXT[RunStatus(run.status)])
    if run.status == RunStatus.AWAITING_RESTART:
        run.try_at = now() + RESTART_WITHIN
