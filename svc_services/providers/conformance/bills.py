"""Bills invented for a sandbox. A run pays its own, since a bill that is booked cannot be booked again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.db import CHINA

OF_RULES = (
    *("posting_booked", "posting_duplicate", "posting_reused", "posting_amount", "posting_paid_bill", "posting_query"),
    *("posting_cancelled", "posting_kept", "posting_refund", "posting_signature", "posting_in_time"),
    *("posting_before_restart", "inquiry_due", "inquiry_contradiction", "inquiry_agrees"),
)
"""The rules that need a bill, each one of its own."""
_LEAST_FEN, _STEP_FEN = 4_140, 1_010
_DUE_AFTER = timedelta(days=30)


@dataclass(frozen=True)
class Bill:
    bill_number: str
    account_number: str
    period: str
    usage: str
    amount_fen: int
    due_date: str
    paid_at: str
    """When the postings of it say that it was paid: the same at every try."""

    @property
    def stated(self) -> dict[str, str | int]:
        """The members that an answer to an inquiry has to have."""
        names = ("bill_number", "account_number", "period", "usage", "amount_fen", "due_date")
        return {name: getattr(self, name) for name in names}


def invented_bills(set_id: UUID, accounts: Sequence[dict[str, str]], moment: datetime) -> list[dict[str, Any]]:
    """A bill for each rule that needs one; `set_id` keeps their numbers from those of other runs."""
    today = moment.astimezone(CHINA).date()
    last_month = today.replace(day=1) - timedelta(days=1)
    return [
        {
            "bill_number": f"9{set_id.int % 10**15:015}{place:02}",
            "account_number": accounts[place % len(accounts)]["account_number"],
            "period": f"{last_month:%Y-%m}",
            "usage": str(10 + place),
            "amount_fen": _LEAST_FEN + place * _STEP_FEN,
            "due_date": (today + _DUE_AFTER).isoformat(),
            "paid_at": moment.astimezone(UTC).replace(microsecond=0).isoformat(),
        }
        for place in range(len(OF_RULES))
    ]


def by_rule(stored: Sequence[dict[str, Any]]) -> dict[str, Bill]:
    return {rule: Bill(**each) for rule, each in zip(OF_RULES, stored, strict=False)}
