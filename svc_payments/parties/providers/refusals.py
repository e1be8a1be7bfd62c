"""Refusals common to all live queries of providers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil

from chassis.problems import Problem

_CLOSED_SECONDS = 600
"""When to retry a closed provider without agreed hours."""
_MINUTE = 60


class NoSuchAccount(Problem):
    """The provider knows no account of this number."""

    status, code = 404, "no_such_account"


class ProviderClosed(Problem):
    """The nightly batch is running. `reopens_at` is null when the provider is closed at other hours than agreed."""

    status, code = 503, "provider_closed"

    def __init__(self, moment: datetime, reopens_at: datetime | None = None) -> None:
        seconds = ceil((reopens_at - moment).total_seconds()) if reopens_at else _CLOSED_SECONDS
        super().__init__(
            reopens_at=reopens_at.astimezone(UTC).isoformat() if reopens_at else None,
            minutes=ceil(seconds / _MINUTE),
        )
        self.headers = {"Retry-After": f"{seconds}"}


class NotPayableOnline(Problem):
    status, code = 409, "not_payable_online"


class PaymentUnfinished(Problem):
    """An earlier payment of the account is not booked yet."""

    status, code = 409, "payment_unfinished"


class ProviderTimedOut(Problem):
    """No answer in time; nothing has changed."""

    status, code = 504, "provider_timed_out"
    headers: Mapping[str, str] = {"Retry-After": "10"}


class ProviderAnswerUnusable(Problem):
    """The provider's answer is invalid, so nothing of it was kept."""

    status, code = 502, "provider_answer_unusable"


_REFUSALS: Mapping[str, type[Problem]] = {
    "no_account": NoSuchAccount,
    "not_payable_online": NotPayableOnline,
    "payment_unfinished": PaymentUnfinished,
    "unusable": ProviderAnswerUnusable,
}


def refusal_of(result: str | None, moment: datetime) -> Problem:
    """The refusal for a result common to all queries; without a result, that the provider did not answer."""
    if result == "closed":
        return ProviderClosed(moment)
    return _REFUSALS.get(result or "", ProviderTimedOut)()
