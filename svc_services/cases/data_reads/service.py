"""Looks at the files of cases, recorded and announced so that svc_identity can show them to the applicant."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id, now
from chassis.outbox import emit
from svc_services.cases.applications.models import Application
from svc_services.cases.data_reads.events import PersonalDataRead
from svc_services.cases.data_reads.models import CaseRead
from svc_services.cases.workflows.definition import STAFF, Actor

CASE, MATERIAL, PAPER = "read_case", "read_material", "read_paper"
_DATA = {CASE: ["applications"], MATERIAL: ["materials"], PAPER: ["papers"]}


async def record_read(
    tx: AsyncSession, caller: Caller, case: Application, action: str = CASE, subject_id: UUID | None = None
) -> None:
    """Record that somebody other than the applicant has read something of a case."""
    held = caller.memberships_as(*STAFF)
    role, organisation_id = (held[0].role, held[0].organisation_id) if held else (Actor.PROVIDER.value, None)
    read = CaseRead(
        id=new_id(),
        application_id=case.id,
        reader_id=caller.id,
        role=role,
        organisation_id=organisation_id,
        action=action,
        subject_id=subject_id or case.id,
        read_at=now(),
    )
    tx.add(read)
    same = {"action": action, "role": role, "organisation_id": organisation_id, "read_at": read.read_at}
    await emit(tx, PersonalDataRead(person_id=case.person_id, audit_record_id=read.id, data=_DATA[action], **same))
