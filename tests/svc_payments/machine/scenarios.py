"""Rules that combine several steps, so that stories often reach late states."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.svc_payments.machine.base import accounts, fens, lines, operators, people
from tests.svc_payments.machine.channel_rules import ChannelRules
from tests.svc_payments.machine.deployment import OPEN_ACCOUNTS, REFUSED_ACCOUNT
from tests.svc_payments.machine.entities import Line
from tests.svc_payments.machine.payment_rules import PaymentRules
from tests.svc_payments.machine.posting_rules import PostingRules
from tests.svc_payments.machine.refund_rules import TWO_PEOPLE_FEN, RefundRules, refund_outcomes

silent = st.sampled_from((Line.LOST, Line.ANSWER_LOST, Line.LATE))


class Scenarios(PaymentRules, ChannelRules, PostingRules, RefundRules):
    """Payments from the bill to posting or refund."""

    @rule(who=people, account=accounts, fens=st.lists(fens, min_size=1, max_size=3), booked=st.booleans())
    def pay_all_the_way(self, who: int, account: str, fens: list[int], *, booked: bool) -> None:
        """The payment succeeds; it is posted unless earlier postings of its account are open."""
        before = len(self.model.bills)
        for fen in fens:
            self.push(account, fen, twice=False)
        bills = list(self.model.bills)[before:]
        body = {"bill_ids": bills, "channel": "sandbox"}
        self._begin(who, body, {bill: self.model.bills[bill].owed for bill in bills})
        name, payment = self._last_payment()
        assert self._act(name, payment, "confirm", Line.GOOD).status_code == 200
        self.model.confirm(payment, Line.GOOD)
        self._pay(name, payment, twice=False)
        self._notify(name, payment, 0, 1)
        for _ in bills if booked else ():
            self.post(Line.GOOD)

    @rule(who=people, account=accounts, fen=fens, tries=st.lists(silent, min_size=1, max_size=4), heard=st.booleans())
    def provider_does_not_answer(self, who: int, account: str, fen: int, tries: list[Line], *, heard: bool) -> None:
        """The first tries are lost, or all until the limit passes and the payment is refunded, booked or not."""
        self.pay_all_the_way(who, account, [fen], booked=False)
        self.post(tries[0])
        if tries[1:]:
            self._pass_limit(self.model.postings[-1])
        for line in tries[1:]:
            self.post(line)
        if heard:
            self.post(Line.GOOD)

    @rule(who=people, fen=fens, line=lines, there=refund_outcomes)
    def nothing_is_booked(self, who: int, fen: int, line: Line, there: str) -> None:
        """The provider refuses the posting, so the payment is refunded automatically."""
        self.pay_all_the_way(who, REFUSED_ACCOUNT, [fen], booked=True)
        self.ask_refunds(line, there)

    @rule(
        who=people,
        account=st.sampled_from(OPEN_ACCOUNTS),
        fen=st.one_of(st.integers(100, TWO_PEOPLE_FEN), st.integers(TWO_PEOPLE_FEN + 1, 30_000)),
        by=operators,
        asked=st.sampled_from((False, False, True)),
        kept=st.booleans(),
    )
    def all_is_wanted_back(self, who: int, account: str, fen: int, by: int, *, asked: bool, kept: bool) -> None:
        """A full refund of a booked bill: requested by the payer, or proposed by an operator."""
        self.pay_all_the_way(who, account, [fen], booked=True)
        name, _ = self._last_payment()
        posting = self.model.postings[-1]
        if kept and posting.theirs == "booked":
            self._hand_out(posting)
        self._request_refund(name, posting.bill, fen, by, asked=asked)
