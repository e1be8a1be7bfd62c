"""Changes that a provider makes to its bills: each makes a new version, never an edit."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from chassis.problems import NotFound, Problem
from kit.calendar import this_month, today
from kit.fields.customer_parameters import CustomerParameters, canonical
from kit.invariants import InvariantBrokenError
from svc_payments.billing.bills import schemas
from svc_payments.billing.bills.events import BillAmended, BillChanged, BillExpired, BillVoided
from svc_payments.billing.bills.models import Bill, BillKind, BillStatus, ChangeReason
from svc_payments.billing.bills.reasons import Reason, message_of
from svc_payments.billing.bills.replaced import keep_version
from svc_payments.billing.bills.service import BillAlreadyPaid, PaymentInProgress, show_bills
from svc_payments.billing.bills.similar import number_of_same_bill
from svc_payments.billing.bills.staging import one_at_a_time
from svc_payments.billing.bills.validation import COLUMNS, CheckedRow, checked
from svc_payments.parties.providers.account_numbers import parameters_of

_AMENDABLE = (*COLUMNS, "expires_on", "meter_digits")
_SAME_BILL_BY = frozenset({"account_number", "period", "amount_fen"})
_EXPIRED_AT_ONCE = 10_000
_LOOKED_BACK = timedelta(days=40)


class BillMadeHere(Problem):
    """An advance, a top-up or a fee of an application belongs to the platform; its provider cannot change it."""

    status, code = 409, "bill_made_here"


class BillPartlyPaid(Problem):
    status, code = 409, "bill_partly_paid"


class BillIsVoid(Problem):
    status, code = 409, "bill_void"


class BillHasExpired(Problem):
    status, code = 409, "bill_expired"


class BillIsSuperseded(Problem):
    status, code = 409, "bill_superseded"


class OtherVersion(Problem):
    """The bill has changed since the caller read it."""

    status, code = 409, "other_version"


class BillRefused(Problem):
    """The new content breaks a rule of bill files; `reason` names it, and `message` says it in words."""

    status, code = 422, "bill_refused"

    def __init__(self, reason: Reason, numbers: CustomerParameters, other_number: str | None = None) -> None:
        super().__init__(reason=reason)
        self._reason, self._numbers, self._other_number = reason, numbers, other_number

    def render(self, language: str) -> dict[str, Any]:
        message = message_of(self._reason, language, self._numbers, self._other_number)
        self.values = {"reason": self._reason, "message": message}
        return super().render(language)


_NOT_OPEN: dict[str, type[Problem]] = {
    BillStatus.PAYING: PaymentInProgress,
    BillStatus.PAID: BillAlreadyPaid,
    BillStatus.POSTED: BillAlreadyPaid,
    BillStatus.VOID: BillIsVoid,
    BillStatus.EXPIRED: BillHasExpired,
    BillStatus.SUPERSEDED: BillIsSuperseded,
}


async def amend(tx: AsyncSession, provider_id: UUID, bill_id: UUID, amendment: schemas.Amendment) -> schemas.Bill:
    """Amend a due bill; an amendment without a difference has no effect.

    Raises:
        NotFound: this provider has no such bill.
        BillRefused: the new content is invalid.
        OtherVersion, BillMadeHere, PaymentInProgress, BillAlreadyPaid, BillPartlyPaid, BillIsVoid, BillHasExpired,
            BillIsSuperseded: it cannot change.
    """
    if amendment.model_fields_set & _SAME_BILL_BY:
        await one_at_a_time(tx, provider_id)
    bill = await _open_bill(tx, provider_id, bill_id, amendment)
    numbers = await parameters_of(tx, provider_id)
    values = _as_row(bill, amendment)
    # The number of a bill on record is the provider's, also when it has declared others since.
    known = canonical(values[COLUMNS.index("account_number")]) == bill.account_number
    row = checked(values, this_month(), None if known else numbers, _AMENDABLE)
    if not isinstance(row, CheckedRow):
        raise BillRefused(row, numbers)
    expires_on = date.fromisoformat(row.expires_on) if row.expires_on else None
    digits = int(row.meter_digits) if row.meter_digits else None
    content = {**content_of(row), "expires_on": expires_on, "meter_digits": digits}
    if content != {**content_of_bill(bill), "expires_on": bill.expires_on, "meter_digits": bill.meter_digits}:
        alike = all(content[name] == getattr(bill, name) for name in _SAME_BILL_BY)
        if not alike and (other_number := await number_of_same_bill(tx, bill, content)):
            raise BillRefused(Reason.SIMILAR_BILL_NUMBER, numbers, other_number)
        if (content["usage"], content["period"]) != (bill.usage, bill.period):
            bill.usage_details = None
        keep_version(tx, bill, ChangeReason(amendment.reason), amendment.note)
        for name, value in content.items():
            setattr(bill, name, value)
        await _tell(tx, BillAmended, bill)
    return await _shown(tx, bill)


def content_of(row: CheckedRow) -> dict[str, Any]:
    """The content of a bill as a row, without what only some rows say: its last day for paying, the meter's digits."""
    return {
        "account_number": row.account_number,
        "period": date.fromisoformat(row.period),
        "usage": Decimal(row.usage),
        "amount_fen": int(row.amount_fen),
        "due_date": date.fromisoformat(row.due_date),
        "meter_from": Decimal(row.meter_from) if row.meter_from else None,
        "meter_to": Decimal(row.meter_to) if row.meter_to else None,
    }


def content_of_bill(bill: Bill) -> dict[str, Any]:
    """The same for an existing bill."""
    names = ("account_number", "period", "usage", "amount_fen", "due_date", "meter_from", "meter_to")
    return {name: getattr(bill, name) for name in names}


