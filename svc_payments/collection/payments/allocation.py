"""What a payment would pay: how much of which bills, with which late fees, by the provider's terms of today."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound, Problem
from kit.calendar import today_of
from svc_payments.amounts import money
from svc_payments.billing.bills import account_bills
from svc_payments.billing.bills.account_bills import Made, NothingDue
from svc_payments.billing.bills.accruals import accrued_late_fee
from svc_payments.billing.bills.models import Bill, BillKind, BillStatus
from svc_payments.billing.bills.queries import visible_to
from svc_payments.billing.bills.service import PaymentInProgress
from svc_payments.billing.terms import service as payment_terms
from svc_payments.billing.terms.late_fees import owed_of
from svc_payments.billing.terms.service import History
from svc_payments.billing.terms.terms import Terms
from svc_payments.parties.accounts.queries import is_bound
from svc_payments.parties.providers.account_numbers import require_number_of
from svc_payments.settings.channels import ChannelName

MOST_BILLS = 50


class BillsOfSeveralProviders(Problem):
    status, code = 422, "bills_of_several_providers"


class OlderBillFirst(Problem):
    """The provider books an account's oldest bill first."""

    status, code = 409, "older_bill_first"


class PaidInFullOnly(Problem):
    """The amount pays a bill in part, which the provider does not take."""

    status, code = 422, "paid_in_full_only"


class PartTooSmall(Problem):
    status, code = 422, "part_too_small"


class AbovePayable(Problem):
    """The amount is more than is due, and the provider takes nothing ahead."""

    status, code = 422, "above_payable"


class AbovePurchasable(Problem):
    """More than may be paid ahead, or bought."""

    status, code = 422, "above_purchasable"


class ChannelNotAccepted(Problem):
    status, code = 422, "channel_not_accepted"


class OutsideChannelLimits(Problem):
    status, code = 422, "outside_channel_limits"


@dataclass(frozen=True)
class PlannedLine:
    bill: Bill
    owed_fen: int
    """How much of what is left of the bill."""
    late_fee_fen: int
    partial: bool = False
    """Whether it is less than all that is left of the bill and its late fee."""

    @property
    def amount_fen(self) -> int:
        return self.owed_fen + self.late_fee_fen


@dataclass(frozen=True)
class Plan:
    provider_id: UUID
    terms: Terms
    lines: Sequence[PlannedLine]
    made: Made | None = None
    """A bill to be made with the payment: for what is paid ahead, or for a top-up."""

    @property
    def amount_fen(self) -> int:
        return sum(line.amount_fen for line in self.lines) + (self.made.amount_fen if self.made else 0)

    @property
    def late_fee_fen(self) -> int:
        return sum(line.late_fee_fen for line in self.lines)

    def check_channel(self, channel: ChannelName) -> None:
        """Refuse a channel that the provider's terms do not let this be paid over.

        Raises:
            ChannelNotAccepted, OutsideChannelLimits
        """
        limits = self.terms.limits(channel)
        if limits is None:
            raise ChannelNotAccepted(channels=[each.channel for each in self.terms.channels or ()])
        if not limits.least_fen <= self.amount_fen <= limits.most_fen:
            raise OutsideChannelLimits(
                **money(least=limits.least_fen, most=limits.most_fen, amount=self.amount_fen), channel=channel
            )


async def whole_bills(tx: AsyncSession, bills: Sequence[Bill], seen_by: UUID | None = None) -> Plan:
    """All that is left of these due bills, with today's late fees.

    Args:
        tx: the transaction.
        bills: what is to be paid.
        seen_by: a payer who may not see all bills of the account; None for one who may.

    Raises:
        BillsOfSeveralProviders: a payment is for one provider.
        OlderBillFirst: an older one of an account has to be paid along.
        PaymentInProgress: it is being paid just now.
    """
    provider_ids = {bill.provider_id for bill in bills}
    if len(provider_ids) > 1:
        raise BillsOfSeveralProviders
    provider_id = provider_ids.pop()
    history, day = await payment_terms.history(tx, provider_id), await today_of(tx)
    terms = history.on(day)
    if terms.oldest_first:
        await _require_oldest(tx, bills, [visible_to(seen_by)] if seen_by else [])
    return Plan(provider_id, terms, [_whole(bill, history, day) for bill in bills])


