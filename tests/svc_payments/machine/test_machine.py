"""A state machine of bills, payments, postings and refunds, compared with a model after every step.

Messages are lost, doubled, delayed and reordered: each effect still happens once, and the API and the ledger agree
with the model. `MYILI_MACHINE_EXAMPLES` sets the number of random stories; without it the stories are the same few,
chosen by `MYILI_MACHINE_SEED`.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import invariant, run_state_machine_as_test
from sqlalchemy import URL

from chassis.testing import Tokens
from kit.audit.anchors import opened
from kit.audit.parts import findings_in_turn
from svc_payments.collection.payments.models import PaymentStatus
from svc_payments.ledger import anchors, proof
from tests.faults.invariants import BREACHES
from tests.svc_payments.machine.deployment import Deployment, open_deployment
from tests.svc_payments.machine.entities import Line
from tests.svc_payments.machine.posting_rules import OPEN
from tests.svc_payments.machine.reconciliation_rules import ReconciliationRules
from tests.svc_payments.machine.refund_rules import OPEN_REFUNDS
from tests.svc_payments.machine.scenarios import Scenarios

SEED = int(os.environ.get("MYILI_MACHINE_SEED", "7"))
EXAMPLES = int(os.environ.get("MYILI_MACHINE_EXAMPLES", "0"))
STEPS = 25
PARTS = "at most one settled payment of a bill"
"""Does not hold for bills paid in parts."""
AT_ANY_TIME = {
    rule_: query for rule_, query in BREACHES.items() if rule_ not in {PARTS, "no payment is under way for ever"}
}
ENOUGH = {
    *(f"payment {status}" for status in PaymentStatus),
    *("posting pending", "posting unknown", "posting booked", "posting refused"),
    *("posting cancelling", "posting cancelled", "posting kept"),
    *("refund requested", "refund proposed", "refund rejected", "refund unbooking", "refund booking_kept"),
    *("refund started", "refund refunding", "refund unknown", "refund failed", "refund refunded", "refund retried"),
}
"""Statuses that the stories must reach, or the test shows too little."""
POSTINGS = "SELECT CAST(payment_id AS text), CAST(bill_id AS text), CAST(status AS text) FROM postings"


class Machine(Scenarios, ReconciliationRules):
    """All rules, the invariants, and the end of a story."""

    def teardown(self) -> None:
        if not hasattr(self, "story"):
            return
        try:
            self._finish_story()
        finally:
            self.deployment.to_channel.delayed.clear()
            self.deployment.to_company.delayed.clear()
            self._on(Line.GOOD)
            self._run(self._opened.__aexit__(None, None, None))

    # Invariants.

    @invariant()
    def people_see_what_the_model_says(self) -> None:
        """The two people alternate."""
        if not hasattr(self, "story"):
            return
        person = self.story.next_person()
        bills, payments, refunds = self._run(self.story.view_of(person))
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
        self.reached.update(f"payment {status}" for status, *_ in payments.values())
        self.reached.update(f"refund {status}" for *_, status in refunds)

    @invariant()
    def the_ledger_holds_what_the_model_says(self) -> None:
        if not hasattr(self, "story"):
            return
        assert self._run(self.story.books()) == {name: fen for name, fen in self.model.ledger.items() if fen}
        assert self._run(self.story.breaches(AT_ANY_TIME)) == {}
        postings = self._run(self.story.rows(POSTINGS))
        assert sorted(postings) == sorted(
            (self._name_of(posting.payment), posting.bill, posting.status) for posting in self.model.postings
        )
        self.reached.update(f"posting {status}" for *_, status in postings)

    # The end of a story.

    def _finish_story(self) -> None:
        """Every message arrives and every limit passes: nothing is stuck, and the ledger proof has no findings."""
        while self.model.late:
            self._arrive(0)
        self._deliver_and_query_all()
        while any(each.status in OPEN for each in self.model.postings):
            self.post(Line.GOOD)
        while self._undecided():
            self.reject(0, 0)
        self._finish_refunds()
        for _ in self.story.people:
            self.people_see_what_the_model_says()
        self.the_ledger_holds_what_the_model_says()
        self.reconcile()
        assert self._differences() == Counter(self.injected)
        self.the_ledger_holds_what_the_model_says()
        assert self._run(self.story.breaches(BREACHES)).keys() <= {PARTS}
        assert self._run(self._findings()) == []

    def _deliver_and_query_all(self) -> None:
        for name, payment in self.model.payments.items():
            if payment.transactions:
                bodies = self.story.notices(self._number_of(payment))
                for body, transaction in zip(bodies, payment.transactions, strict=True):
                    assert self._deliver(*self.story.world.signed(json.loads(body))) == 204
                    self.model.capture(payment, transaction)
            self._end_time(name, payment)
        self.expire_unconfirmed()
        for name, payment in self.model.payments.items():
            if payment.status in {"pending", "unknown"}:
                self._query_order(name, payment, Line.GOOD)

    def _finish_refunds(self) -> None:
        while any(each.status in {*OPEN_REFUNDS, "failed"} for each in self.model.refunds):
            for refund in list(self.model.refunds):
                if refund.status == "failed":
                    self._retry(refund, 0)
                elif refund.theirs == "slow":
                    self._settle_there(refund)
            self.ask_refunds(Line.GOOD, "done")

    async def _findings(self) -> list[str]:
        world = self.story.world
        heads = {head.link_number: head async for head in anchors.anchored_heads(opened(world.settings.ledger_anchors))}
        async with world.database.read() as tx:
            return [finding async for finding in findings_in_turn(tx, await proof.parts(tx, heads))]


@pytest.fixture
def deployment(
    template: URL, tokens: Tokens, rsa_keys: dict[str, RSAPrivateKey], tmp_path: Path
) -> Iterator[Deployment]:
    loop = asyncio.new_event_loop()
    stage = open_deployment(template, tokens, rsa_keys, tmp_path)
    Machine.reached = Counter()
    Machine.run_ = loop.run_until_complete
    Machine.deployment = loop.run_until_complete(stage.__aenter__())
    yield Machine.deployment
    loop.run_until_complete(stage.__aexit__(None, None, None))
    loop.close()


@pytest.mark.timeout(900 + EXAMPLES * 10)
def test_the_service_agrees_with_the_model_whatever_is_lost_doubled_or_delayed(deployment: Deployment) -> None:
    run_state_machine_as_test(
        Machine if EXAMPLES else seed(SEED)(Machine),
        settings=settings(
            max_examples=EXAMPLES or 24,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    never = ENOUGH - set(Machine.reached)
    assert not never, sorted(never)
