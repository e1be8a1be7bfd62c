from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy import ColumnElement, exists, false, select

from chassis.auth import Caller
from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery, page_of
from kit.fields.divisions import DivisionCode
from svc_services.cases.applications.models import Application, ApplicationStep, CaseStatus, Flag
from svc_services.cases.workflows.definition import Actor
from svc_services.cases.workflows.models import ApplicationKind
from svc_services.supervision.late_cases import presenters, schemas
from svc_services.supervision.readers import STAFF, Reader, visible

router = APIRouter(prefix="/services/v1/late-cases", tags=["supervision"])
Level = Annotated[int | None, Query(ge=0, le=2, description="The case has risen at least to this level.")]


async def _wanted(
    caller: Reader,
    flag: Flag | None = None,
    level: Level = None,
    division_code: DivisionCode | None = None,
    provider_id: UUID | None = None,
    kind: ApplicationKind | None = None,
    handled_by: UUID | None = None,
) -> list[ColumnElement[bool]]:
    wanted = {
        Application.flag: flag,
        Application.division_code: division_code,
        Application.provider_id: provider_id,
        Application.kind: kind,
    }
    chosen = [column == value for column, value in wanted.items() if value is not None]
    if level:
        chosen.append(Application.level >= level)
    if handled_by:
        chosen.append(_handled(handled_by, caller))
    return chosen


@router.get("")
async def list_late_cases(
    tx: ReadTx, caller: Reader, page: PageQuery, wanted: Annotated[list[ColumnElement[bool]], Depends(_wanted)]
) -> Page[schemas.LateCase]:
    """List open cases that are near a limit or over it, oldest first: those of one's divisions or of one's company."""
    late = select(Application).where(
        Application.status == CaseStatus.OPEN,
        Application.flag.is_not(None),
        visible(caller, Application.division_code, Application.provider_id),
        *wanted,
    )
    found = await page_of(tx, late, page, Application.id, lambda case: case)
    named = bool(caller.memberships_as(*STAFF))
    return Page(items=await presenters.shown(tx, found.items, named=named), next_cursor=found.next_cursor)


def _handled(person_id: UUID, caller: Caller) -> ColumnElement[bool]:
    """Cases in which this person of staff took a step; people of companies find none this way."""
    step = exists().where(
        ApplicationStep.application_id == Application.id,
        ApplicationStep.actor_id == person_id,
        ApplicationStep.actor.in_((Actor.CLERK, Actor.OPERATOR)),
    )
    return step if caller.memberships_as(*STAFF) else false()
