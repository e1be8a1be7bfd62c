"""Quotas: one statement takes a call of the day or refuses it, in a transaction of its own; what follows is counted."""

import math
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import Integer, and_, cast, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import CHINA, Database
from chassis.problems import NotFound, Problem
from chassis.telemetry import SecurityEvent
from kit.calendar import database_time, today_of
from kit.security_log import record_on_commit
from kit.staff.reach import acting_in
from svc_miniapps import members
from svc_miniapps.apps.models import App
from svc_miniapps.apps.service import get_app
from svc_miniapps.runtime.calls import schemas
from svc_miniapps.runtime.calls.models import DEFAULT_LIMITS, AppCalls, CallQuota, Operation

_CHANGED = SecurityEvent("call_quota_changed")


class CallQuotaReached(Problem):
    """`wait` is in seconds."""

    status, code = 429, "call_quota_reached"

    def __init__(self, *, operation: Operation, wait: int, free_at: datetime) -> None:
        super().__init__(operation=str(operation), wait=wait, free_at=free_at.isoformat())
        self.headers = {"Retry-After": str(wait)}


async def take_call(database: Database, app_id: UUID, operation: Operation) -> date:
    """Count a call of an app's server; returns the day that it counts to.

    Raises:
        NotFound: there is no such app.
        CallQuotaReached: the calls of this day are used up.
    """
    async with database.transaction() as tx:
        day = await today_of(tx)
        if await _taken(tx, app_id, operation, day):
            return day
        if await tx.get(App, app_id) is None:
            raise NotFound
        at = await database_time(tx)
    await add_to(database, app_id, operation, day, "over_quota")
    free_at = next_day(day)
    raise CallQuotaReached(operation=operation, wait=max(1, math.ceil((free_at - at).total_seconds())), free_at=free_at)


async def _taken(tx: AsyncSession, app_id: UUID, operation: Operation, day: date) -> bool:
    set_by_operator = select(CallQuota.daily_limit).where(CallQuota.app_id == app_id, CallQuota.operation == operation)
    limit = func.coalesce(set_by_operator.scalar_subquery(), literal(DEFAULT_LIMITS[operation], Integer))
    names = ["app_id", "day", "operation", "calls", "refused", "failed", "over_quota"]
    zero = cast(0, Integer)
    first = select(App.id, literal(day), literal(str(operation)), cast(1, Integer), zero, zero, zero)
    row = insert(AppCalls).from_select(names, first.where(App.id == app_id, limit > 0))
    # The row is locked before it is compared, so of parallel calls exactly as many pass as the limit allows.
    counted = row.on_conflict_do_update(
        index_elements=[AppCalls.app_id, AppCalls.day, AppCalls.operation],
        set_={"calls": AppCalls.calls + 1},
        where=AppCalls.calls < limit,
    )
    return await tx.scalar(counted.returning(AppCalls.calls)) is not None


async def add_to(database: Database, app_id: UUID, operation: Operation, day: date, column: str) -> None:
    """Count what came of a call: `refused`, `failed` or `over_quota`."""
    key = {"app_id": app_id, "day": day, "operation": str(operation)}
    figures = dict.fromkeys(("calls", "refused", "failed", "over_quota"), 0) | {column: 1}
    row = insert(AppCalls).values(**key, **figures)
    added = row.on_conflict_do_update(
        index_elements=[AppCalls.app_id, AppCalls.day, AppCalls.operation],
        set_={column: getattr(AppCalls, column) + 1},
    )
    async with database.transaction() as tx:
        await tx.execute(added)


def next_day(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), CHINA)


async def set_quota(
    tx: AsyncSession, caller: Caller, app_id: UUID, operation: Operation, change: schemas.NewCallQuota
) -> schemas.CallQuota:
    """Set how often an app's server may call an operation in a day, as an operator of its division.

    Raises:
        NotFound, NotYourDivision
    """
    app = await tx.scalar(select(App).where(App.id == app_id).with_for_update())
    if app is None:
        raise NotFound
    acting_in(caller, [app.division_code], members.OPERATOR)
    said = {"daily_limit": change.daily_limit, "reason": change.reason}
    said |= {"changed_by": caller.id, "changed_at": await database_time(tx)}
    await tx.merge(CallQuota(app_id=app_id, operation=operation, **said))
    await tx.flush()
    record_on_commit(tx, _CHANGED, str(operation), app_id=app_id, changed_by=caller.id)
    return await _shown(tx, app_id, operation)


async def quotas_of(tx: AsyncSession, caller: Caller, app_id: UUID) -> schemas.CallQuotas:
    app = await get_app(tx, caller, app_id)
    return schemas.CallQuotas(items=[await _shown(tx, app.id, each) for each in Operation])


async def _shown(tx: AsyncSession, app_id: UUID, operation: Operation) -> schemas.CallQuota:
    day = await today_of(tx)
    quota = await tx.get(CallQuota, (app_id, operation))
    calls = await tx.get(AppCalls, (app_id, day, operation))
    return schemas.CallQuota(
        operation=operation,
        daily_limit=quota.daily_limit if quota else DEFAULT_LIMITS[operation],
        used_today=calls.calls if calls else 0,
        free_at=next_day(day),
        reason=quota and quota.reason,
        changed_at=quota and quota.changed_at,
    )


async def figures_of(tx: AsyncSession, caller: Caller, app_id: UUID, days: int) -> schemas.CallFigures:
    """The calls of the last days, the newest first; a day without calls has no row."""
    app = await get_app(tx, caller, app_id)
    since = await today_of(tx) - timedelta(days=days - 1)
    query = select(AppCalls).where(and_(AppCalls.app_id == app.id, AppCalls.day >= since))
    rows = await tx.scalars(query.order_by(AppCalls.day.desc(), AppCalls.operation))
    return schemas.CallFigures(items=[schemas.DayOfCalls.model_validate(row) for row in rows])