def _as_row(bill: Bill, amendment: schemas.Amendment) -> list[str]:
    """The amended bill as a row of a bill file."""
    changes = amendment.model_dump(exclude_unset=True)
    amount_fen: int | None = changes.get("amount_fen", bill.amount_fen)
    now = {
        "bill_number": bill.bill_number,
        "account_number": bill.account_number,
        "period": f"{bill.period:%Y-%m}",
        "usage": bill.usage,
        "due_date": bill.due_date,
        "meter_from": bill.meter_from,
        "meter_to": bill.meter_to,
        "expires_on": bill.expires_on,
        "meter_digits": bill.meter_digits,
        **changes,
        "amount": None if amount_fen is None else schemas.yuan(amount_fen),
    }
    return ["" if now[name] is None else str(now[name]) for name in _AMENDABLE]


async def void(tx: AsyncSession, provider_id: UUID, bill_id: UUID, change: schemas.Change) -> schemas.Bill:
    """Void a due bill.

    Raises:
        NotFound, OtherVersion, BillMadeHere, PaymentInProgress, BillAlreadyPaid, BillPartlyPaid, BillIsVoid,
            BillHasExpired, BillIsSuperseded: as for an amendment.
    """
    return await _withdraw(tx, await _open_bill(tx, provider_id, bill_id, change), BillStatus.VOID, BillVoided, change)


async def expire(tx: AsyncSession, provider_id: UUID, bill_id: UUID, change: schemas.Change) -> schemas.Bill:
    """Expire a due bill.

    Raises:
        NotFound, OtherVersion, BillMadeHere, PaymentInProgress, BillAlreadyPaid, BillPartlyPaid, BillIsVoid,
            BillHasExpired, BillIsSuperseded: as for an amendment.
    """
    bill = await _open_bill(tx, provider_id, bill_id, change)
    return await _withdraw(tx, bill, BillStatus.EXPIRED, BillExpired, change)


async def _withdraw(
    tx: AsyncSession, bill: Bill, status: BillStatus, event: type[BillChanged], change: schemas.Change
) -> schemas.Bill:
    keep_version(tx, bill, ChangeReason(change.reason), change.note)
    bill.move_to(status)
    await _tell(tx, event, bill)
    return await _shown(tx, bill)


async def void_unnamed(tx: AsyncSession, bill: Bill) -> None:
    """Void a locked bill that an earlier live query returned and the latest does not."""
    keep_version(tx, bill, ChangeReason.NOT_NAMED)
    bill.move_to(BillStatus.VOID)
    await _tell(tx, BillVoided, bill)


async def restore_named(tx: AsyncSession, bill: Bill) -> None:
    """Make a locked bill due again: the provider returns it again after leaving it out."""
    keep_version(tx, bill, ChangeReason.NAMED_AGAIN)
    bill.move_to(BillStatus.DUE)
    await _tell(tx, BillAmended, bill)


async def _open_bill(tx: AsyncSession, provider_id: UUID, bill_id: UUID, change: schemas.Change) -> Bill:
    """A bill of this provider that may change, locked."""
    query = select(Bill).where(Bill.id == bill_id, Bill.provider_id == provider_id).with_for_update(of=Bill)
    bill = await tx.scalar(query.execution_options(populate_existing=True))
    if bill is None:
        raise NotFound
    if refusal := _NOT_OPEN.get(bill.status):
        raise refusal(bill_id=str(bill_id))
    if bill.kind != BillKind.REGULAR:
        raise BillMadeHere(bill_id=str(bill_id))
    if bill.paid_fen:
        raise BillPartlyPaid(bill_id=str(bill_id))
    if change.version not in {None, bill.version}:
        raise OtherVersion(bill_id=str(bill_id), version=bill.version)
    return bill


async def _tell(tx: AsyncSession, event: type[BillChanged], bill: Bill) -> None:
    await tx.flush()
    if bill.reason is None:
        raise InvariantBrokenError("a changed bill has no reason")
    await emit(tx, event(bill_id=bill.id, provider_id=bill.provider_id, version=bill.version, reason=str(bill.reason)))


async def _shown(tx: AsyncSession, bill: Bill) -> schemas.Bill:
    (shown,) = await show_bills(tx, [bill])
    return shown


_EXPIRE = """
    WITH over AS (
        SELECT id FROM bills
        WHERE expires_on >= :since AND expires_on < :today AND status = 'due' AND paid_fen = 0
        ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED
    ), changed AS (
        UPDATE bills SET status = 'expired', version = version + 1, reason = 'past_expiry', note = NULL
        FROM over WHERE bills.id = over.id
        RETURNING old.*
    ), kept AS (
        INSERT INTO bill_versions (bill_id, version, account_number, period, usage, amount_fen, due_date, meter_from,
            meter_to, meter_digits, expires_on, reason, note, bill_file_id)
        SELECT id, version, account_number, period, usage, amount_fen, due_date, meter_from, meter_to, meter_digits,
            expires_on, reason, note, bill_file_id
        FROM changed
    )
    SELECT id, provider_id, version + 1 AS version FROM changed ORDER BY id
"""


async def expire_overdue(tx: AsyncSession) -> int:
    """Expire due bills whose last day is over, up to a number of them. Returns how many.

    A bill that is being paid is skipped: if that payment fails, a later run finds it, for some weeks. Whatever its
    status says, no payment of a bill begins after its last day.
    """
    values = {"today": today(), "since": today() - _LOOKED_BACK, "most": _EXPIRED_AT_ONCE}
    expired = (await tx.execute(text(_EXPIRE), values)).all()
    if expired:
        reason = ChangeReason.PAST_EXPIRY
        events = (
            BillExpired(bill_id=id_, provider_id=by, version=version, reason=reason) for id_, by, version in expired
        )
        await emit(tx, *events)
    return len(expired)
