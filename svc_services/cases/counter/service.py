"""What a clerk does: prepare a filing, offer it to its person, and let in the phone that stands in front of them."""

import hmac
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database, now
from chassis.problems import NotFound, Problem
from kit.etags import require_version
from kit.leases import claimable
from kit.papers import codes
from kit.staff.reach import acting_in, divisions_of
from svc_services.base import lock
from svc_services.cases.applications import drafts
from svc_services.cases.applications.models import Application
from svc_services.cases.counter import content, schemas
from svc_services.cases.counter.models import OVER, CounterFiling, CounterFilingMaterial, FilingStatus
from svc_services.cases.counter.refusals import FilingNotPossible, MatchNumberWrong, OfferOver, TooManyFilings
from svc_services.cases.materials.attached import require_kinds
from svc_services.cases.materials.models import Material
from svc_services.cases.materials.service import delete_all
from svc_services.cases.workflows.definition import Actor, WorkflowDefinition
from svc_services.cases.workflows.forms import require_complete, require_types
from svc_services.reference.service import require_divisions

MOST_UNFILED = 50
"""Of one clerk."""
OFFER = timedelta(minutes=15)
MOST_TRIES = 5
UNFILED = timedelta(days=1)
_AT_ONCE = 50


async def create(tx: AsyncSession, caller: Caller, new: schemas.NewCounterFiling) -> CounterFiling:
    """Begin a filing for somebody at the counter; nobody is named yet.

    Raises:
        NotYourDivision: the counter is not the clerk's.
        TooManyFilings, UnknownProvider, ProviderSuspended, NotServedThere, NoWorkflow, FormRefused
    """
    acting_in(caller, [new.counter_division_code], Actor.CLERK.value)
    await lock(tx, "counter filings of", caller.id)
    mine = select(func.count()).where(CounterFiling.clerk_id == caller.id, CounterFiling.status.not_in(OVER))
    if (await tx.scalar(mine) or 0) >= MOST_UNFILED:
        raise TooManyFilings(most=MOST_UNFILED)
    await require_divisions(tx, [new.counter_division_code, new.division_code])
    workflow = await drafts.workflow_for(tx, new.provider_id, new.kind, new.division_code)
    require_types(workflow.form, new.form)
    drafts.require_account_rule(new.account_number, workflow.rules.account)
    filing = CounterFiling(clerk_id=caller.id, version=1, status=FilingStatus.PREPARING, **new.model_dump())
    tx.add(filing)
    await tx.flush()
    return filing


async def save(
    tx: AsyncSession, caller: Caller, filing_id: UUID, form: dict[str, Any], if_match: str | None
) -> CounterFiling:
    """Change what would be filed; an offer of what it was before ends."""
    filing = await own(tx, caller, filing_id, locked=True)
    require_version(if_match, filing.version)
    _reopen(filing)
    workflow = await drafts.workflow_for(tx, filing.provider_id, filing.kind, filing.division_code)
    require_types(workflow.form, form)
    filing.form = form
    await tx.flush()
    return filing


async def change_materials(
    tx: AsyncSession,
    caller: Caller,
    filing_id: UUID,
    material_id: UUID,
    change: Callable[[AsyncSession, CounterFiling, Material], Coroutine[Any, Any, None]],
) -> CounterFiling:
    """Add or remove a file that the clerk has uploaded; an offer of what it was before ends."""
    filing = await own(tx, caller, filing_id, locked=True)
    material = await tx.get(Material, material_id, with_for_update=True)
    if material is None or material.person_id != caller.id:
        raise NotFound
    before = [each.id for each in await content.materials_of(tx, filing)]
    _require_unfiled(filing)
    await change(tx, filing, material)
    if before != [each.id for each in await content.materials_of(tx, filing)]:
        _reopen(filing)
        await tx.flush()
    return filing


