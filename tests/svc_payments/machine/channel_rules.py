"""The rules of the channel: payment, notices, queries and expiry."""

import json

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from svc_payments.collection.payments.service import expire_one
from tests.svc_payments.machine.base import BaseRules, lines, places
from tests.svc_payments.machine.entities import Line, Payment


class ChannelRules(BaseRules):
    """Orders at the channel."""

    @precondition(lambda self: self.model.payments)
    @rule(place=places, twice=st.booleans())
    def pay_at_channel(self, place: int, *, twice: bool) -> None:
        self._pay(*self._payment(place, "pending", "unknown"), twice=twice)

    def _pay(self, name: str, payment: Payment, *, twice: bool) -> None:
        if payment.order == "none":
            return
        number = self._run(self.story.world.order_number(name))
        self._run(self.story.world.faults(double_payments=int(twice)))
        answer = self._run(self.story.world.channel.post(f"/cashier/{number}", json={"account": "wallet-1"}))
        self._run(self.story.world.faults())
        assert answer.is_success == (payment.order in {"waiting", "paid"}), answer.text
        if payment.order == "waiting":
            self._paid(payment, number)

    @precondition(lambda self: self.model.payments)
    @rule(place=places)
    def pay_too_late(self, place: int) -> None:
        """The channel accepts money for an order that it reported closed."""
        name, payment = self._payment(place, "expired")
        if payment.status != "expired" or payment.order != "closed":
            return
        number = self._run(self.story.world.order_number(name))
        again = "UPDATE orders SET state = 'waiting', expires_at = '2099-01-01T00:00:00.000Z' WHERE order_number = ?"
        self.deployment.channel_file.execute(again, (number,))
        self._run(self.story.world.channel.post(f"/cashier/{number}", json={"account": "wallet-1"}))
        self._paid(payment, number)

    def _paid(self, payment: Payment, number: str) -> None:
        payment.order = "paid"
        payment.transactions = [json.loads(body)["transaction_id"] for body in self.story.notices(number)]

    @precondition(lambda self: self.model.payments)
    @rule(place=places, which=places, copies=st.integers(1, 3))
    def notice(self, place: int, which: int, copies: int) -> None:
        """Deliver any notice, at any time, one to three times."""
        unseen = {
            name: each for name, each in self.model.payments.items() if set(each.transactions) - set(each.captured)
        }
        payments = unseen if unseen and place % 4 else self.model.payments
        self._notify(*self._chosen(payments, place), which, copies)

    def _notify(self, name: str, payment: Payment, which: int, copies: int) -> None:
        if not payment.transactions:
            return
        number = self._run(self.story.world.order_number(name))
        bodies = self.story.notices(number)
        body = bodies[which % len(bodies)]
        for _ in range(copies):
            raw, headers = self.story.world.signed(json.loads(body))
            self.signed.append((raw, headers))
            assert self._deliver(raw, headers) == 204
        self.model.capture(payment, payment.transactions[which % len(bodies)])

    @precondition(lambda self: self.signed)
    @rule(place=places)
    def notice_replayed(self, place: int) -> None:
        assert self._deliver(*self.signed[place % len(self.signed)]) == 204

    def _deliver(self, raw: bytes, headers: dict[str, str]) -> int:
        path = "/payments/v1/channels/sandbox/notices"
        answer = self._run(self.story.world.api.post(path, content=raw, headers=headers))
        return int(answer.status_code)

    @precondition(lambda self: self.model.payments)
    @rule(place=places)
    def time_passes(self, place: int) -> None:
        """A payment or its order expires."""
        self._end_time(*self._payment(place, "created", "pending", "unknown"))

    def _end_time(self, name: str, payment: Payment) -> None:
        if payment.over or payment.status not in {"created", "pending", "unknown"}:
            return
        over = "UPDATE payments SET expires_at = now() - interval '1 second' WHERE id = CAST(:id AS uuid)"
        self._run(self.story.execute(over, id=name))
        payment.over = True
        if payment.status == "created":
            return
        number = self._run(self.story.world.order_number(name))
        self.deployment.channel_file.execute(
            "UPDATE orders SET expires_at = '2020-01-01T00:00:00.000Z' WHERE order_number = ?", (number,)
        )
        self.model.close_there(payment)
        # The channel rejects an expired order.
        self.model.late = [each for each in self.model.late if each[:2] != ("orders", payment)]
        self.deployment.to_channel.drop("orders", number)

    @rule()
    def expire_unconfirmed(self) -> None:
        async def expire() -> None:
            more = True
            while more:
                async with self.story.world.database.transaction() as tx:
                    more = await expire_one(tx)

        self._run(expire())
        for payment in self.model.payments.values():
            if payment.status == "created" and payment.over:
                self.model.give_up(payment, "expired")

    @precondition(lambda self: self.model.payments)
    @rule(place=places, line=lines)
    def ask(self, place: int, line: Line) -> None:
        self._query_order(*self._payment(place, "pending", "unknown"), line)

    def _query_order(self, name: str, payment: Payment, line: Line) -> None:
        due = "UPDATE payment_attempts SET ask_at = now() WHERE ask_at IS NOT NULL AND payment_id = CAST(:id AS uuid)"
        self._run(self.story.execute(due, id=name))

        async def query() -> int:
            async with self.story.world.orders() as orders:
                return await orders.ask_due()

        self._on(line)
        queried = self._run(query())
        self._on(Line.GOOD)
        assert queried == (payment.status in {"pending", "unknown"})
        if queried:
            self.model.query_order(payment, line)
