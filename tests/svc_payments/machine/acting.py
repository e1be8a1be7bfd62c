"""What the rules of the machine have in common: the story they act in, what is in it, and how to find it there."""

from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.svc_payments.machine.entities import Line, Payment, Posting, Refund
from tests.svc_payments.machine.model import Model
from tests.svc_payments.machine.town import OPEN_ACCOUNTS, REFUSED_ACCOUNT, Story, Town

lines = st.sampled_from(Line)
operators = st.integers(0, 1)
people = st.integers(0, 1)
accounts = st.sampled_from((*OPEN_ACCOUNTS, *OPEN_ACCOUNTS, REFUSED_ACCOUNT))
fens = st.integers(100, 30_000)
places = st.integers(0, 11)
"""Of something among all there are: taken around, so that every number finds one."""
Difference = tuple[str, str, int]
"""What reconciliation calls it, the number, and the fen that the channel has more than we."""
Thing = TypeVar("Thing")
Result = TypeVar("Result")


class Acting(RuleBasedStateMachine):
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
        self.injected: list[Difference] = []

    # What was given up on its way, and arrives.

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

    # The means.

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return type(self).run_(coroutine)  # type: ignore[no-any-return]

    def _on(self, line: Line) -> None:
        self.town.to_channel.line = self.town.to_company.line = line

    @staticmethod
    def _chosen(things: dict[str, Thing], place: int) -> tuple[str, Thing]:
        return list(things.items())[place % len(things)]

    def _last_payment(self) -> tuple[str, Payment]:
        return list(self.model.payments.items())[-1]

    def _payment(self, place: int, *statuses: str) -> tuple[str, Payment]:
        """Mostly one in these statuses, where something is to be expected; now and then any other."""
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