async def offer(tx: AsyncSession, caller: Caller, filing_id: UUID) -> tuple[CounterFiling, str]:
    """Make a code for what is prepared; an earlier one opens nothing any more.

    Raises:
        FormRefused, MaterialsMissing: it could not be filed like this.
    """
    filing = await own(tx, caller, filing_id, locked=True)
    _require_unfiled(filing)
    workflow = await drafts.workflow_for(tx, filing.provider_id, filing.kind, filing.division_code)
    require_complete(workflow.form, filing.form)
    await _require_materials(tx, filing, workflow.rules)
    code = codes.new_code()
    filing.move_to(FilingStatus.OFFERED)
    filing.code_hash, filing.offered_until = codes.hash_of(code), now() + OFFER
    await tx.flush()
    return filing, codes.shown(code)


async def admit(tx: AsyncSession, caller: Caller, filing_id: UUID, typed: str) -> CounterFiling | Problem:
    """Let the person read the content whose phone shows this number.

    Returns the refusal to raise after the commit: tries are counted, and the last one ends the offer.
    """
    filing = await own(tx, caller, filing_id, locked=True)
    if filing.status != FilingStatus.OPENED:
        raise FilingNotPossible
    if is_over(filing):
        raise OfferOver
    if hmac.compare_digest(str(filing.match_number), typed):
        filing.move_to(FilingStatus.ADMITTED)
        await tx.flush()
        return filing
    filing.match_tries += 1
    if filing.match_tries >= MOST_TRIES:
        filing.move_to(FilingStatus.PREPARING)
    return MatchNumberWrong()


async def withdraw(tx: AsyncSession, caller: Caller, filing_id: UUID) -> CounterFiling:
    """End a filing and delete what was uploaded for it."""
    filing = await own(tx, caller, filing_id, locked=True)
    _require_unfiled(filing)
    await end(tx, filing)
    return filing


async def own(tx: AsyncSession, caller: Caller, filing_id: UUID, *, locked: bool = False) -> CounterFiling:
    """A filing of the clerk, at a counter that they still reach.

    Raises:
        NotFound, NotYourDivision
    """
    filing = await tx.get(CounterFiling, filing_id, with_for_update=locked or None)
    if filing is None or filing.clerk_id != caller.id:
        raise NotFound
    acting_in(caller, [filing.counter_division_code], Actor.CLERK.value)
    return filing


async def taken_in(tx: AsyncSession, caller: Caller, filing_id: UUID) -> Application:
    """The case that came of a filing of the clerk's."""
    filing = await own(tx, caller, filing_id)
    if filing.application_id is None:
        raise NotFound
    return await tx.get_one(Application, filing.application_id)


def within_reach(caller: Caller) -> ColumnElement[bool]:
    held = divisions_of(caller, Actor.CLERK.value)
    return true() if held is None else CounterFiling.counter_division_code.in_(sorted(held))


def is_over(filing: CounterFiling) -> bool:
    return filing.offered_until is None or filing.offered_until <= now()


async def end(tx: AsyncSession, filing: CounterFiling) -> None:
    """End a filing that is locked; its files are the applicant's papers and do not stay with the clerk."""
    files = await content.materials_of(tx, filing, locked=True)
    await tx.execute(delete(CounterFilingMaterial).where(CounterFilingMaterial.filing_id == filing.id))
    await delete_all(tx, files)
    filing.move_to(FilingStatus.ENDED)
    await tx.flush()


async def forget_unfiled(database: Database) -> None:
    """End what nobody has confirmed for a day."""
    old = select(CounterFiling).where(CounterFiling.status.not_in(OVER), CounterFiling.touched_at <= now() - UNFILED)
    while True:
        async with database.transaction() as tx:
            found = (await tx.scalars(claimable(old, CounterFiling.touched_at, limit=_AT_ONCE))).all()
            for filing in found:
                await end(tx, filing)
        if len(found) < _AT_ONCE:
            return


def _reopen(filing: CounterFiling) -> None:
    _require_unfiled(filing)
    filing.move_to(FilingStatus.PREPARING)
    filing.version += 1


def _require_unfiled(filing: CounterFiling) -> None:
    if filing.status in OVER:
        raise FilingNotPossible


async def _require_materials(tx: AsyncSession, filing: CounterFiling, rules: WorkflowDefinition) -> None:
    require_kinds(rules, {each.kind for each in await content.materials_of(tx, filing)})
