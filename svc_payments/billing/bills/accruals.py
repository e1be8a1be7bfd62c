from datetime import date

from svc_payments.billing.bills.models import Bill, BillKind, BillStatus
from svc_payments.billing.terms.late_fees import late_fee
from svc_payments.billing.terms.service import History


def accrued_late_fee(bill: Bill, history: History, day: date) -> int:
    """The late fee accrued by a day on the unpaid amount of a bill, by the terms of its due date."""
    if bill.status not in {BillStatus.DUE, BillStatus.PAYING} or bill.kind == BillKind.APPLICATION_FEE:
        return 0
    return late_fee(history.late_fee_rule(bill.due_date), bill.outstanding_fen, bill.due_date, day)
