from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.my_data import records
from svc_services.cases.joint.models import JointApplication, JointBranch, JointResult, JointSurvey


async def of_person(tx: AsyncSession, person_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """The joint applications of a person, for the file of their data; the branches are among the applications."""
    mine = select(JointApplication.id).where(JointApplication.person_id == person_id)
    return {
        "joint_applications": await records(tx, JointApplication, JointApplication.person_id == person_id),
        "joint_branches": await records(tx, JointBranch, JointBranch.joint_application_id.in_(mine)),
        "joint_surveys": await records(tx, JointSurvey, JointSurvey.joint_application_id.in_(mine)),
        "joint_results": await records(tx, JointResult, JointResult.joint_application_id.in_(mine)),
    }
