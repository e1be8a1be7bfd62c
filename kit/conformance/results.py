"""What a conformance run finds, as it is kept and shown."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Fault(StrEnum):
    """Why a rule is not met."""

    NOT_REACHED = "not_reached"
    NO_ANSWER = "no_answer"
    """None within the time limit, or one that is too long."""
    ADDRESS_REFUSED = "address_refused"
    """It is no public https address."""
    WRONG_STATUS = "wrong_status"
    WRONG_ANSWER = "wrong_answer"
    WRONG_BILLS = "wrong_bills"
    """Bills other than those that the test system was given, or in another form than the contract has."""
    CHANGED = "changed"
    """Another answer than to the same question before."""
    ACCEPTED = "accepted"
    """What should have been refused was answered."""
    WRONG_REFUSAL = "wrong_refusal"
    """It was refused, but not as the contract says."""
    SLOW = "slow"
    NOT_CONTINUED = "not_continued"
    """Nobody said in time that the system was restarted."""
    NOT_FINISHED = "not_finished"
    """The platform could not try it."""


class Exchange(BaseModel):
    """A call and its answer. All accounts and names are invented by the platform."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    method: str
    path: str
    """Behind the sandbox's endpoint."""
    altered: str | None
    """How the call differs from one of the platform; null: not at all."""
    sent: dict[str, str | int]
    signed_at: int
    """Seconds since 1970, as the signature says."""
    nonce: str
    status: int | None
    answer: dict[str, str]
    """The names in the answer: its result, code, reason and reference. Anything else is not kept."""
    fault: Fault | None
    milliseconds: int


class Tried(BaseModel):
    """A rule that was tried."""

    rule: str
    outcome: Literal["passed", "failed"]
    fault: Fault | None
    exchanges: list[Exchange]


Seen = Mapping[str, Tried]
"""What the run has found so far, by rule."""
