"""Bills sent as JSON: the same rules, reasons and tables as bill files."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import this_month
from kit.fields.customer_parameters import CustomerParameters
from svc_payments.billing.bills import merge, schemas, staging
from svc_payments.billing.bills.reasons import Reason, message_of
from svc_payments.billing.bills.staging import staged_columns, staged_line
from svc_payments.billing.bills.validation import COLUMNS, MORE_COLUMNS, CheckedRow, checked
from svc_payments.parties.providers.account_numbers import parameters_of
from svc_payments.parties.providers.service import expect_provider

_NAMES = (*COLUMNS, *MORE_COLUMNS)
_STAGED = staged_columns(_NAMES)


async def push(
    tx: AsyncSession, provider_id: UUID, bills: Sequence[schemas.PushedBill], language: str
) -> schemas.PushReport:
    """Ingest bills one by one: each is accepted, amends an existing bill, changes nothing, or is refused.

    Raises:
        ProviderNotReady: the provider's approval has not arrived here yet.
    """
    await expect_provider(tx, provider_id)
    month, numbers = this_month(), await parameters_of(tx, provider_id)
    rows = [checked(_values(bill), month, numbers, _NAMES) for bill in bills]
    await staging.stage(tx, _STAGED, _lines(rows))
    await staging.one_at_a_time(tx, provider_id)
    await merge.take_in(tx, provider_id, None, says_expiry=True)
    claimed = {outcome.row: outcome for outcome in await merge.outcomes(tx)}
    reader = _Reader(language, numbers)
    outcomes = [
        reader.refused(index, bill, row) if isinstance(row, Reason) else reader.outcome(index, bill, claimed[index])
        for index, (bill, row) in enumerate(zip(bills, rows, strict=True))
    ]
    counts = Counter(outcome.outcome for outcome in outcomes)
    return schemas.PushReport(
        bills=outcomes, **{name: counts[name] for name in ("accepted", "unchanged", "amended", "refused")}
    )


def _values(bill: schemas.PushedBill) -> list[str]:
    fields = {**bill.model_dump(), "amount": schemas.yuan(bill.amount_fen)}
    return ["" if fields[name] is None else str(fields[name]) for name in _NAMES]


async def _lines(rows: Sequence[CheckedRow | Reason]) -> AsyncIterator[bytes]:
    for index, row in enumerate(rows):
        if isinstance(row, CheckedRow):
            yield staged_line(index, row, row.bill_number, len(_STAGED)).encode()


@dataclass(frozen=True)
class _Reader:
    """Shows outcomes to the sender of a push."""

    language: str
    numbers: CustomerParameters

    def outcome(self, index: int, bill: schemas.PushedBill, claimed: merge.Outcome) -> schemas.PushedBillOutcome:
        if claimed.outcome not in {"accepted", "unchanged", "amended"}:
            return self.refused(index, bill, Reason(claimed.outcome), claimed.bill_id, claimed.other_number)
        return schemas.PushedBillOutcome(
            index=index,
            bill_number=bill.bill_number,
            outcome=claimed.outcome,
            bill_id=claimed.bill_id,
            reason=None,
            message=None,
        )

    def refused(
        self,
        index: int,
        bill: schemas.PushedBill,
        reason: Reason,
        bill_id: UUID | None = None,
        other_number: str | None = None,
    ) -> schemas.PushedBillOutcome:
        return schemas.PushedBillOutcome(
            index=index,
            bill_number=bill.bill_number,
            outcome="refused",
            bill_id=bill_id,
            reason=reason,
            message=message_of(reason, self.language, self.numbers, other_number),
        )
