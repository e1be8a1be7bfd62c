"""Tells the people concerned of each version of an outage, some at a time."""

from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.outbox import emit
from kit.calendar import today_of
from kit.leases import claimable
from svc_services.accounts.bindings.models import AccountBinding
from svc_services.accounts.bindings.queries import in_force
from svc_services.supply.outages.events import OutageNotified
from svc_services.supply.outages.models import Outage, OutageNotice, OutageRound, OutageStatus
from svc_services.supply.outages.queries import concerns

_AT_ONCE = 500
"""Bindings that are looked at in one transaction."""


async def notify(database: Database, at_once: int = _AT_ONCE) -> None:
    """Tell people of versions that they were not told of. Interrupted, it goes on where the last commit left it."""
    more = True
    while more:
        async with database.transaction() as tx:
            more = await _some(tx, at_once)


async def _some(tx: AsyncSession, at_once: int) -> bool:
    due = select(OutageRound).where(OutageRound.done_at.is_(None))
    round_ = await tx.scalar(claimable(due, OutageRound.outage_id, OutageRound.version, limit=1))
    if round_ is None:
        return False
    # A company that changes it just now waits; with another version said, this one is out of date.
    outage = await tx.get_one(Outage, round_.outage_id, with_for_update={"read": True}, populate_existing=True)
    if outage.version != round_.version:
        round_.done_at = now()
        return True
    if outage.status == OutageStatus.ANNOUNCED:
        looked_at = await _bindings_after(tx, outage.provider_id, round_.after_binding_id, at_once)
        if looked_at:
            await _tell(tx, outage, looked_at)
            round_.after_binding_id = looked_at[-1]
            return True
    if not await _tell_earlier(tx, outage, at_once):
        round_.done_at = now()
    return True


async def _bindings_after(tx: AsyncSession, provider_id: UUID, after: UUID | None, limit: int) -> list[UUID]:
    query = select(AccountBinding.id).where(AccountBinding.provider_id == provider_id, in_force(await today_of(tx)))
    if after:
        query = query.where(AccountBinding.id > after)
    return list(await tx.scalars(query.order_by(AccountBinding.id).limit(limit)))


async def _tell(tx: AsyncSession, outage: Outage, bindings: list[UUID]) -> None:
    touched = exists().where(Outage.id == outage.id, concerns()).correlate(AccountBinding)
    concerned = select(AccountBinding.person_id).distinct().where(AccountBinding.id.in_(bindings), touched)
    await _note(tx, outage, sorted(await tx.scalars(concerned)), affected=True)


async def _tell_earlier(tx: AsyncSession, outage: Outage, limit: int) -> bool:
    """Tell those who were last told that it concerns them: a change has left them out, or it is over.

    Who was told of nothing before is not told of an end either. Returns whether there were any left.
    """
    now_told = select(OutageNotice.person_id).where(
        OutageNotice.outage_id == outage.id, OutageNotice.version == outage.version
    )
    last = (
        select(OutageNotice.person_id, OutageNotice.affected)
        .where(OutageNotice.outage_id == outage.id, OutageNotice.person_id.not_in(now_told))
        .ext(distinct_on(OutageNotice.person_id))
        .order_by(OutageNotice.person_id, OutageNotice.version.desc())
        .subquery()
    )
    people = sorted(await tx.scalars(select(last.c.person_id).where(last.c.affected).limit(limit)))
    await _note(tx, outage, people, affected=outage.status != OutageStatus.ANNOUNCED)
    return bool(people)


async def _note(tx: AsyncSession, outage: Outage, people: list[UUID], *, affected: bool) -> None:
    """Note whom the version is told to, and tell those of whom it was not noted before."""
    if not people:
        return
    moment = await tx.scalar(select(func.now()))
    rows = [
        {"outage_id": outage.id, "version": outage.version, "person_id": each, "affected": affected, "told_at": moment}
        for each in people
    ]
    noting = insert(OutageNotice).values(rows).on_conflict_do_nothing().returning(OutageNotice.person_id)
    new = sorted(await tx.scalars(noting))
    same = ("version", "provider_id", "kind", "nature", "status", "starts_at", "expected_end", "ended_at")
    said = {name: getattr(outage, name) for name in (*same, "short_notice")}
    await emit(tx, *(OutageNotified(outage_id=outage.id, person_id=each, affected=affected, **said) for each in new))
