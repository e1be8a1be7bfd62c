"""The model's ledger, and the money that goes back."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.svc_payments.machine.entities import Bill, Line, Payment, Posting, Refund


@dataclass
class RefundModel:
    refusing: str
    """The account on which the provider books nothing."""
    bills: dict[str, Bill] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    postings: list[Posting] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    ledger: "Counter[str]" = field(default_factory=Counter)
    difference: int = 0
    late: list[tuple[str, object, Callable[[], None]]] = field(default_factory=list)
    """What was given up and has not arrived yet: its kind, what it is about, and what it does there."""

    def say(self, line: Line, kind: str, about: object, deed: Callable[[], None]) -> bool:
        """Whether the answer is heard."""
        if line in {Line.GOOD, Line.TWICE, Line.UNHEARD}:
            deed()
        if line is Line.LATE:
            self.late.append((kind, about, deed))
        return line in {Line.GOOD, Line.TWICE}

    def move(self, debit: str, credit: str, fen: int) -> None:
        self.ledger[debit] += fen
        self.ledger[credit] -= fen

    def differ(self, fen: int) -> None:
        """So much more than we the channel says that it has: it stands in suspense until that is cleared up."""
        self.move("receivable", "suspense", fen - self.difference)
        self.difference = fen

    def _settle(self, payment: Payment) -> None:
        """Where a captured payment stands follows from its money and its postings."""
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
        """By itself, at once."""
        self.refunds.append(refund)
        self._set_aside(refund, 1)
        self._start(refund)

    def _set_aside(self, refund: Refund, sign: int) -> None:
        if not refund.second:
            refund.payment.refunding += sign * refund.fen
            refund.payment.gone[refund.bill or ""] += sign * refund.fen

    def _start(self, refund: Refund) -> None:
        refund.status = "started"
        self._settle(refund.payment)
        self.move(refund.source, "refunds", refund.fen)

    def left(self, payment: Payment, bill: str) -> int:
        return payment.lines[bill] - payment.gone[bill]

    def may_want(self, payment: Payment, bill: str, fen: int) -> bool:
        """Whether so much of a bill can be asked or proposed to go back."""
        return bool(payment.taken) and not payment.held and 0 < fen <= self.left(payment, bill)

    def needs_two(self, refund: Refund, limit: int) -> bool:
        before = sum(
            each.fen
            for each in self.refunds
            if each.payment is refund.payment and each is not refund and each.decided and each.status != "retried"
        )
        return before + refund.fen > limit

    def may_let_go(self, refund: Refund) -> bool:
        """Not while the provider is being told, nor all that is left while a part is on its way."""
        left = self.left(refund.payment, refund.bill or "")
        posting = self._posting(refund)
        on_its_way = any(
            (each.payment, each.bill) == (refund.payment, refund.bill)
            and each.status in {"unbooking", "started", "refunding", "unknown", "failed"}
            for each in self.refunds
        )
        told = posting.status not in {"pending", "unknown", "cancelling"}
        return refund.fen <= left and told and not (refund.fen == left and on_its_way)

    def let_go(self, refund: Refund) -> None:
        """A part is the provider's to bear; all that is left goes when it has taken its booking back."""
        part = refund.fen < self.left(refund.payment, refund.bill or "")
        refund.decided, refund.source = True, "payable" if part else refund.payment.payer
        self._set_aside(refund, 1)
        if part:
            self._start(refund)
        else:
            refund.status, self._posting(refund).status = "unbooking", "cancelling"
            self._settle(refund.payment)

    def let_go_although_booked(self, refund: Refund) -> None:
        refund.source = "payable"
        self._set_aside(refund, 1)
        self._start(refund)

    def retry(self, failed: Refund, by: int) -> None:
        """What the failed one had set aside stays so, for another one."""
        failed.status = "retried"
        again = Refund(
            failed.payment, failed.fen, failed.source, failed.bill, failed.second, by=by, decided=failed.decided
        )
        self.refunds.append(again)
        self._start(again)

    def _posting(self, refund: Refund) -> Posting:
        return next(each for each in self.postings if (each.payment, each.bill) == (refund.payment, refund.bill))

    def ask_refunds(self, line: Line, there: str) -> None:
        """`there`: done, slow, closed or refused, which is what the channel does with those it has not heard of."""
        for refund in self.refunds:
            if refund.status not in {"started", "refunding", "unknown"}:
                continue
            answer = ""
            if not refund.told or (line not in {Line.LOST, Line.UNHEARD} and refund.theirs == "none"):
                answer = "refused" if there == "refused" and refund.theirs == "none" else ""
                told = "done" if line is Line.LATE else there
                heard = self.say(line, "refunds", refund, partial(self.refund_there, refund, told))
            else:
                heard = line not in {Line.LOST, Line.UNHEARD}
            refund.told = True
            self._learn_refund(refund, (answer or refund.theirs) if heard else "unheard")

    def refund_there(self, refund: Refund, there: str) -> None:
        if refund.theirs == "none" and there != "refused":
            refund.theirs = there

    def _learn_refund(self, refund: Refund, answer: str) -> None:
        states = {"done": "refunded", "slow": "refunding", "closed": "failed", "refused": "failed"}
        refund.status = states.get(answer, "unknown")
        if refund.status == "failed":
            self.move("refunds", refund.source, refund.fen)
        elif refund.status == "refunded":
            self._give_back(refund)

    def _give_back(self, refund: Refund) -> None:
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
