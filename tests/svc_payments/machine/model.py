"""A model of svc_payments without databases, signatures, queues or clocks.

After every step the machine compares the service with the model: bills, payments, refunds and ledger balances.
`send` applies the effect of a message outside, and returns whether its answer arrives here.
"""

from functools import partial

from tests.svc_payments.machine.entities import Line, Payment, Posting, Refund
from tests.svc_payments.machine.refunds import RefundModel


class Model(RefundModel):
    """Payments and their postings to providers."""

    # Payments.

    def may_begin(self, *bills: str) -> bool:
        return all(self.bills[bill].status == "due" for bill in bills)

    def begin(self, name: str, payment: Payment) -> None:
        self.payments[name] = payment
        for bill in payment.lines:
            self.bills[bill].status = "paying"

    def confirm(self, payment: Payment, line: Line) -> None:
        if payment.status == "created":
            payment.status = "pending"
            self._place(payment, line)
        elif payment.status == "unknown":
            self.query_order(payment, line)

    def query_order(self, payment: Payment, line: Line) -> None:
        known = payment.status == "pending" and payment.placed
        if line in {Line.LOST, Line.ANSWER_LOST}:
            self._mark_unknown(payment)
        elif payment.over or payment.order in {"paid", "closed"} or (known and payment.order == "waiting"):
            self._apply_order_state(payment)
        else:
            self._place(payment, line)

    def cancel(self, payment: Payment, line: Line) -> None:
        if payment.status == "created":
            self.give_up(payment, "expired")
        elif payment.status in {"pending", "unknown"}:
            answered = self.send(line, "close", payment, partial(self.close_there, payment))
            (self._apply_order_state if answered and payment.order != "none" else self._mark_unknown)(payment)

    def _place(self, payment: Payment, line: Line) -> None:
        answered = self.send(line, "orders", payment, partial(self.place_there, payment))
        (self._apply_order_state if answered else self._mark_unknown)(payment)

    def place_there(self, payment: Payment) -> None:
        payment.order = "waiting" if payment.order == "none" else payment.order

    def close_there(self, payment: Payment) -> None:
        payment.order = "closed" if payment.order == "waiting" else payment.order

    def _apply_order_state(self, payment: Payment) -> None:
        if payment.order == "paid":
            self.capture(payment, payment.transactions[0])
        elif payment.order == "closed" or payment.over:
            self.close_there(payment)
            self.give_up(payment, "expired")
        else:
            payment.status, payment.placed = "pending", True

    def _mark_unknown(self, payment: Payment) -> None:
        if payment.status == "unknown" or not payment.placed or payment.over:
            payment.status = "unknown"

    def give_up(self, payment: Payment, status: str) -> None:
        payment.status = status
        for bill in payment.lines:
            self.bills[bill].status = "due"

    def capture(self, payment: Payment, transaction: str) -> None:
        """Capture a payment; a second transaction of the same payment is refunded."""
        first, known = not payment.captured, transaction in payment.captured
        if known:
            return
        payment.captured.append(transaction)
        if not first:
            self.move("receivable", "suspense", payment.fen)
            self.refund(Refund(payment, payment.fen, "suspense", second=True))
            return
        payment.held = payment.status == "expired" and not all(map(partial(self._fits, payment), payment.lines))
        payment.status = "captured"
        self.move("receivable", "suspense" if payment.held else payment.payer, payment.fen)
        if payment.held:
            self.refund(Refund(payment, payment.fen, "suspense"))
            return
        for name, fen in sorted(payment.lines.items()):
            bill = self.bills[name]
            bill.paid += fen
            bill.status = "due" if bill.owed else "paid"
            self.postings.append(Posting(payment, name, fen, bill.fen))

    def _fits(self, payment: Payment, name: str) -> bool:
        bill, fen = self.bills[name], payment.lines[name]
        return bill.status == "due" and (fen <= bill.owed if name == payment.partial else fen == bill.owed)

    # Postings.

    def post(self, line: Line) -> None:
        """Deliver the first open posting of each account, and every cancellation."""
        first: dict[str, Posting] = {}
        for posting in self.postings:
            if posting.status in {"pending", "unknown"}:
                first.setdefault(self.bills[posting.bill].account, posting)
        cancelled = [posting for posting in self.postings if posting.status == "cancelling"]
        for posting in first.values():
            if posting.payment.status == "captured":
                posting.payment.status = "posting"
            self._deliver_posting(posting, line)
        for posting in cancelled:
            self._cancel(posting, line)

    def _deliver_posting(self, posting: Posting, line: Line) -> None:
        queried = posting.status == "unknown"
        if queried and line in {Line.LOST, Line.ANSWER_LOST}:
            answered = False
        elif queried and posting.theirs != "none":
            answered = True
        else:
            answered = self.send(line, "postings", posting, partial(self.book_there, posting))
        if not answered:
            posting.status = "cancelling" if posting.overdue else "unknown"
        elif posting.theirs == "booked":
            self._book(posting)
        else:
            posting.status = "refused"
            self._refund_posting(posting)

    def _cancel(self, posting: Posting, line: Line) -> None:
        answered = self.send(line, "cancellations", posting, partial(self.cancel_there, posting))
        if answered and posting.was_booked:
            self._reverse_booking(posting)
        elif answered and posting.theirs == "booked" and posting.given_up:
            posting.status = "kept"
        elif answered and posting.theirs == "booked":
            self._book(posting)
        elif not posting.was_booked:
            posting.status = "cancelled" if answered else posting.status
            if not posting.given_up:
                posting.given_up = True
                self._refund_posting(posting)

    def _reverse_booking(self, posting: Posting) -> None:
        (refund,) = (
            each
            for each in self.refunds
            if (each.payment, each.bill, each.status) == (posting.payment, posting.bill, "unbooking")
        )
        if posting.theirs == "booked":
            posting.status, refund.status = "booked", "booking_kept"
            self._reserve(refund, -1)
            self._settle(posting.payment)
        else:
            posting.status = "cancelled"
            self.move("payable", posting.payment.payer, refund.fen)
            self._start(refund)

    def book_there(self, posting: Posting) -> None:
        if posting.theirs == "none":
            of_bill = (each.fen for each in self.postings if each.bill == posting.bill and each.theirs == "booked")
            fits = sum(of_bill) + posting.fen <= posting.bill_fen
            wanted = self.bills[posting.bill].account != self.refusing
            posting.theirs = "booked" if fits and wanted else "refused"

    def cancel_there(self, posting: Posting) -> None:
        stays = posting.kept_there or not posting.was_booked
        posting.theirs = "booked" if posting.theirs == "booked" and stays else "cancelled"

    def _book(self, posting: Posting) -> None:
        posting.status, posting.was_booked = "booked", True
        bill = self.bills[posting.bill]
        bill.booked += posting.fen
        if bill.status == "paid" and bill.booked == bill.paid:
            bill.status = "posted"
        self.move(posting.payment.payer, "payable", posting.fen)
        self._settle(posting.payment)

    def _refund_posting(self, posting: Posting) -> None:
        self.refund(Refund(posting.payment, posting.fen, posting.payment.payer, posting.bill))
