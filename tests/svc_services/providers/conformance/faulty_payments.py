"""Copies of the reference provider that do one thing wrong with bills and payments."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from contracts.reference_provider import server
from contracts.reference_provider.books import Books, PostingReused
from contracts.reference_provider.platform_signature import Call, NotFromPlatform, Signed, verify
from contracts.reference_provider.sales import Sales
from tests.svc_services.providers.conformance.faults import SLOW_SECONDS, Fault, Wrapped, fault

Answer = dict[str, Any]
Install = Callable[[Starlette, pytest.MonkeyPatch], None]
BOOKED = {"result": "booked", "provider_reference": "20260101-1"}


def _books(change: Callable[[Books], dict[str, Callable[..., Any]]]) -> Install:
    """Some operations of the books in another way."""

    def install(app: Starlette, _patch: pytest.MonkeyPatch) -> None:
        app.state.books = Wrapped(app.state.books, **change(app.state.books))

    return install


def _sales(change: Callable[[Sales], dict[str, Callable[..., Any]]]) -> Install:
    def install(app: Starlette, _patch: pytest.MonkeyPatch) -> None:
        app.state.sales = Wrapped(app.state.sales, **change(app.state.sales))

    return install


def _books_in_spite_of(reason: str) -> Install:
    def book(books: Books, posting: Any) -> Answer:  # noqa: ANN401 - a posting
        answer = books.book(posting)
        return BOOKED if answer.get("reason") == reason else answer

    return _books(lambda books: {"book": lambda posting: book(books, posting)})


def _without_reference(books: Books) -> dict[str, Callable[..., Any]]:
    def book(posting: Any) -> Answer:  # noqa: ANN401 - a posting
        return {name: value for name, value in books.book(posting).items() if name != "provider_reference"}

    return {"book": book}


def _booked_twice(books: Books) -> dict[str, Callable[..., Any]]:
    def book(posting: Any) -> Answer:  # noqa: ANN401 - a posting
        is_known = books.posting(posting.posting_id)["result"] == "booked"
        answer = books.book(posting)
        return answer | {"provider_reference": f"{time.time_ns()}"} if is_known else answer

    return {"book": book}


def _reused(books: Books) -> dict[str, Callable[..., Any]]:
    def book(posting: Any) -> Answer:  # noqa: ANN401 - a posting
        try:
            return books.book(posting)
        except PostingReused:
            return BOOKED

    return {"book": book}


def _queried(result: str, said: Answer) -> Install:
    def posting(books: Books, posting_id: str) -> Answer:
        answer = books.posting(posting_id)
        return said if answer["result"] == result else answer

    return _books(lambda books: {"posting": lambda posting_id: posting(books, posting_id)})


def _never_reverses(books: Books) -> dict[str, Callable[..., Any]]:
    def cancel(posting_id: str, reason: str) -> Answer:
        return {"result": "cancelled"} if reason == "refund" else books.cancel(posting_id, reason)

    return {"cancel": cancel}


def _slow(real: Callable[..., Any]) -> Callable[..., Any]:
    def slow(*given: Any) -> Any:  # noqa: ANN401 - as given
        time.sleep(SLOW_SECONDS)
        return real(*given)

    return slow


def _renumbers_at_the_restart(app: Starlette, _patch: pytest.MonkeyPatch) -> None:
    marker: Path = app.state.folder / "was_started"
    if marker.exists():
        app.state.books = Wrapped(app.state.books, book=lambda _posting: BOOKED)
    marker.touch()


def _tolerates_at(path: str, method: str = "POST") -> Install:
    """Takes damaged signatures of one operation."""

    def is_it(call: Call) -> bool:
        return call.method == method and re.search(path, call.url) is not None

    def install(_app: Starlette, patch: pytest.MonkeyPatch) -> None:
        async def lax(keys: Any, provider_id: str, call: Call) -> Signed:  # noqa: ANN401 - as in the server
            try:
                return await verify(keys, provider_id, call)
            except NotFromPlatform as refused:
                if str(refused) != "wrong_signature" or not is_it(call):
                    raise
                return Signed(str(dict(call.headers.items())["signature"]), 2_000_000_000)

        patch.setattr(server, "verify", lax)

    return install


def _bills(change: Callable[[dict[str, Any], int], None]) -> Install:
    """Answers to inquiries, of which each bill is changed; with how often the account was inquired about before."""

    def make(sales: Sales) -> dict[str, Callable[..., Any]]:
        times: dict[str, int] = {}

        def inquire(account: str) -> Answer:
            answer, before = sales.inquire(account), times.get(account, 0)
            times[account] = before + 1
            for bill in answer.get("bills", []):
                change(bill, before)
            return answer

        return {"inquire": inquire}

    return _sales(make)


def _dearer(bill: dict[str, Any], _before: int) -> None:
    bill["amount_fen"] += 1


def _other_usage_later(bill: dict[str, Any], before: int) -> None:
    bill["usage"] = str(int(bill["usage"]) + before)


def _text_for_fen(bill: dict[str, Any], _before: int) -> None:
    bill["amount_fen"] = float(bill["amount_fen"])


def _still_due(sales: Sales) -> dict[str, Callable[..., Any]]:
    first: dict[str, Answer] = {}
    return {"inquire": lambda account: first.setdefault(account, sales.inquire(account))}


def _says(operation: str, said: str, instead: str) -> Install:
    def make(sales: Sales) -> dict[str, Callable[..., Any]]:
        def answer(*given: Any) -> Answer:  # noqa: ANN401 - as given
            honest: Answer = getattr(sales, operation)(*given)
            return {"result": instead} if honest["result"] == said else honest

        return {operation: answer}

    return _sales(make)


_BOOKING = (
    *("posting_booked", "posting_duplicate", "posting_reused", "posting_paid_bill", "posting_query"),
    *("posting_kept", "posting_refund", "posting_in_time", "posting_before_restart", "inquiry_agrees"),
    "posting_signature",
)
_NAMING = ("inquiry_due", "inquiry_contradiction", "inquiry_agrees")
PAYMENT_FAULTS: tuple[Fault, ...] = (
    fault("has no references", _books(_without_reference), *_BOOKING),
    fault("books a posting twice", _books(_booked_twice), "posting_duplicate", "posting_after_restart"),
    fault("takes a posting_id again", _books(_reused), "posting_reused"),
    fault("books any amount", _books_in_spite_of("more_than_billed"), "posting_amount"),
    fault("books on any account", _books_in_spite_of("no_account"), "posting_unknown_account"),
    fault("books paid bills", _books_in_spite_of("bill_already_booked"), "posting_paid_bill"),
    fault("finds another reference", _queried("booked", BOOKED), "posting_query", "posting_after_restart"),
    fault(
        "refuses what it does not find",
        _queried("not_found", {"result": "refused", "reason": "unknown"}),
        *("posting_not_found", "posting_signature"),
    ),
    fault("books what was cancelled", _books_in_spite_of("cancelled"), "posting_cancelled"),
    fault(
        "cancels what is booked",
        _books(lambda books: {"cancel": lambda posting_id, _reason: books.cancel(posting_id, "refund")}),
        "posting_kept",
    ),
    fault("never reverses", _books(_never_reverses), "posting_refund"),
    fault("takes any posting", _tolerates_at("/postings$"), "posting_signature"),
    fault("takes any query", _tolerates_at("/postings/", "GET"), "query_signature"),
    fault("takes any cancellation", _tolerates_at("/cancellations$"), "cancellation_signature"),
    fault("takes any validation", _tolerates_at("/top-up-validations$"), "top_up_signature"),
    fault("takes any delivery", _tolerates_at("/deliveries$"), "delivery_signature"),
    fault("slow to book", _books(lambda books: {"book": _slow(books.book)}), "posting_in_time"),
    fault("renumbers", _renumbers_at_the_restart, "posting_after_restart"),
    fault("names other amounts", _bills(_dearer), *_NAMING),
    fault("names broken fen", _bills(_text_for_fen), *_NAMING),
    fault("knows every account of bills", _says("inquire", "no_account", "nothing_due"), "inquiry_unknown_account"),
    fault("changes its bills", _bills(_other_usage_later), "inquiry_contradiction"),
    fault("names paid bills", _sales(_still_due), "inquiry_agrees"),
    fault("takes any inquiry", _tolerates_at("/bill-inquiries$"), "inquiry_signature"),
    fault("slow to name", _sales(lambda sales: {"inquire": _slow(sales.inquire)}), "inquiry_in_time"),
    fault("sells nothing", _says("validate", "accepted", "not_purchasable"), "top_up_accepted"),
    fault("sells to anybody", _says("validate", "no_account", "accepted"), "top_up_unknown_account"),
    fault("sells any amount", _says("validate", "not_purchasable", "accepted"), "top_up_amount"),
)
