"""What all rules share: the strategies, the story they run in, and look-ups by model object."""

from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.svc_payments.machine.deployment import OPEN_ACCOUNTS, REFUSED_ACCOUNT, Deployment, Story
from tests.svc_payments.machine.entities import Line, Payment, Posting, Refund
from tests.svc_payments.machine.model import Model

lines = st.sampled_from(Line)
operators = st.integers(0, 1)
people = st.integers(0, 1)
accounts = st.sampled_from((*OPEN_ACCOUNTS, *OPEN_ACCOUNTS, REFUSED_ACCOUNT))
fens = st.integers(100, 30_000)
places = st.integers(0, 11)
"""An index into a collection, modulo its length."""
Difference = tuple[str, str, int]
"""Kind of discrepancy, number, and the channel's amount less ours in fen."""
Thing = TypeVar("Thing")
Result = TypeVar("Result")


class BaseRules(RuleBasedStateMachine):
    """Each rule runs one step against the real service and applies it to the model."""

    deployment: ClassVar[Deployment]
    reached: ClassVar["Counter[str]"]
    run_: ClassVar[Callable[[Coroutine[Any, Any, Any]], Any]]

    @initialize()
    def open(self) -> None:
        self.model = Model(refusing=REFUSED_ACCOUNT)
        self._opened = self.deployment.story()
        self.story: Story = self._run(self._opened.__aenter__())
        self.signed: list[tuple[bytes, dict[str, str]]] = []
        self.injected: list[Difference] = []

    @precondition(lambda self: self.model.late)
    @rule(place=places)
    def late_message_arrives(self, place: int) -> None:
        self._arrive(place % len(self.model.late))

    def _arrive(self, place: int) -> None:
        kind, about, _ = self.model.late[place]
        same = [each for each in self.model.late if each[:2] == (kind, about)]
        self.model.late = [each for each in self.model.late if each[:2] != (kind, about)]
        number = self._number_of(about)
        wire = self.deployment.to_company if isinstance(about, Posting) else self.deployment.to_channel
        self._run(wire.arrive(kind, number))
        for _, _, effect in same:
            effect()

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return type(self).run_(coroutine)  # type: ignore[no-any-return]

    def _on(self, line: Line) -> None:
        self.deployment.to_channel.line = self.deployment.to_company.line = line

    @staticmethod
    def _chosen(things: dict[str, Thing], place: int) -> tuple[str, Thing]:
        return list(things.items())[place % len(things)]

    def _last_payment(self) -> tuple[str, Payment]:
        return list(self.model.payments.items())[-1]

    def _payment(self, place: int, *statuses: str) -> tuple[str, Payment]:
        """Three times in four a payment in one of these statuses, otherwise any payment."""
        fitting = {name: each for name, each in self.model.payments.items() if each.status in statuses}
        return self._chosen(fitting if fitting and place % 4 else self.model.payments, place)

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
        """Refunds of the same payment, bill and transaction are distinguished by their order."""
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
