"""Entities of the model: bills, payments, postings, refunds, and the state of the wire."""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum


class Line(Enum):
    """How the wire treats the messages of a step."""

    GOOD = "good"
    TWICE = "each arrives twice"
    LOST = "none arrives"
    ANSWER_LOST = "each arrives, and its answer is lost"
    LATE = "each is given up, and arrives later"


@dataclass(eq=False)
class Bill:
    account: str
    fen: int
    status: str = "due"
    paid: int = 0
    booked: int = 0

    @property
    def owed(self) -> int:
        return self.fen - self.paid


@dataclass(eq=False)
class Payment:
    payer: str
    lines: dict[str, int]
    """Fen by bill."""
    partial: str | None = None
    """The bill that it pays in part."""
    status: str = "created"
    order: str = "none"
    """At the channel: none, waiting, paid or closed."""
    placed: bool = False
    over: bool = False
    held: bool = False
    captured: list[str] = field(default_factory=list)
    """The channel's transactions that are in our books."""
    transactions: list[str] = field(default_factory=list)
    refunding: int = 0
    refunded: int = 0
    gone: "Counter[str]" = field(default_factory=Counter)
    """Refunded and reserved fen by bill."""

    @property
    def fen(self) -> int:
        return sum(self.lines.values())


@dataclass(eq=False)
class Posting:
    payment: Payment
    bill: str
    fen: int
    bill_fen: int
    status: str = "pending"
    theirs: str = "none"
    """In the provider's books: none, booked, refused or cancelled."""
    overdue: bool = False
    given_up: bool = False
    was_booked: bool = False
    kept_there: bool = False
    """The provider refuses to cancel its booking."""


@dataclass(eq=False)
class Refund:
    payment: Payment
    fen: int
    source: str
    bill: str | None = None
    second: bool = False
    status: str = "started"
    by: int | None = None
    """The operator who proposed it; None for an automatic refund."""
    decided: bool = False
    """Whether people have approved it."""
    sent: bool = False
    theirs: str = "none"
    """At the channel: none, slow, closed or done."""
