from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx
from chassis.pagination import Page, PageQuery, page_of
from kit.staff.reach import divisions_of
from svc_services.cases.joint import schemas, service
from svc_services.cases.joint.models import JointApplication, JointStatus
from svc_services.cases.joint.presenters import shown_to_staff, summary, tagged
from svc_services.cases.workflows.definition import STAFF, Actor

router = APIRouter(prefix="/services/v1/joint-application-queue", tags=["joint applications"])
Staff = Annotated[Caller, Depends(allow(scope="staff", role=(Actor.CLERK.value, Actor.OPERATOR.value)))]


@router.get("")
async def list_joint_queue(tx: ReadTx, caller: Staff, page: PageQuery) -> Page[schemas.JointApplicationSummary]:
    """List the open joint applications of one's divisions, oldest first."""
    query = select(JointApplication).where(JointApplication.status == JointStatus.OPEN)
    if (divisions := divisions_of(caller, *STAFF)) is not None:
        query = query.where(JointApplication.division_code.in_(sorted(divisions)))
    return await page_of(tx, query, page, JointApplication.id, summary)


@router.get("/{joint_application_id}")
async def get_filed_joint_application(
    tx: ReadTx, caller: Staff, response: Response, joint_application_id: UUID
) -> schemas.FiledJointApplication:
    """Get a joint application of one's divisions with the standing of each branch."""
    return tagged(response, await shown_to_staff(tx, await service.of_staff(tx, caller, joint_application_id)))
