"""The bills due on one account, and the bills that the platform makes: advances, top-ups, fees of applications."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.problems import Problem
from svc_payments.billing.bills.models import Bill, BillKind, BillStatus

OUR_PREFIX = "MYILI-"
"""Prefixes of the platform's bill numbers; providers' own numbers never start with them."""


class NothingDue(Problem):
    status, code = 409, "nothing_due"


async def lock_account(tx: AsyncSession, provider_id: UUID, account_number: str) -> None:
    """Serialise payments on an account that name no bills, also while it has none."""
    lock = func.hashtextextended(f"account\n{provider_id}\n{account_number}", 0)
    await tx.execute(select(func.pg_advisory_xact_lock(lock)))


async def of_account(
    tx: AsyncSession, provider_id: UUID, account_number: str, *conditions: ColumnElement[bool], locked: bool
) -> Sequence[Bill]:
    """The bills that are due or being paid, the oldest first.

    Top-ups are left out: they are not owed, and any person may buy one for the account.
    """
    wanted = select(Bill).where(
        Bill.provider_id == provider_id,
        Bill.account_number == account_number,
        Bill.status.in_((BillStatus.DUE, BillStatus.PAYING)),
        Bill.kind != BillKind.TOP_UP,
        *conditions,
    )
    if locked:
        # Locked in the order of ids, as everywhere, and sorted afterwards.
        wanted = wanted.order_by(Bill.id).with_for_update(of=Bill).execution_options(populate_existing=True)
    found = (await tx.scalars(wanted)).all()
    return sorted(found, key=lambda bill: (bill.due_date, bill.id))


async def paid_ahead_fen(tx: AsyncSession, provider_id: UUID, account_number: str) -> int:
    """What was paid in advance on an account since its last bill; that bill accounts for earlier advances."""
    of_account = (Bill.provider_id == provider_id, Bill.account_number == account_number)
    regular = select(Bill.id).where(*of_account, Bill.kind == BillKind.REGULAR)
    last = await tx.scalar(regular.order_by(Bill.id.desc()).limit(1))
    since = [Bill.id > last] if last else []
    counted = case((Bill.status == BillStatus.PAYING, Bill.amount_fen), else_=Bill.paid_fen)
    ahead = select(func.coalesce(func.sum(counted), 0)).where(*of_account, Bill.kind == BillKind.ADVANCE, *since)
    return int(await tx.scalar(ahead) or 0)


@dataclass(frozen=True)
class Made:
    """A bill that the platform makes, for money paid without a bill of the provider."""

    kind: BillKind
    provider_id: UUID
    account_number: str
    amount_fen: int
    day: date
    bill_id: UUID | None = None
    payable_until: date | None = None


async def make(tx: AsyncSession, made: Made) -> Bill:
    """Make a due bill. One that is made for a payment is voided if the payment fails."""
    bill_id = made.bill_id or new_id()
    bill = Bill(
        id=bill_id,
        kind=made.kind,
        provider_id=made.provider_id,
        bill_number=f"{OUR_PREFIX}{base64.b32encode(bill_id.bytes).decode().rstrip('=')}",
        account_number=made.account_number,
        period=made.day.replace(day=1),
        usage=Decimal(0),
        amount_fen=made.amount_fen,
        due_date=made.payable_until or made.day,
        expires_on=made.payable_until,
        bill_file_id=None,
    )
    tx.add(bill)
    await tx.flush()
    return bill
