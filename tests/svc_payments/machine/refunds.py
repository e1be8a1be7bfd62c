"""The model's ledger and refunds."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.svc_payments.machine.entities import Bill, Line, Payment, Posting, Refund


@dataclass
class RefundModel:
    refusing: str
    """The account whose postings the provider refuses."""
    bills: dict[str, Bill] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    postings: list[Posting] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    ledger: "Counter[str]" = field(default_factory=Counter)
    difference: int = 0
    late: list[tuple[str, object, Callable[[], None]]] = field(default_factory=list)
    """Delayed messages: kind, subject and effect on arrival."""

    def send(self, line: Line, kind: str, about: object, effect: Callable[[], None]) -> bool:
        """Apply the effect outside, now or late; returns whether the answer arrives."""
        if line in {Line.GOOD, Line.TWICE, Line.ANSWER_LOST}:
            effect()
        if line is Line.LATE:
            self.late.append((kind, about, effect))
        return line in {Line.GOOD, Line.TWICE}

    def move(self, debit: str, credit: str, fen: int) -> None:
        self.ledger[debit] += fen
        self.ledger[credit] -= fen

    def differ(self, fen: int) -> None:
        """Keep the channel's excess over our books in suspense until the discrepancy is resolved."""
        self.move("receivable", "suspense", fen - self.difference)
        self.difference = fen

    def _settle(self, payment: Payment) -> None:
        """A captured payment's status follows from its refunds and postings."""
        waiting = any(
            each.status in {"pending", "unknown"} or (each.status == "cancelling" and not each.given_up)
            for each in self.postings
            if each.payment is payment
        )
        if payment.refunding:
            payment.status = "reversing"
        elif payment.refunded == payment.fen:
            payment.status = "refunded"
        else:
            payment.status = "posting" if waiting else "completed"

    def refund(self, refund: Refund) -> None:
        """Start an automatic refund, which needs no approval."""
        self.refunds.append(refund)
        self._reserve(refund, 1)
        self._start(refund)

    def _reserve(self, refund: Refund, sign: int) -> None:
        if not refund.second:
            refund.payment.refunding += sign * refund.fen
            refund.payment.gone[refund.bill or ""] += sign * refund.fen

    def _start(self, refund: Refund) -> None:
        refund.status = "started"
        self._settle(refund.payment)
        self.move(refund.source, "refunds", refund.fen)

    def left(self, payment: Payment, bill: str) -> int:
        return payment.lines[bill] - payment.gone[bill]

    def may_request(self, payment: Payment, bill: str, fen: int) -> bool:
        """Whether a refund of this amount of a bill may be requested or proposed."""
        return bool(payment.captured) and not payment.held and 0 < fen <= self.left(payment, bill)

    def needs_two(self, refund: Refund, limit: int) -> bool:
        before = sum(
            each.fen
            for each in self.refunds
            if each.payment is refund.payment and each is not refund and each.decided and each.status != "retried"
        )
        return before + refund.fen > limit

    def may_approve(self, refund: Refund) -> bool:
        """Not while the posting is open, nor for the whole rest while another refund is open."""
        left = self.left(refund.payment, refund.bill or "")
        posting = self._posting(refund)
        on_its_way = any(
            (each.payment, each.bill) == (refund.payment, refund.bill)
            and each.status in {"unbooking", "started", "refunding", "unknown", "failed"}
            for each in self.refunds
        )
        settled = posting.status not in {"pending", "unknown", "cancelling"}
        return refund.fen <= left and settled and not (refund.fen == left and on_its_way)

    def approve(self, refund: Refund) -> None:
        """A partial refund starts at once; a full one waits until the provider cancels its booking."""
        part = refund.fen < self.left(refund.payment, refund.bill or "")
        refund.decided, refund.source = True, "payable" if part else refund.payment.payer
        self._reserve(refund, 1)
        if part:
            self._start(refund)
        else:
            refund.status, self._posting(refund).status = "unbooking", "cancelling"
            self._settle(refund.payment)

    def approve_despite_booking(self, refund: Refund) -> None:
        refund.source = "payable"
        self._reserve(refund, 1)
        self._start(refund)

    def retry(self, failed: Refund, by: int) -> None:
        """The new refund takes over the reservation of the failed one."""
        failed.status = "retried"
        again = Refund(
            failed.payment, failed.fen, failed.source, failed.bill, failed.second, by=by, decided=failed.decided
        )
        self.refunds.append(again)
        self._start(again)

    def _posting(self, refund: Refund) -> Posting:
        return next(each for each in self.postings if (each.payment, each.bill) == (refund.payment, refund.bill))

    def query_refunds(self, line: Line, there: str) -> None:
        """`there` is what the channel does with refunds new to it: done, slow, closed or refused."""
        for refund in self.refunds:
            if refund.status not in {"started", "refunding", "unknown"}:
                continue
            answer = ""
            if not refund.sent or (line not in {Line.LOST, Line.ANSWER_LOST} and refund.theirs == "none"):
                answer = "refused" if there == "refused" and refund.theirs == "none" else ""
                outcome = "done" if line is Line.LATE else there
                answered = self.send(line, "refunds", refund, partial(self.refund_there, refund, outcome))
            else:
                answered = line not in {Line.LOST, Line.ANSWER_LOST}
            refund.sent = True
            self._apply_refund_answer(refund, (answer or refund.theirs) if answered else "unanswered")

    def refund_there(self, refund: Refund, there: str) -> None:
        if refund.theirs == "none" and there != "refused":
            refund.theirs = there

    def _apply_refund_answer(self, refund: Refund, answer: str) -> None:
        states = {"done": "refunded", "slow": "refunding", "closed": "failed", "refused": "failed"}
        refund.status = states.get(answer, "unknown")
        if refund.status == "failed":
            self.move("refunds", refund.source, refund.fen)
        elif refund.status == "refunded":
            self._complete_refund(refund)

    def _complete_refund(self, refund: Refund) -> None:
        payment = refund.payment
        payment.refunding -= 0 if refund.second else refund.fen
        payment.refunded += 0 if refund.second else refund.fen
        if refund.bill and refund.source == payment.payer:
            bill, posting = self.bills[refund.bill], self._posting(refund)
            bill.paid -= posting.fen
            bill.booked -= posting.fen if posting.was_booked else 0
            bill.status = "due" if bill.status in {"paid", "posted"} else bill.status
        self._settle(payment)
        self.move("refunds", "receivable", refund.fen)
