"""What a bill was before it changed."""

from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.billing.bills.models import Bill, BillVersion, ChangeReason


def keep_version(tx: AsyncSession, bill: Bill, reason: ChangeReason, note: str | None = None) -> None:
    """Keep the current content of a bill as a version, and begin the next one."""
    kept = (column.key for column in BillVersion.__table__.columns if column.key not in {"bill_id", "replaced_at"})
    tx.add(BillVersion(bill_id=bill.id, **{name: getattr(bill, name) for name in kept}))
    bill.version += 1
    bill.reason = reason
    bill.note = note
    bill.bill_file_id = None
