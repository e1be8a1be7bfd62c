"""Reads of personal data that other services announce."""

from uuid import UUID

from pydantic import AwareDatetime
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_identity.privacy.data_reads.models import DataRead


class PersonalDataRead(EventData):
    person_id: UUID
    audit_record_id: UUID
    action: str
    data: list[str]
    role: str | None = None
    organisation_id: UUID | None = None
    read_at: AwareDatetime


async def _keep(tx: AsyncSession, event: Received[PersonalDataRead]) -> None:
    read = event.data
    tx.add(
        DataRead(
            id=event.id,
            person_id=read.person_id,
            service=event.type.split(".")[2],
            reference=str(read.audit_record_id),
            data=read.data,
            reason=read.action,
            role=read.role,
            organisation_id=read.organisation_id,
            read_at=read.read_at,
        )
    )
    await tx.flush()


HANDLERS: list[AnyHandler] = [
    Handler(f"cn.ili.{service}.personal_data.read.v1", PersonalDataRead, _keep) for service in ("payments", "services")
]
