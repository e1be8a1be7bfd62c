"""What svc_payments has to do, as one would say it without databases, signatures, queues or clocks.

The machine holds the service to this after every step: what each bill and payment is, and what stands on each account.
A message to the outside is `said`: whatever becomes of it there, the question is whether its answer is heard here.
"""

from functools import partial

from tests.svc_payments.machine.entities import Line, Payment, Posting, Refund
from tests.svc_payments.machine.refunds import RefundModel


class Model(RefundModel):
    """PaymentRules, and telling the provider."""

    # PaymentRules.

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
            self.ask(payment, line)

    def ask(self, payment: Payment, line: Line) -> None:
        known = payment.status == "pending" and payment.placed
        if line in {Line.LOST, Line.UNHEARD}:
            self._unheard(payment)
        elif payment.over or payment.order in {"paid", "closed"} or (known and payment.order == "waiting"):
            self._learn(payment)
        else:
            self._place(payment, line)

    def cancel(self, payment: Payment, line: Line) -> None:
        if payment.status == "created":
            self.give_up(payment, "expired")
        elif payment.status in {"pending", "unknown"}:
            heard = self.say(line, "close", payment, partial(self.close_there, payment))
            (self._learn if heard and payment.order != "none" else self._unheard)(payment)

    def _place(self, payment: Payment, line: Line) -> None:
        heard = self.say(line, "orders", payment, partial(self.place_there, payment))
        (self._learn if heard else self._unheard)(payment)

    def place_there(self, payment: Payment) -> None:
        payment.order = "waiting" if payment.order == "none" else payment.order

    def close_there(self, payment: Payment) -> None:
        payment.order = "closed" if payment.order == "waiting" else payment.order

    def _learn(self, payment: Payment) -> None:
        if payment.order == "paid":
            self.take(payment, payment.transactions[0])
        elif payment.order == "closed" or payment.over:
            self.close_there(payment)
            self.give_up(payment, "expired")
        else:
            payment.status, payment.placed = "pending", True

    def _unheard(self, payment: Payment) -> None:
        if payment.status == "unknown" or not payment.placed or payment.over:
            payment.status = "unknown"

    def give_up(self, payment: Payment, status: str) -> None:
        payment.status = status
        for bill in payment.lines:
            self.bills[bill].status = "due"

    def take(self, payment: Payment, transaction: str) -> None:
        """The channel says that it has money for a payment: what came first pays, what came again goes back."""
        first, known = not payment.taken, transaction in payment.taken
        if known:
            return
        payment.taken.append(transaction)
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

    # PostingRules the provider.

    def post(self, line: Line) -> None:
        """Of each account the first that is not settled is told, and every cancellation."""
        first: dict[str, Posting] = {}
        for posting in self.postings:
            if posting.status in {"pending", "unknown"}:
                first.setdefault(self.bills[posting.bill].account, posting)
        cancelled = [posting for posting in self.postings if posting.status == "cancelling"]
        for posting in first.values():
            if posting.payment.status == "captured":
                posting.payment.status = "posting"
            self._tell(posting, line)
        for posting in cancelled:
            self._cancel(posting, line)

    def _tell(self, posting: Posting, line: Line) -> None:
        asked = posting.status == "unknown"
        if asked and line in {Line.LOST, Line.UNHEARD}:
            heard = False
        elif asked and posting.theirs != "none":
            heard = True
        else:
            heard = self.say(line, "postings", posting, partial(self.book_there, posting))
        if not heard:
            posting.status = "cancelling" if posting.overdue else "unknown"
        elif posting.theirs == "booked":
            self._book(posting)
        else:
            posting.status = "refused"
            self._send_back(posting)

    def _cancel(self, posting: Posting, line: Line) -> None:
        heard = self.say(line, "cancellations", posting, partial(self.cancel_there, posting))
        if heard and posting.was_booked:
            self._unbook(posting)
        elif heard and posting.theirs == "booked" and posting.given_up:
            posting.status = "kept"
        elif heard and posting.theirs == "booked":
            self._book(posting)
        elif not posting.was_booked:
            posting.status = "cancelled" if heard else posting.status
            if not posting.given_up:
                posting.given_up = True
                self._send_back(posting)

    def _unbook(self, posting: Posting) -> None:
        (refund,) = (
            each
            for each in self.refunds
            if (each.payment, each.bill, each.status) == (posting.payment, posting.bill, "unbooking")
        )
        if posting.theirs == "booked":
            posting.status, refund.status = "booked", "booking_kept"
            self._set_aside(refund, -1)
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

    def _send_back(self, posting: Posting) -> None:
        self.refund(Refund(posting.payment, posting.fen, posting.payment.payer, posting.bill))