async def _require_oldest(tx: AsyncSession, bills: Sequence[Bill], visible: Sequence[ColumnElement[bool]]) -> None:
    newest: Mapping[str, date] = {
        number: max(bill.due_date for bill in bills if bill.account_number == number)
        for number in {bill.account_number for bill in bills}
    }
    chosen = {bill.id for bill in bills}
    for account_number, due_date in sorted(newest.items()):
        due = await account_bills.of_account(tx, bills[0].provider_id, account_number, *visible, locked=False)
        older = [bill for bill in due if bill.due_date < due_date and bill.id not in chosen]
        _refuse_paying(older)
        if older:
            raise OlderBillFirst(bill_ids=[str(bill.id) for bill in older])


def _refuse_paying(bills: Iterable[Bill]) -> None:
    for bill in bills:
        if bill.status == BillStatus.PAYING:
            raise PaymentInProgress(bill_id=str(bill.id))


async def of_account(
    tx: AsyncSession,
    person_id: UUID,
    provider_id: UUID,
    account_number: str,
    amount_fen: int | None,
    *,
    locked: bool,
) -> Plan:
    """An amount laid out over what is due on an account, the oldest bill first; what is left over is paid ahead.

    Without an amount it is all that is due. `locked` is for paying now: it keeps other payers off the account until the
    transaction ends.

    Raises:
        NotFound, BadAccountNumber, BadAccountCheckDigit: the person is not bound to such an account.
        PaymentInProgress: a payment of this account is open.
        NothingDue, PaidInFullOnly, PartTooSmall, AbovePayable, AbovePurchasable: the terms do not allow this amount.
    """
    if not await is_bound(tx, person_id, provider_id, account_number):
        await require_number_of(tx, provider_id, account_number)
        raise NotFound
    if locked:
        await account_bills.lock_account(tx, provider_id, account_number)
    due = await account_bills.of_account(tx, provider_id, account_number, visible_to(person_id), locked=locked)
    _refuse_paying(due)
    history, day = await payment_terms.history(tx, provider_id), await today_of(tx)
    terms = history.on(day)
    whole = [_whole(bill, history, day) for bill in due[:MOST_BILLS]]
    payable_fen = sum(line.amount_fen for line in whole)
    if amount_fen is None:
        return Plan(provider_id, terms, whole)
    lines, rest_fen = allocate(whole, amount_fen, history, day)
    _check_part(terms, lines, amount_fen, payable_fen)
    if rest_fen and len(due) > MOST_BILLS:
        raise AbovePayable(**money(payable=payable_fen))
    if rest_fen:
        await _check_advance(tx, terms, provider_id, account_number, rest_fen, payable_fen)
    advance = Made(BillKind.ADVANCE, provider_id, account_number, rest_fen, day) if rest_fen else None
    return Plan(provider_id, terms, lines, advance)


def allocate(
    whole: Sequence[PlannedLine], amount_fen: int, history: History, day: date
) -> tuple[list[PlannedLine], int]:
    """Allocate an amount to bills in their order, the last one in part. Returns the lines and the rest."""
    lines: list[PlannedLine] = []
    rest_fen = amount_fen
    for line in whole:
        if rest_fen < line.amount_fen:
            if rest_fen:
                rule = history.late_fee_rule(line.bill.due_date)
                owed_fen = owed_of(rule, rest_fen, line.bill.due_date, day)
                lines.append(PlannedLine(line.bill, owed_fen, rest_fen - owed_fen, partial=True))
            return lines, 0
        lines.append(line)
        rest_fen -= line.amount_fen
    return lines, rest_fen


def _check_part(terms: Terms, lines: Sequence[PlannedLine], amount_fen: int, payable_fen: int) -> None:
    if not (lines and lines[-1].partial):
        return
    if terms.partial_payment is None:
        raise PaidInFullOnly(**money(payable=payable_fen), bill_id=str(lines[-1].bill.id))
    if amount_fen < terms.partial_payment.least_fen:
        raise PartTooSmall(**money(least=terms.partial_payment.least_fen, payable=payable_fen))


async def _check_advance(
    tx: AsyncSession, terms: Terms, provider_id: UUID, account_number: str, advance_fen: int, payable_fen: int
) -> None:
    if terms.advance_payment is None:
        if payable_fen:
            raise AbovePayable(**money(payable=payable_fen))
        raise NothingDue
    ahead_fen = await account_bills.paid_ahead_fen(tx, provider_id, account_number)
    most_fen = max(0, terms.advance_payment.most_fen - ahead_fen)
    if advance_fen > most_fen:
        raise AbovePurchasable(**money(most=payable_fen + most_fen))


def _whole(bill: Bill, history: History, day: date) -> PlannedLine:
    return PlannedLine(bill, bill.outstanding_fen, accrued_late_fee(bill, history, day))
