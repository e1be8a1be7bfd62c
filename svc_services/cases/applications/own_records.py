from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.my_data import records
from svc_services.cases.applications.models import Application, ApplicationStep, PromiseMove
from svc_services.cases.extensions.models import CaseExtension
from svc_services.cases.fees.models import ApplicationFee
from svc_services.cases.routings.models import CaseRouting

_OF_THE_OFFICE = ("claimed_by", "claimed_until", "look_at", "level", "calendar_revision", "assigned_to", "taken_in_by")


async def of_person(tx: AsyncSession, person_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """The applications of a person and their steps, for the file of their data."""
    mine = select(Application.id).where(Application.person_id == person_id)
    return {
        "applications": await records(tx, Application, Application.person_id == person_id, without=_OF_THE_OFFICE),
        "application_promise_moves": await records(tx, PromiseMove, PromiseMove.application_id.in_(mine)),
        "application_steps": await records(
            tx, ApplicationStep, ApplicationStep.application_id.in_(mine), without=("actor_id",)
        ),
        "case_routings": await records(
            tx, CaseRouting, CaseRouting.application_id.in_(mine), without=("routed_by", "position")
        ),
        "case_extensions": await records(
            tx, CaseExtension, CaseExtension.application_id.in_(mine), without=("extended_by", "position")
        ),
        "application_fees": await records(tx, ApplicationFee, ApplicationFee.application_id.in_(mine)),
    }
