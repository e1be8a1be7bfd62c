"""The rules of refunds: payers ask, operators propose, approve and reject, and the channel pays or does not."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.svc_payments.machine.base import BaseRules, operators, places
from tests.svc_payments.machine.entities import Line, Refund

TWO_PEOPLE_FEN = 20_000
"""One operator may refund up to this amount of a payment; the default of the settings."""
OPEN_REFUNDS = {"started", "refunding", "unknown"}
refund_outcomes = st.sampled_from(("done", "slow", "closed", "refused"))
mostly_good = st.sampled_from((Line.GOOD, Line.GOOD, Line.GOOD, *Line))


class RefundRules(BaseRules):
    """Refunds from request to settlement."""

    @precondition(lambda self: self.model.payments)
    @rule(place=places, which=places, percent=st.sampled_from((30, 60, 100, 110)), by=operators, asked=st.booleans())
    def want_back(self, place: int, which: int, percent: int, by: int, *, asked: bool) -> None:
        """Refund a part of a bill's rest, all of it or too much: proposed by an operator or requested by its payer."""
        name, payment = self._payment(place, "completed", "posting", "reversing")
        bill = sorted(payment.lines)[which % len(payment.lines)]
        self._request_refund(name, bill, max(1, self.model.left(payment, bill) * percent // 100), by, asked=asked)

    def _request_refund(self, name: str, bill: str, fen: int, by: int, *, asked: bool) -> None:
        payment = self.model.payments[name]
        body = {"bill_id": bill, "amount_fen": fen, "reason": "overcharged", "note": "as agreed"}
        refund = Refund(
            payment, fen, "payable", bill, status="requested" if asked else "proposed", by=None if asked else by
        )
        may = self.model.may_request(payment, bill, fen)
        if asked:
            headers = self.story.world.tokens.resident(UUID(payment.payer))
            answer = self._run(self.story.post("/refunds", headers, {**body, "payment_id": name}))
            waiting = (
                (each.payment, each.bill) == (payment, bill) and each.status == "requested"
                for each in self.model.refunds
            )
            may = may and not any(waiting)
        else:
            answer = self._run(self.story.post(f"/payments/{name}/refunds", self.story.operator(by), body))
            alone = may and not self.model.needs_two(refund, TWO_PEOPLE_FEN)
            may = may and (not alone or self.model.may_approve(refund))
        assert answer.status_code == (201 if may else 409), answer.text
        if may:
            self.model.refunds.append(refund)
            if not asked and alone:
                self.model.approve(refund)

    @precondition(lambda self: self._undecided())
    @rule(place=places, by=operators)
    def approve(self, place: int, by: int) -> None:
        refund = self._undecided()[place % len(self._undecided())]
        requested, kept = refund.status == "requested", refund.status == "booking_kept"
        two = requested and self.model.needs_two(refund, TWO_PEOPLE_FEN)
        may = two or (
            refund.fen <= self.model.left(refund.payment, refund.bill or "") if kept else self.model.may_approve(refund)
        )
        answer = self._run(self.story.post(f"/refunds/{self._id_of(refund)}/approve", self.story.operator(by)))
        if refund.by == by:
            assert answer.status_code == 403, answer.text
            return
        assert answer.status_code == (200 if may else 409), answer.text
        if not may:
            return
        if two:
            refund.status, refund.by = "proposed", by
        elif kept:
            self.model.approve_despite_booking(refund)
        else:
            refund.by = by if requested else refund.by
            self.model.approve(refund)

    @precondition(lambda self: self._undecided())
    @rule(place=places, by=operators)
    def reject(self, place: int, by: int) -> None:
        refund = self._undecided()[place % len(self._undecided())]
        path = f"/refunds/{self._id_of(refund)}/reject"
        answer = self._run(self.story.post(path, self.story.operator(by), {"reason": "as agreed"}))
        assert answer.status_code == 200, answer.text
        refund.status, refund.decided = "rejected", False

    @precondition(lambda self: any(refund.status == "failed" for refund in self.model.refunds))
    @rule(place=places, by=operators)
    def retry(self, place: int, by: int) -> None:
        failed = [refund for refund in self.model.refunds if refund.status == "failed"]
        self._retry(failed[place % len(failed)], by)

    def _retry(self, refund: Refund, by: int) -> None:
        body = {"way": "channel", "reason": "once more"}
        answer = self._run(self.story.post(f"/refunds/{self._id_of(refund)}/retry", self.story.operator(by), body))
        assert answer.status_code == 201, answer.text
        self.model.retry(refund, by)

    def _undecided(self) -> list[Refund]:
        return [each for each in self.model.refunds if each.status in {"requested", "proposed", "booking_kept"}]

    @precondition(lambda self: any(refund.status in OPEN_REFUNDS for refund in self.model.refunds))
    @rule(line=mostly_good, there=refund_outcomes)
    def ask_refunds(self, line: Line, there: str) -> None:
        if any(kind == "refunds" for kind, *_ in self.model.late):
            there = "done"  # a delayed request must not succeed under a number that was refused
        self._run(self.story.execute("UPDATE refunds SET ask_at = now() WHERE ask_at IS NOT NULL"))
        faults = {
            "slow": {"slow_refunds": 1_000},
            "closed": {"close_refunds": 1_000},
            "refused": {"refuse_refunds": 1_000},
        }

        async def query() -> int:
            async with self.story.world.refunds() as refunds:
                return await refunds.ask_due()

        self._run(self.story.world.faults(**faults.get(there, {})))
        self._on(line)
        self._run(query())
        self._on(Line.GOOD)
        self._run(self.story.world.faults())
        self.model.query_refunds(line, there)

    @precondition(lambda self: any(refund.theirs == "slow" for refund in self.model.refunds))
    @rule(place=places)
    def slow_refund_settles(self, place: int) -> None:
        slow = [refund for refund in self.model.refunds if refund.theirs == "slow"]
        self._settle_there(slow[place % len(slow)])

    def _settle_there(self, refund: Refund) -> None:
        path = f"/refunds/{self._number_of(refund)}/settle"
        answer = self._run(self.story.world.channel.post(path, json={"state": "succeeded"}))
        assert answer.is_success, answer.text
        refund.theirs = "done"
