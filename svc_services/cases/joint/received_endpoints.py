from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_services.cases.joint import schemas, service
from svc_services.cases.joint import survey as surveys
from svc_services.cases.joint.models import JointApplication, JointBranch, JointStatus
from svc_services.cases.joint.presenters import shown_to_provider, summary, tagged
from svc_services.cases.joint.queries import locked
from svc_services.providers.applications.models import Provider
from svc_services.providers.connections.queries import locked_caller

router = APIRouter(prefix="/services/v1/received-joint-applications", tags=["joint applications"])
ProviderSystem = Annotated[Caller, Depends(allow(scope="accounts:write"))]


@router.get("")
async def list_received_joint_applications(
    tx: ReadTx, caller: ProviderSystem, page: PageQuery
) -> Page[schemas.JointApplicationSummary]:
    """List the open joint applications with a branch of the provider, oldest first."""
    own = select(JointBranch.joint_application_id).where(JointBranch.provider_id == caller.id)
    query = select(JointApplication).where(JointApplication.id.in_(own), JointApplication.status == JointStatus.OPEN)
    return await page_of(tx, query, page, JointApplication.id, summary)


@router.get("/{joint_application_id}")
async def get_received_joint_application(
    tx: ReadTx, caller: ProviderSystem, response: Response, joint_application_id: UUID
) -> schemas.ReceivedJointApplication:
    """Get a joint application with the provider's own branch, the other companies of it, and the days for a visit."""
    joint = await service.of_provider(tx, caller.id, joint_application_id)
    return tagged(response, await shown_to_provider(tx, joint, await tx.get_one(Provider, caller.id)))


@router.post("/{joint_application_id}/survey-days")
async def propose_survey_days_as_provider(
    tx: Tx,
    caller: ProviderSystem,
    response: Response,
    once: OnceKey,
    joint_application_id: UUID,
    body: schemas.ProposedDays,
) -> schemas.ReceivedJointApplication:
    """Propose days on which all companies could come at once, where nobody has or none suited all.

    The provider accepts them.
    """

    async def propose() -> schemas.ReceivedJointApplication:
        provider = await locked_caller(tx, caller.id, read=True)
        await service.of_provider(tx, caller.id, joint_application_id)
        held = await locked(tx, joint_application_id)
        await surveys.propose(tx, held, body, caller.id)
        return await shown_to_provider(tx, held.joint, provider)

    return tagged(response, await once.do(tx, caller, propose()))


@router.put("/{joint_application_id}/survey-answer")
async def set_survey_answer(
    tx: Tx, caller: ProviderSystem, response: Response, joint_application_id: UUID, body: schemas.SurveyAnswer
) -> schemas.ReceivedJointApplication:
    """Set on which of the proposed days the provider can come; the answer can be replaced until a day is decided."""
    provider = await locked_caller(tx, caller.id, read=True)
    await service.of_provider(tx, caller.id, joint_application_id)
    held = await locked(tx, joint_application_id)
    await surveys.answer(tx, held, caller.id, body)
    return tagged(response, await shown_to_provider(tx, held.joint, provider))
