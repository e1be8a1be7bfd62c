"""A state machine of all that is done with bills and money, held to a model of it after every step.

Whatever the order of paying, telling, asking, posting and giving back, and whatever of it is lost, doubled, delayed or
comes in another order: each effect happens once, and what people see and what the ledger holds is what the model says.
`MYILI_MACHINE_EXAMPLES` says how many stories are tried; without it the same few are tried each time.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import URL

from chassis.testing import Tokens
from svc_payments.channels.provider import ChannelName, StatementChannel
from svc_payments.channels.registry import open_channels
from svc_payments.ledger import anchors, proof
from svc_payments.payments.service import expire_one
from svc_payments.reconciliation import service as reconciliation
from svc_payments.reconciliation.work import work_off
from svc_payments.statements.fetching import fetch
from svc_payments.statements.service import of_channel, today
from tests.faults.holding import BREACHES
from tests.svc_payments.machine.model import Bill, Line, Model, Payment, Posting, Refund
from tests.svc_payments.machine.town import (
    LATER,
    LEAST_PART_FEN,
    OPEN_ACCOUNTS,
    PATIENCE_SECONDS,
    REFUSED_ACCOUNT,
    Story,
    Town,
    standing,
)

EXAMPLES = int(os.environ.get("MYILI_MACHINE_EXAMPLES", "0"))
STEPS = 30
PARTS = "at most one settled payment of a bill"
"""Not so of a bill that is paid in parts."""
AT_ANY_TIME = {
    rule_: query for rule_, query in BREACHES.items() if rule_ not in {PARTS, "no payment is under way for ever"}
}
TWO_PEOPLE_FEN = 20_000
"""Up to so much of a payment goes back on the word of one operator, as the settings say when they say nothing."""
lines = st.sampled_from(Line)
operators = st.integers(0, 1)
FILE_HEAD = "bill_number,account_number,period,usage,amount,due_date,meter_from,meter_to"
accounts = st.sampled_from((*OPEN_ACCOUNTS, *OPEN_ACCOUNTS, REFUSED_ACCOUNT))
fens = st.integers(100, 30_000)
places = st.integers(0, 11)
"""Of something among all there are: taken around, so that every number finds one."""
Thing = TypeVar("Thing")
Result = TypeVar("Result")


ENOUGH = {
    *("payment captured", "payment posting", "payment completed", "payment expired", "payment refunded"),
    *("posting unknown", "posting booked", "posting refused", "refund unknown", "refund refunded"),
}
"""What stories have to get to, or they show nothing."""


def as_line(row: dict[str, Any]) -> str:
    """A bill as a line of a file."""
    names = ("bill_number", "account_number", "period", "usage")
    return ",".join([*(row[name] for name in names), f"{row['amount_fen'] / 100:.2f}", row["due_date"], "", ""])


class Machine(RuleBasedStateMachine):
    """Each rule does one thing for real and in the model."""

    town: ClassVar[Town]
    happened: ClassVar["Counter[str]"]
    run_: ClassVar[Callable[[Coroutine[Any, Any, Any]], Any]]

    @initialize()
    def open(self) -> None:
        self.model = Model(refusing=REFUSED_ACCOUNT)
        self._opened = self.town.story()
        self.story: Story = self._run(self._opened.__aenter__())
        self.signed: list[tuple[bytes, dict[str, str]]] = []
        self.injected: set[tuple[str, str, int]] = set()

    def teardown(self) -> None:
        if not hasattr(self, "story"):
            return
        try:
            self._come_to_rest()
        finally:
            self.town.to_channel.under_way.clear()
            self.town.to_company.under_way.clear()
            self._on(Line.GOOD)
            self._run(self._opened.__aexit__(None, None, None))

    # Bills.

    @rule(account=accounts, fen=fens, twice=st.booleans())
    def push(self, account: str, fen: int, *, twice: bool) -> None:
        row = self.story.pushed(account, fen)
        rows = [row, row] if twice else [row]
        answer = self._run(self.story.post("/bills", self.story.provider, {"bills": rows}))
        report = answer.json()
        assert (answer.status_code, report["accepted"]) == (200, 1), answer.text
        self.model.bills[report["bills"][0]["bill_id"]] = Bill(account, fen)
        again = self._run(self.story.post("/bills", self.story.provider, {"bills": [row]})).json()
        assert (again["unchanged"], again["accepted"], again["amended"]) == (1, 0, 0)

    @rule(fens=st.lists(fens, min_size=1, max_size=len(OPEN_ACCOUNTS)))
    def upload(self, fens: list[int]) -> None:
        """One for an account: which of several is the older one is not said by a file."""
        rows = [self.story.pushed(account, fen) for account, fen in zip(OPEN_ACCOUNTS, fens, strict=False)]
        file = "\n".join([FILE_HEAD, *map(as_line, rows), as_line(rows[0])]).encode()
        headers = {**self.story.provider, "Content-Type": "text/csv"}
        for accepted, unchanged in ((len(rows), 1), (0, len(rows) + 1)):
            answer = self._run(self.story.world.api.put("/payments/v1/bill-files/m.csv", content=file, headers=headers))
            report = answer.json()
            assert (report["accepted"], report["unchanged"]) == (accepted, unchanged), answer.text
        ids = dict(self._run(self.story.rows("SELECT bill_number, CAST(id AS text) FROM bills")))
        for row in rows:
            self.model.bills[ids[row["bill_number"]]] = Bill(row["account_number"], row["amount_fen"])

    @precondition(lambda self: self.model.bills)
    @rule(place=places, fen=fens, void=st.booleans())
    def amend_or_void(self, place: int, fen: int, *, void: bool) -> None:
        name, bill = self._chosen(self.model.bills, place)
        body = {"reason": "billing_error"} | ({} if void else {"amount_fen": fen})
        path = f"/bills/{name}/{'void' if void else 'amendments'}"
        answer = self._run(self.story.post(path, self.story.provider, body))
        may = bill.status == "due" and bill.paid == 0
        assert answer.status_code == (200 if may else 409), answer.text
        if may:
            bill.status, bill.fen = ("void", bill.fen) if void else ("due", fen)

    # Paying.

    @precondition(lambda self: self.model.bills)
    @rule(who=st.integers(0, 1), chosen=st.sets(places, min_size=1, max_size=3))
    def create(self, who: int, chosen: set[int]) -> None:
        bills = {self._chosen(self.model.bills, place)[0] for place in chosen}
        body = {"bill_ids": sorted(bills), "channel": "sandbox"}
        self._begin(who, body, {bill: self.model.bills[bill].owed for bill in bills})

    @precondition(lambda self: self.model.bills)
    @rule(who=st.integers(0, 1), place=places, percent=st.integers(1, 100))
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

    @rule(who=st.integers(0, 1), account=accounts, fens=st.lists(fens, min_size=1, max_size=3), booked=st.booleans())
    def pay_all_the_way(self, who: int, account: str, fens: list[int], *, booked: bool) -> None:
        """What mostly happens, in one step: so that stories get far enough for what comes afterwards."""
        before = len(self.model.bills)
        for fen in fens:
            self.push(account, fen, twice=False)
        bills = list(self.model.bills)[before:]
        body = {"bill_ids": bills, "channel": "sandbox"}
        self._begin(who, body, {bill: self.model.bills[bill].owed for bill in bills})
        place = len(self.model.payments) - 1
        self.confirm(place, Line.GOOD)
        self.pay_at_channel(place, twice=False)
        self.notice(place, 0, 1)
        for _ in bills if booked else ():
            self.post(Line.GOOD)

    @precondition(lambda self: self.model.payments)
    @rule(place=places, line=lines)
    def confirm(self, place: int, line: Line) -> None:
        name, payment = self._chosen(self.model.payments, place)
        answer = self._act(name, payment, "confirm", line)
        refused = payment.status in {"expired", "failed"} or (payment.status == "created" and payment.over)
        assert answer.status_code == (409 if refused else 200), answer.text
        if not refused:
            self.model.confirm(payment, line)

    @precondition(lambda self: self.model.payments)
    @rule(place=places, line=lines)
    def cancel(self, place: int, line: Line) -> None:
        name, payment = self._chosen(self.model.payments, place)
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

    @precondition(lambda self: self.model.payments)
    @rule(place=places, twice=st.booleans())
    def pay_at_channel(self, place: int, *, twice: bool) -> None:
        name, payment = self._chosen(self.model.payments, place)
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
        """The channel takes the money although it had called the order closed."""
        name, payment = self._chosen(self.model.payments, place)
        if payment.status != "expired" or payment.order != "closed":
            return
        number = self._run(self.story.world.order_number(name))
        again = "UPDATE orders SET state = 'waiting', expires_at = '2099-01-01T00:00:00.000Z' WHERE order_number = ?"
        self.town.channel_file.execute(again, (number,))
        self._run(self.story.world.channel.post(f"/cashier/{number}", json={"account": "wallet-1"}))
        self._paid(payment, number)

    def _paid(self, payment: Payment, number: str) -> None:
        payment.order = "paid"
        payment.transactions = [json.loads(body)["transaction_id"] for body in self.story.notices(number)]

    @precondition(lambda self: self.model.payments)
    @rule(place=places, which=places, copies=st.integers(1, 3))
    def notice(self, place: int, which: int, copies: int) -> None:
        """Any notice, at any time, as often as the channel likes."""
        name, payment = self._chosen(self.model.payments, place)
        if not payment.transactions:
            return
        number = self._run(self.story.world.order_number(name))
        bodies = self.story.notices(number)
        body = bodies[which % len(bodies)]
        for _ in range(copies):
            raw, headers = self.story.world.signed(json.loads(body))
            self.signed.append((raw, headers))
            assert self._deliver(raw, headers) == 204
        self.model.take(payment, payment.transactions[which % len(bodies)])

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
        """The time in which a payment can be confirmed, or its order paid, is over."""
        self._end_time(*self._chosen(self.model.payments, place))

    def _end_time(self, name: str, payment: Payment) -> None:
        if payment.over or payment.status not in {"created", "pending", "unknown"}:
            return
        over = "UPDATE payments SET expires_at = now() - interval '1 second' WHERE id = CAST(:id AS uuid)"
        self._run(self.story.execute(over, id=name))
        payment.over = True
        if payment.status == "created":
            return
        number = self._run(self.story.world.order_number(name))
        self.town.channel_file.execute(
            "UPDATE orders SET expires_at = '2020-01-01T00:00:00.000Z' WHERE order_number = ?", (number,)
        )
        self.model.close_there(payment)
        # The channel takes no order whose time is over.
        self.model.late = [each for each in self.model.late if each[:2] != ("orders", payment)]
        self.town.to_channel.drop("orders", number)

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

    # The worker.

    @precondition(lambda self: self.model.payments)
    @rule(place=places, line=lines)
    def ask(self, place: int, line: Line) -> None:
        self._ask(*self._chosen(self.model.payments, place), line)

    def _ask(self, name: str, payment: Payment, line: Line) -> None:
        due = "UPDATE payment_attempts SET ask_at = now() WHERE ask_at IS NOT NULL AND payment_id = CAST(:id AS uuid)"
        self._run(self.story.execute(due, id=name))

        async def ask() -> int:
            async with self.story.world.orders() as orders:
                return await orders.ask_due()

        self._on(line)
        asked = self._run(ask())
        self._on(Line.GOOD)
        assert asked == (payment.status in {"pending", "unknown"})
        if asked:
            self.model.ask(payment, line)

    @rule(line=lines)
    def post(self, line: Line) -> None:
        self._run(self.story.execute("UPDATE postings SET try_at = now() WHERE settled_at IS NULL"))
        self._on(line)
        self._run(self.story.world.told(PATIENCE_SECONDS, posting_retry_seconds=LATER))
        self._on(Line.GOOD)
        self.model.post(line)

    @precondition(lambda self: self.model.postings)
    @rule(place=places)
    def limit_passes(self, place: int) -> None:
        """The provider has left a posting unanswered for as long as it may."""
        posting = self.model.postings[place % len(self.model.postings)]
        posting.overdue = True
        self._run(
            self.story.execute(
                "UPDATE postings SET created_at = created_at - interval '2 days' WHERE id = CAST(:id AS uuid)",
                id=self._number_of(posting),
            )
        )

    # Giving back.

    @precondition(lambda self: self.model.payments)
    @rule(place=places, which=places, percent=st.sampled_from((30, 60, 100, 110)), by=operators, asked=st.booleans())
    def want_back(self, place: int, which: int, percent: int, by: int, *, asked: bool) -> None:
        """A part of what is left of a bill, or all, or too much: proposed by an operator, or asked for by its payer."""
        name, payment = self._chosen(self.model.payments, place)
        bill = sorted(payment.lines)[which % len(payment.lines)]
        fen = max(1, self.model.left(payment, bill) * percent // 100)
        body = {"bill_id": bill, "amount_fen": fen, "reason": "overcharged", "note": "as agreed"}
        refund = Refund(
            payment, fen, "payable", bill, status="requested" if asked else "proposed", by=None if asked else by
        )
        may = self.model.may_want(payment, bill, fen)
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
            may = may and (not alone or self.model.may_let_go(refund))
        assert answer.status_code == (201 if may else 409), answer.text
        if may:
            self.model.refunds.append(refund)
            if not asked and alone:
                self.model.let_go(refund)

    @precondition(lambda self: self._undecided())
    @rule(place=places, by=operators)
    def approve(self, place: int, by: int) -> None:
        refund = self._undecided()[place % len(self._undecided())]
        requested, kept = refund.status == "requested", refund.status == "booking_kept"
        two = requested and self.model.needs_two(refund, TWO_PEOPLE_FEN)
        may = two or (
            refund.fen <= self.model.left(refund.payment, refund.bill or "") if kept else self.model.may_let_go(refund)
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
            self.model.let_go_although_booked(refund)
        else:
            refund.by = by if requested else refund.by
            self.model.let_go(refund)

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

    @precondition(lambda self: any(posting.theirs == "booked" for posting in self.model.postings))
    @rule(place=places)
    def something_is_handed_out(self, place: int) -> None:
        """For what it has booked, so that the provider does not take the booking back."""
        booked = [posting for posting in self.model.postings if posting.theirs == "booked"]
        posting = booked[place % len(booked)]
        given = "UPDATE postings SET prepaid_kind = 'token', prepaid_token = posting_id WHERE posting_id = ?"
        self.town.company.books._db.execute(given, (self._number_of(posting),))  # noqa: SLF001 - as no regular bill has it
        posting.kept_there = True

    def _undecided(self) -> list[Refund]:
        return [each for each in self.model.refunds if each.status in {"requested", "proposed", "booking_kept"}]

    @rule(line=lines, there=st.sampled_from(("done", "done", "slow", "closed", "refused")))
    def ask_refunds(self, line: Line, there: str) -> None:
        if any(kind == "refunds" for kind, *_ in self.model.late):
            there = "done"  # what was refused is not done later under the same number
        self._run(self.story.execute("UPDATE refunds SET ask_at = now() WHERE ask_at IS NOT NULL"))
        faults = {
            "slow": {"slow_refunds": 1_000},
            "closed": {"close_refunds": 1_000},
            "refused": {"refuse_refunds": 1_000},
        }

        async def ask() -> int:
            async with self.story.world.refunds() as refunds:
                return await refunds.ask_due()

        self._run(self.story.world.faults(**faults.get(there, {})))
        self._on(line)
        self._run(ask())
        self._on(Line.GOOD)
        self._run(self.story.world.faults())
        self.model.ask_refunds(line, there)

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

    @precondition(lambda self: self.model.late)
    @rule(place=places)
    def late_message_arrives(self, place: int) -> None:
        self._arrive(place % len(self.model.late))

    def _arrive(self, place: int) -> None:
        kind, about, _ = self.model.late[place]
        same = [each for each in self.model.late if each[:2] == (kind, about)]
        self.model.late = [each for each in self.model.late if each[:2] != (kind, about)]
        number = self._number_of(about)
        wire = self.town.to_company if isinstance(about, Posting) else self.town.to_channel
        self._run(wire.arrive(kind, number))
        for _, _, deed in same:
            deed()

    # The channel's bill.

    @rule()
    def a_difference_is_injected(self) -> None:
        """The channel has money of which nobody here knows."""
        number = f"0{os.urandom(8).hex()}"
        order = "INSERT INTO orders VALUES (?, ?, 77, 'x', 'http://x', '2020-01-01T00:00:00.000Z', 'paid', 'w', ?, ?)"
        at = self._run(self.story.rows("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.000Z')"))[
            0
        ][0]
        self.town.channel_file.execute(order, (number, self.story.world.settings.merchant_id, f"T{number}", at))
        self.town.channel_file.execute("INSERT INTO transactions VALUES (?, ?, 77, ?)", (f"T{number}", number, at))
        self.injected.add(("excess", number, 77))

    @rule()
    def reconcile(self) -> None:
        """Every difference between the channel's bill and the books is found, and nothing else."""
        found = self._run(self._reconciled())
        assert found == self._differences()
        self.model.differ(sum(fen for *_, fen in found))

    async def _reconciled(self) -> set[tuple[str, str, int]]:
        world = self.story.world
        async with open_channels(world.settings) as channels:
            channel = channels[ChannelName.SANDBOX]
            assert isinstance(channel, StatementChannel)
            await fetch(world.database, world.settings, "sandbox", channel, today())
        async with world.database.transaction() as tx:
            await reconciliation.request(tx, of_channel("sandbox"), today(), "machine")
        await work_off(world.database, world.settings)
        rows = await self.story.rows("SELECT result, number, difference_fen FROM cases WHERE status <> 'closed'")
        return {(str(result), str(number), int(fen)) for result, number, fen in rows}

    def _differences(self) -> set[tuple[str, str, int]]:
        unheard = {
            ("excess", self._number_of(payment), payment.fen)
            for payment in self.model.payments.values()
            for transaction in payment.transactions
            if transaction not in payment.taken
        }
        given_back = {
            ("state_differs", self._number_of(refund), -refund.fen)
            for refund in self.model.refunds
            if refund.theirs == "done" and refund.status != "refunded"
        }
        return self.injected | unheard | given_back

    # What holds after every step.

    @invariant()
    def people_see_what_the_model_says(self) -> None:
        """Now the one looks, now the other."""
        if not hasattr(self, "story"):
            return
        person = self.story.next_person()
        bills, payments, refunds = self._run(self.story.seen_by(person))
        assert bills == {name: (bill.status, bill.fen, bill.paid) for name, bill in self.model.bills.items()}
        assert payments == {
            name: (payment.status, payment.held, payment.fen, payment.refunded)
            for name, payment in self.model.payments.items()
            if payment.payer == str(person)
        }
        assert refunds == Counter(
            (self._name_of(refund.payment), refund.bill, refund.fen, refund.status)
            for refund in self.model.refunds
            if refund.payment.payer == str(person)
        )

    @invariant()
    def the_ledger_holds_what_the_model_says(self) -> None:
        if not hasattr(self, "story"):
            return
        assert self._run(self.story.books()) == {name: fen for name, fen in self.model.ledger.items() if fen}
        assert self._run(self.story.breaches(AT_ANY_TIME)) == {}
        for kind, things in (
            ("payment", self.model.payments.values()),
            ("posting", self.model.postings),
            ("refund", self.model.refunds),
        ):
            self.happened.update(f"{kind} {thing.status}" for thing in things)

    # At the end.

    def _come_to_rest(self) -> None:
        """Every message arrives, all clocks run out: nothing is stuck, and the proof of the ledger finds nothing."""
        while self.model.late:
            self._arrive(0)
        self._all_is_told_and_asked()
        while any(each.status in {"pending", "unknown", "cancelling"} for each in self.model.postings):
            self.post(Line.GOOD)
        while self._undecided():
            self.reject(0, 0)
        self._all_goes_back()
        for _ in self.story.people:
            self.people_see_what_the_model_says()
        self.the_ledger_holds_what_the_model_says()
        self.reconcile()
        assert self._differences() == self.injected
        self.the_ledger_holds_what_the_model_says()
        assert self._run(self.story.breaches(BREACHES)).keys() <= {PARTS}
        assert self._run(self._findings()) == []

    def _all_is_told_and_asked(self) -> None:
        for name, payment in self.model.payments.items():
            if payment.transactions:
                bodies = self.story.notices(self._number_of(payment))
                for body, transaction in zip(bodies, payment.transactions, strict=True):
                    assert self._deliver(*self.story.world.signed(json.loads(body))) == 204
                    self.model.take(payment, transaction)
            self._end_time(name, payment)
        self.expire_unconfirmed()
        for name, payment in self.model.payments.items():
            if payment.status in {"pending", "unknown"}:
                self._ask(name, payment, Line.GOOD)

    def _all_goes_back(self) -> None:
        while any(each.status in {"started", "unknown", "refunding", "failed"} for each in self.model.refunds):
            for refund in list(self.model.refunds):
                if refund.status == "failed":
                    self._retry(refund, 0)
                elif refund.theirs == "slow":
                    self._settle_there(refund)
            self.ask_refunds(Line.GOOD, "done")

    async def _findings(self) -> list[str]:
        world = self.story.world
        heads = {
            head.link_number: head
            async for head in anchors.anchored_heads(anchors.opened(world.settings.ledger_anchors))
        }
        async with world.database.read() as tx:
            return [finding async for finding in proof.findings(tx, heads, lambda *_: None)]

    # The means.

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return type(self).run_(coroutine)  # type: ignore[no-any-return]

    def _on(self, line: Line) -> None:
        self.town.to_channel.line = self.town.to_company.line = line

    @staticmethod
    def _chosen(things: dict[str, Thing], place: int) -> tuple[str, Thing]:
        return list(things.items())[place % len(things)]

    def _number_of(self, about: object) -> str:
        match about:
            case Payment():
                return str(self._run(self.story.world.order_number(self._name_of(about))))
            case Posting(payment=payment, bill=bill):
                posted = f"SELECT id FROM postings WHERE payment_id = '{self._name_of(payment)}' AND bill_id = '{bill}'"  # noqa: S608 - ids of this test
                return str(self._run(self.story.rows(posted))[0][0])
            case Refund():
                return self._id_of(about).replace("-", "")
            case _:
                raise AssertionError(about)

    def _id_of(self, refund: Refund) -> str:
        """Several of the same money come one after the other."""
        name = self._name_of(refund.payment)
        same = [
            each
            for each in self.model.refunds
            if (each.payment, each.bill, each.second) == (refund.payment, refund.bill, refund.second)
        ]
        bill = f"= '{refund.bill}'" if refund.bill else "IS NULL"
        query = f"""
            SELECT id FROM refunds WHERE payment_id = '{name}' AND bill_id {bill}
            AND (second_transaction_id IS NOT NULL) = {refund.second} ORDER BY id
        """  # noqa: S608 - ids of this test
        place = next(place for place, each in enumerate(same) if each is refund)
        return str(self._run(self.story.rows(query))[place][0])

    def _name_of(self, payment: Payment) -> str:
        return next(name for name, each in self.model.payments.items() if each is payment)


@pytest.fixture
def town(template: URL, tokens: Tokens, rsa_keys: dict[str, RSAPrivateKey], tmp_path: Path) -> Iterator[Town]:
    loop = asyncio.new_event_loop()
    stage = standing(template, tokens, rsa_keys, tmp_path)
    Machine.happened = Counter()
    Machine.run_ = loop.run_until_complete
    Machine.town = loop.run_until_complete(stage.__aenter__())
    yield Machine.town
    loop.run_until_complete(stage.__aexit__(None, None, None))
    loop.close()


@pytest.mark.timeout(900 + EXAMPLES * 10)
def test_whatever_is_done_lost_doubled_delayed_or_mixed_up_money_is_what_the_model_says(town: Town) -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES or 20,
            stateful_step_count=STEPS,
            derandomize=not EXAMPLES,
            deadline=None,
            print_blob=True,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert set(Machine.happened) >= ENOUGH
