"""A workflow as data: states, who does what in them, time limits, and where it ends."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kit.fields.labels import Label

LabelledName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,39}$")]


class Actor(StrEnum):
    CITIZEN = "citizen"
    CLERK = "clerk"
    OPERATOR = "operator"
    PROVIDER = "provider"
    SYSTEM = "system"
    """Acts alone, on the day after the limit of the state."""
    PAYMENT = "payment"
    """The payment of the quoted fee; it acts when svc_payments tells of it, and never over HTTP."""


SUBMIT = "submit"
"""What the applicant does first, in every workflow."""
GIVE_UP = "give_up"
"""What ends a case in every workflow: its account is not the applicant's any more, or the applicant has left."""
ROUTE, EXTEND = "route", "extend"
"""What staff does with a case in every workflow: it goes to another office or provider, or is promised for later."""
MIGRATE = "migrate"
"""The step by which a running case came to another version of its workflow."""
RESERVED = frozenset({SUBMIT, GIVE_UP, ROUTE, EXTEND, MIGRATE})
PERSONS = frozenset({Actor.CITIZEN, Actor.CLERK, Actor.OPERATOR, Actor.PROVIDER})
STAFF = frozenset({Actor.CLERK, Actor.OPERATOR})


class Need(StrEnum):
    """What an action must come with."""

    REASON = "reason"
    APPOINTMENT = "appointment"
    """A day on which somebody comes."""
    AMOUNT = "amount"
    FORM = "form"
    """The form as corrected."""
    ACCOUNT_NUMBER = "account_number"
    """The number of the account that the provider has opened."""


class AccountEffect(StrEnum):
    """What an action of the provider does to the account of the case, in the same transaction."""

    OPENS = "opens"
    """The account that it names is bound to the applicant."""
    CLOSES = "closes"
    """Nobody has the account from tomorrow on."""
    TRANSFERS = "transfers"
    """Whoever has it bound has it no longer from tomorrow on; the next holder binds it by their own name."""


class PaperKind(StrEnum):
    """The papers of a one-stop counter."""

    RECEIPT = "receipt"
    """Of what was handed in; of every submission."""
    ACCEPTANCE = "acceptance"
    CORRECTION = "correction"
    REFUSAL = "refusal"
    EXTENSION = "extension"
    DECISION = "decision"
    DELIVERY = "delivery"


class AccountRule(StrEnum):
    BOUND = "bound"
    """For an account that is bound to the applicant."""
    OPTIONAL = "optional"
    """For such an account, or for none."""
    NONE = "none"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class WorkflowState(_Part):
    name: Name
    held_by: Name
    """Who has the case in this state."""
    limit_days: Annotated[int, Field(strict=True, ge=1, le=250)] | None = None
    """Working days in this state."""
    stops_clock: bool = Field(default=False, strict=True)
    """The time in this state counts towards no promise; its own limit runs on."""
    ends: bool = Field(default=False, strict=True)


class WorkflowAction(_Part):
    name: Name
    from_states: list[Name] = Field(max_length=40)
    to: Name
    who: list[Name] = Field(max_length=5)
    """`citizen`, `clerk`, `operator`, `provider`, `system`, or `payment`: when the quoted fee is paid."""
    needs: list[Need] = Field(default_factory=list, max_length=5)
    effect: AccountEffect | None = None
    another_person: bool = Field(default=False, strict=True)
    """By somebody of staff who has taken no step of the case since an action of this sort was taken last, nor that one
    itself: the decision on an appeal."""
    paper: PaperKind | None = None
    """The paper that the applicant can have of this step."""


class WorkflowMaterial(_Part):
    """A kind of material that belongs to an application."""

    kind: LabelledName
    required: bool = Field(strict=True)
    """Without it the application cannot be submitted."""


class WorkflowDefinition(_Part):
    start: Name
    account: AccountRule
    limit_days: int = Field(strict=True, ge=1, le=500)
    """Working days that are promised for the whole."""
    extension_days: int | None = Field(default=None, strict=True, ge=1, le=60)
    """By how many working days at most the promise can be extended, once; null: it cannot."""
    states: list[WorkflowState] = Field(min_length=1, max_length=40)
    actions: list[WorkflowAction] = Field(max_length=100)
    materials: list[WorkflowMaterial] = Field(default_factory=list, max_length=20)
    labels: dict[LabelledName, Label] = Field(default_factory=dict, max_length=200)
    """What states, actions, `submit`, materials, fields of the form and their choices are called."""

    def state(self, name: str) -> WorkflowState:
        return next(state for state in self.states if state.name == name)

    def actions_from(self, state: str) -> list[WorkflowAction]:
        return [action for action in self.actions if state in action.from_states]

    def paper_of(self, action: str, from_state: str | None) -> PaperKind | None:
        """The paper of a step."""
        if action == SUBMIT:
            return PaperKind.RECEIPT
        if action == EXTEND:
            return PaperKind.EXTENSION
        return next((each.paper for each in self.actions_from(str(from_state)) if each.name == action), None)

    def timeout(self, state: str) -> WorkflowAction | None:
        """What the system does when the limit of the state is over."""
        return next((action for action in self.actions_from(state) if Actor.SYSTEM in action.who), None)

    def given_up(self) -> str:
        """The end of a case whose applicant leaves it: one that they reach themselves, else any."""
        ends = [state.name for state in self.states if state.ends]
        own = [each.to for each in self.actions if Actor.CITIZEN in each.who and each.to in ends]
        return [*own, *ends][0]

    def decisions(self) -> frozenset[str]:
        """The ends that somebody else than the applicant brings about; withdrawn and lapsed cases were not decided."""
        deciding = {Actor.CLERK, Actor.OPERATOR, Actor.PROVIDER}
        reached = {each.to for each in self.actions if not deciding.isdisjoint(each.who)}
        return frozenset(state.name for state in self.states if state.ends and state.name in reached)

    def payment(self, state: str) -> WorkflowAction | None:
        """What the payment of a fee does in the state."""
        return next((action for action in self.actions_from(state) if Actor.PAYMENT in action.who), None)

    def appointment(self, state: str) -> WorkflowAction | None:
        """By what the company appoints a day in the state."""
        return next((action for action in self.actions_from(state) if action in self.appointments), None)

    @property
    def appointments(self) -> list[WorkflowAction]:
        """What the company takes with nothing but a day."""
        return [each for each in self.actions if Actor.PROVIDER in each.who and each.needs == [Need.APPOINTMENT]]
