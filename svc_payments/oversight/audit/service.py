from collections.abc import Mapping

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
) -> None:
    """Record an action in the trail; the record exists exactly if the transaction commits.

    Args:
        tx: the transaction of the act.
        caller: who acts; None for an automatic action.
        action: a verb and its noun, such as `approve_refund`.
        subject: the id of the object acted on or read.
        reason: in the words of who acts.
        details: ids, codes and figures, never personal data.
    """
    await record_all(tx, caller, action, {subject: details}, reason=reason)


async def record_all(
    tx: AsyncSession,
    caller: Caller | None,
    action: str,
    subjects: Mapping[object, Mapping[str, str | int | None]],
    *,
    reason: str | None = None,
) -> None:
    """The same of several subjects at once, each with its details."""
    actor = caller.subject if caller else SYSTEM
    tx.add_all(
        AuditRecord(actor=actor, action=action, subject=str(subject), reason=reason, details=dict(details))
        for subject, details in subjects.items()
    )
    await tx.flush()
    for subject in subjects:
        record_act(tx, action, subject)
