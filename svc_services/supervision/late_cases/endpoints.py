from typing import Annotated, NamedTuple
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


class _Filters(NamedTuple):
    chosen: list[ColumnElement[bool]]
    handled_by: UUID | None


async def _filters(
    flag: Flag | None = None,
    level: Level = None,
    division_code: DivisionCode | None = None,
    provider_id: UUID | None = None,
    kind: ApplicationKind | None = None,
    handled_by: UUID | None = None,
) -> _Filters:
    wanted = {
        Application.flag: flag,
        Application.division_code: division_code,
        Application.provider_id: provider_id,
        Application.kind: kind,
    }
    chosen = [column == value for column, value in wanted.items() if value is not None]
    if level:
        chosen.append(Application.level >= level)
    return _Filters(chosen, handled_by)


@router.get("")
async def list_late_cases(
    tx: ReadTx, caller: Reader, page: PageQuery, filters: Annotated[_Filters, Depends(_filters)]
) -> Page[schemas.LateCase]:
    """List open cases that are near a limit or over it, oldest first: those of one's divisions or of one's company."""
    late = select(Application).where(
        Application.status == CaseStatus.OPEN,
        Application.flag.is_not(None),
        visible(caller, Application.division_code, Application.provider_id),
        *filters.chosen,
    )
    if filters.handled_by:
        late = late.where(_handled(filters.handled_by, caller))
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
