from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.telemetry import log
from svc_payments.oversight.incidents.models import Incident, IncidentKind


async def record(tx: AsyncSession, kind: IncidentKind, subject: object, **details: str | int | None) -> None:
    """Keep a finding for people, once however often it is found, and again when it recurs after it was resolved."""
    log.error("incident", kind=kind, subject=str(subject))
    before = select(func.count()).where(Incident.kind == kind, Incident.subject == str(subject)).scalar_subquery()
    row = {"kind": kind, "subject": str(subject), "details": details, "times": before + 1}
    await tx.execute(insert(Incident).values(row).on_conflict_do_nothing())
