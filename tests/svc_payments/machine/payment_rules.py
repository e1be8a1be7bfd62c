"""The rules of payers: create full and partial payments, confirm and cancel them."""

import os
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.svc_payments.machine.base import accounts, fens, lines, people, places
from tests.svc_payments.machine.bill_rules import BillRules
from tests.svc_payments.machine.deployment import LEAST_PART_FEN
from tests.svc_payments.machine.entities import Line, Payment


class PaymentRules(BillRules):
    """Payments of two people bound to the same accounts."""

    @precondition(lambda self: self.model.bills)
    @rule(who=people, chosen=st.sets(places, min_size=1, max_size=3))
    def create(self, who: int, chosen: set[int]) -> None:
        bills = {self._chosen(self.model.bills, place)[0] for place in chosen}
        body = {"bill_ids": sorted(bills), "channel": "sandbox"}
        self._begin(who, body, {bill: self.model.bills[bill].owed for bill in bills})

    @precondition(lambda self: self.model.bills)
    @rule(who=people, place=places, percent=st.integers(1, 100))
    def create_part(self, who: int, place: int, percent: int) -> None:
        account = self._chosen(self.model.bills, place)[1].account
        of_account = [name for name, bill in sorted(self.model.bills.items()) if bill.account == account]
        due = {name: self.model.bills[name].owed for name in of_account if self.model.bills[name].status == "due"}
        wanted = max(1, sum(due.values()) * percent // 100)
        laid_out, rest, partial = {}, wanted, None
        for name, owed in due.items():
            if rest:
                laid_out[name], partial = min(rest, owed), name if rest < owed else None
                rest -= laid_out[name]
        open_ = any(self.model.bills[name].status == "paying" for name in of_account)
        may = not open_ and not rest and (partial is None or wanted >= LEAST_PART_FEN)
        provider_id = str(self.story.world.provider_id)
        body = {"provider_id": provider_id, "account_number": account, "amount_fen": wanted, "channel": "sandbox"}
        self._begin(who, body, laid_out if may else {}, partial)

    def _begin(self, who: int, body: dict[str, Any], amounts: dict[str, int], partial: str | None = None) -> None:
        person = self.story.people[who]
        headers = self.story.world.tokens.resident(person) | {"Idempotency-Key": os.urandom(16).hex()}
        answer = self._run(self.story.world.api.post("/payments/v1/payments", json=body, headers=headers))
        may = bool(amounts) and self.model.may_begin(*amounts)
        assert answer.is_success == may, answer.text
        if not may:
            assert answer.status_code in {409, 422}, answer.text
            return
        created = answer.json()
        assert {line["bill_id"]: line["amount_fen"] for line in created["bills"]} == amounts
        self.model.begin(created["payment_id"], Payment(str(person), amounts, partial))
        again = self._run(self.story.world.api.post("/payments/v1/payments", json=body, headers=headers))
        assert again.json() == created, "the same key has the same answer"

    @rule(who=people, account=accounts, fen=fens, line=lines)
    def order(self, who: int, account: str, fen: int, line: Line) -> None:
        """A new bill's payment is confirmed; the order may be lost on the wire."""
        self.push(account, fen, twice=False)
        bill = list(self.model.bills)[-1]
        self._begin(who, {"bill_ids": [bill], "channel": "sandbox"}, {bill: fen})
        name, payment = self._last_payment()
        assert self._act(name, payment, "confirm", line).status_code == 200
        self.model.confirm(payment, line)

    @rule(who=people, account=accounts, fen=fens)
    def order_refused(self, who: int, account: str, fen: int) -> None:
        """The channel refuses the order because it is already expired, as with a clock ahead of ours."""
        self.push(account, fen, twice=False)
        bill = list(self.model.bills)[-1]
        self._begin(who, {"bill_ids": [bill], "channel": "sandbox"}, {bill: fen})
        name, payment = self._last_payment()
        state = self.deployment.app.state
        state.settings = self.story.world.settings.model_copy(update={"order_seconds": -60.0})
        answer = self._act(name, payment, "confirm", Line.GOOD)
        state.settings = self.story.world.settings
        assert answer.json()["status"] == "failed", answer.text
        self.model.give_up(payment, "failed")

    @precondition(lambda self: self.model.payments)
    @rule(place=places, line=lines)
    def confirm(self, place: int, line: Line) -> None:
        name, payment = self._payment(place, "created", "unknown")
        answer = self._act(name, payment, "confirm", line)
        refused = payment.status in {"expired", "failed"} or (payment.status == "created" and payment.over)
        assert answer.status_code == (409 if refused else 200), answer.text
        if not refused:
            self.model.confirm(payment, line)

    @precondition(lambda self: self.model.payments)
    @rule(place=places, line=lines)
    def cancel(self, place: int, line: Line) -> None:
        name, payment = self._payment(place, "created", "pending", "unknown")
        answer = self._act(name, payment, "cancel", line)
        may = payment.status in {"created", "pending", "unknown", "expired", "failed"}
        assert answer.status_code == (200 if may else 409), answer.text
        if may:
            self.model.cancel(payment, line)

    def _act(self, name: str, payment: Payment, verb: str, line: Line) -> Any:  # noqa: ANN401 - an answer
        self._on(line)
        answer = self._run(self.story.world.act(UUID(payment.payer), name, verb))
        self._on(Line.GOOD)
        return answer
