"""What svc_payments has to do, as one would say it without databases, signatures, queues or clocks.

The machine holds the service to this after every step: what each bill and payment is, and what stands on each account.
A message to the outside is `said`: whatever becomes of it there, the question is whether its answer is heard here.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial


class Line(Enum):
    """How it goes with the messages of a step."""

    GOOD = "good"
    TWICE = "each arrives twice"
    LOST = "none arrives"
    UNHEARD = "each arrives, and its answer is lost"
    LATE = "each is given up, and arrives later"


@dataclass(eq=False)
class Bill:
    account: str
    fen: int
    status: str = "due"
    paid: int = 0
    booked: int = 0

    @property
    def owed(self) -> int:
        return self.fen - self.paid


@dataclass(eq=False)
class Payment:
    payer: str
    lines: dict[str, int]
    """Fen by bill."""
    partial: str | None = None
    """The bill of which it does not pay all."""
    status: str = "created"
    order: str = "none"
    """At the channel: none, waiting, paid or closed."""
    placed: bool = False
    over: bool = False
    held: bool = False
    taken: list[str] = field(default_factory=list)
    """The movements of money that are in our books, of those the channel has."""
    transactions: list[str] = field(default_factory=list)
    refunding: int = 0
    refunded: int = 0
    gone: "Counter[str]" = field(default_factory=Counter)
    """Of each line, what has gone back or is on its way."""

    @property
    def fen(self) -> int:
        return sum(self.lines.values())


@dataclass(eq=False)
class Posting:
    payment: Payment
    bill: str
    fen: int
    bill_fen: int
    status: str = "pending"
    theirs: str = "none"
    """In the provider's books: none, booked, refused or cancelled."""
    overdue: bool = False
    given_up: bool = False
    was_booked: bool = False
    kept_there: bool = False
    """The provider does not take its booking back."""


@dataclass(eq=False)
class Refund:
    payment: Payment
    fen: int
    source: str
    bill: str | None = None
    second: bool = False
    status: str = "started"
    by: int | None = None
    """The operator who proposed it; nobody, when it goes by itself."""
    decided: bool = False
    """Whether people have let it go."""
    told: bool = False
    theirs: str = "none"
    """At the channel: none, slow, closed or done."""


@dataclass
class Model:
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

    # Paying.

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

    # Telling the provider.

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

    # Giving back.

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
