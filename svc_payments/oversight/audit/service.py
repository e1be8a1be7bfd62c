from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from svc_payments.oversight.audit.models import AuditRecord
from svc_payments.oversight.audit.security_log import record_act

SYSTEM = "system"
"""The actor of automatic actions."""


async def record(
    tx: AsyncSession,
    caller: Caller | None,
    action: str,
    subject: object,
    *,
    reason: str | None = None,
    **details: str | int | None,
) -> UUID:
    """Record an action in the trail; returns the record's id. It exists exactly if the transaction commits.

    Args:
        tx: the transaction of the act.
        caller: who acts; None for an automatic action.
        action: a verb and its noun, such as `approve_refund`.
        subject: the id of the object acted on or read.
        reason: in the words of who acts.
        details: ids, codes and figures, never personal data.
    """
    (record_id,) = await record_all(tx, caller, action, {subject: details}, reason=reason)
    return record_id


async def record_all(
    tx: AsyncSession,
    caller: Caller | None,
    action: str,
    subjects: Mapping[object, Mapping[str, str | int | None]],
    *,
    reason: str | None = None,
) -> Sequence[UUID]:
    """The same of several subjects at once, each with its details."""
    actor = caller.subject if caller else SYSTEM
    records = [
        AuditRecord(actor=actor, action=action, subject=str(subject), reason=reason, details=dict(details))
        for subject, details in subjects.items()
    ]
    tx.add_all(records)
    await tx.flush()
    for subject in subjects:
        record_act(tx, action, subject)
    return [each.id for each in records]
