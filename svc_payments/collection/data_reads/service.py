"""Audited reads of what belongs to residents, announced so that svc_identity can show them to the person."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.outbox import emit
from svc_payments.collection.data_reads.events import PersonalDataRead
from svc_payments.oversight.audit import service as audit
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.parties.accounts.queries import in_force

PAYMENTS, BILLS, REFUNDS, MANDATES = "payments", "bills", "refunds", "mandates"


async def record_read(
    tx: AsyncSession,
    caller: Caller,
    action: str,
    subject: object,
    *,
    of: Collection[UUID],
    data: Sequence[str],
    roles: Sequence[str],
    **details: str | int | None,
) -> None:
    """Record a read in the audit trail, and announce it to each person whose data it was.

    Args:
        tx: the transaction of the read.
        caller: who reads.
        action: a verb and its noun, such as `look_at_payment`.
        subject: the id of what is read.
        of: the persons.
        data: kinds of data.
        roles: by which of their roles the caller may read it.
        details: ids and codes for the audit record.
    """
    (record_id,) = await audit.record_all(tx, caller, action, {subject: details})
    held = caller.memberships_as(*roles)
    role, organisation_id = (held[0].role, held[0].organisation_id) if held else (None, None)
    about = {"audit_record_id": record_id, "action": action, "data": [*data], "role": role}
    events = [
        PersonalDataRead(person_id=person_id, organisation_id=organisation_id, read_at=now(), **about)
        for person_id in sorted(set(of))
    ]
    if events:
        await emit(tx, *events)


async def holders(tx: AsyncSession, provider_id: UUID, account_number: str) -> Sequence[UUID]:
    """The persons who are bound to an account now."""
    bound = select(AccountBinding.person_id).where(
        AccountBinding.provider_id == provider_id,
        AccountBinding.account_number == account_number,
        in_force(),
    )
    return (await tx.scalars(bound)).all()
