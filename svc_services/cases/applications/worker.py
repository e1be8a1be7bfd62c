"""What time alone does to cases."""

from sqlalchemy import select

from chassis.db import Database
from kit.calendar import today
from kit.leases import claimable
from svc_services.calendar.days.queries import revision_of
from svc_services.cases.applications.engine import note_time
from svc_services.cases.applications.models import Application, CaseStatus
from svc_services.cases.workflows.models import Workflow

_AT_ONCE = 50


async def note_due(database: Database) -> None:
    """Flag, raise or close the open cases whose day has come."""
    while await _note_some(database):
        pass


async def recount_changed(database: Database) -> None:
    """Compute the promises of open cases by the calendar as it was corrected.

    Each case says by which revision its promise was computed, so an interrupted run goes on where it was.
    """
    while await _recount_some(database):
        pass


async def _recount_some(database: Database) -> bool:
    async with database.transaction() as tx:
        outdated = select(Application).where(
            Application.status == CaseStatus.OPEN, Application.calendar_revision < await revision_of(tx)
        )
        order = (Application.calendar_revision, Application.id)
        cases = (await tx.scalars(claimable(outdated, *order, limit=_AT_ONCE))).all()
        for case in cases:
            await note_time(tx, case, await tx.get_one(Workflow, case.workflow_id))
    return len(cases) == _AT_ONCE


async def _note_some(database: Database) -> bool:
    due = select(Application).where(Application.status == CaseStatus.OPEN, Application.look_at <= today())
    async with database.transaction() as tx:
        cases = (await tx.scalars(claimable(due, Application.look_at, Application.id, limit=_AT_ONCE))).all()
        for case in cases:
            await note_time(tx, case, await tx.get_one(Workflow, case.workflow_id))
    return len(cases) == _AT_ONCE
