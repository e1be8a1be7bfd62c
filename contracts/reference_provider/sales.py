"""What a resident may pay at the moment: answers to bill inquiries (fetch and pay) and to top-up validations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from contracts.reference_provider.books import Books
from contracts.reference_provider.holders import BEIJING

OPEN = "open"
PURCHASABLE_FEN = (1_000, 3_000, 5_000, 10_000, 20_000, 50_000)


@dataclass(frozen=True)
class Offer:
    """The top-ups that the company sells, and the hours in which it answers."""

    purchasable_fen: tuple[int, ...] = PURCHASABLE_FEN
    closed: tuple[time, time] | None = None
    """Start and end of the billing system's nightly batch, Beijing time; it may span midnight."""

    def is_closed(self, moment: datetime) -> bool:
        if self.closed is None:
            return False
        begin, end = self.closed
        at = moment.astimezone(BEIJING).time()
        return begin <= at < end if begin <= end else at >= begin or at < end


def _now() -> datetime:
    return datetime.now(UTC)


class Sales:
    def __init__(self, books: Books, offer: Offer | None = None, clock: Callable[[], datetime] = _now) -> None:
        self._books, self._offer, self._clock = books, offer or Offer(), clock

    def inquire(self, account_number: str) -> dict[str, Any]:
        """The unpaid bills of an account as billed, or the reason why none are shown."""
        if obstacle := self._obstacle(account_number):
            return {"result": obstacle}
        bills = self._books.due_bills(account_number)
        return {"result": "due", "bills": bills} if bills else {"result": "nothing_due"}

    def validate(self, account_number: str, amount_fen: int) -> dict[str, Any]:
        """Whether this amount may be bought for an account; nothing is reserved."""
        if obstacle := self._obstacle(account_number):
            return {"result": obstacle}
        if not self._books.is_held(account_number):
            return {"result": "no_account"}
        most_fen = max(self._offer.purchasable_fen)
        if amount_fen > most_fen:
            return {"result": "above_purchasable", "most_fen": most_fen}
        sold = amount_fen in self._offer.purchasable_fen
        return {"result": "accepted"} if sold else {"result": "not_purchasable"}

    def _obstacle(self, account_number: str) -> str | None:
        if self._offer.is_closed(self._clock()):
            return "closed"
        state = self._books.state(account_number)
        if state is None:
            return "no_account"
        return None if state == OPEN else state
