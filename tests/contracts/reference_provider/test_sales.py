"""Inquiries, top-ups, what a top-up hands out, and cancellations; as the platform meets them."""

import sqlite3
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path

import httpx
import pytest

from contracts.reference_provider.books import BilledBill, Books, Posting
from contracts.reference_provider.roster import account_number
from contracts.reference_provider.sales import Offer, Sales
from contracts.reference_provider.schema import STEPS
from tests.contracts.reference_provider.processes import PROVIDER_ID, SEED, Platform, Provider
from tests.contracts.reference_provider.test_server import look, post, posting, refusal

NUMBER = account_number(SEED, 3)
BILL = BilledBill("W202510-1", NUMBER, "2025-10", "12.5", 4140, "2025-11-25")


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with Platform().running() as platform:
        yield platform


@pytest.fixture(scope="module")
def company(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    options = ("--billed", "2025-10", "--prepaid", "token", "--purchasable", "1000", "5000")
    with Provider(platform.url, tmp_path_factory.mktemp("company"), options=options).running() as client:
        yield client


@pytest.fixture
def books(tmp_path: Path) -> Books:
    books = Books(tmp_path / "books.sqlite3", "write_card")
    books.fill_roster(SEED, 10)
    books.add_bills([BILL])
    return books


def top_up(**changes: object) -> dict[str, object]:
    return posting(kind="top_up", amount_fen=5000, **changes)


def cancel(company: httpx.Client, platform: Platform, posting_id: object, reason: str) -> dict[str, object]:
    body = {"provider_id": PROVIDER_ID, "posting_id": posting_id, "reason": reason}
    answer: dict[str, object] = post(company, platform, f"/postings/{posting_id}/cancellations", body).json()
    return answer


def test_an_inquiry_lists_what_is_due_until_it_is_booked(company: httpx.Client, platform: Platform) -> None:
    question = {"provider_id": PROVIDER_ID, "inquiry_id": str(uuid.uuid4()), "account_number": NUMBER}
    (bill,) = post(company, platform, "/bill-inquiries", question).json()["bills"]
    assert (bill["account_number"], bill["period"]) == (NUMBER, "2025-10")
    paid = posting(bill_number=bill["bill_number"], amount_fen=bill["amount_fen"], account_number=NUMBER)
    assert post(company, platform, "/postings", paid).json()["result"] == "booked"
    assert post(company, platform, "/bill-inquiries", question).json() == {"result": "nothing_due"}


@pytest.mark.parametrize(
    ("amount_fen", "answer"),
    [
        (5000, {"result": "accepted"}),
        (1001, {"result": "not_purchasable"}),
        (5001, {"result": "above_purchasable", "most_fen": 5000}),
    ],
)
def test_a_top_up_is_validated_before_it_is_paid(
    company: httpx.Client, platform: Platform, amount_fen: int, answer: dict[str, object]
) -> None:
    question = {
        "provider_id": PROVIDER_ID,
        "validation_id": str(uuid.uuid4()),
        "account_number": NUMBER,
        "amount_fen": amount_fen,
    }
    assert post(company, platform, "/top-up-validations", question).json() == answer


def test_a_booked_top_up_gives_one_token_however_often_it_is_asked_for(
    company: httpx.Client, platform: Platform
) -> None:
    content = top_up()
    booked = post(company, platform, "/postings", content).json()
    assert booked["prepaid"]["kind"] == "token"
    assert len(booked["prepaid"]["token"]) == 20
    assert post(company, platform, "/postings", content).json() == booked
    assert look(company, platform, content["posting_id"]) == booked


def test_a_cancelled_posting_is_not_booked_when_it_still_comes(company: httpx.Client, platform: Platform) -> None:
    content = posting()
    for _ in range(2):
        assert cancel(company, platform, content["posting_id"], "unanswered") == {"result": "cancelled"}
    refused = {"result": "refused", "reason": "cancelled"}
    assert post(company, platform, "/postings", content).json() == refused
    assert look(company, platform, content["posting_id"]) == refused


def test_a_booked_posting_is_not_cancelled_for_want_of_an_answer(company: httpx.Client, platform: Platform) -> None:
    content = posting()
    booked = post(company, platform, "/postings", content).json()
    assert cancel(company, platform, content["posting_id"], "unanswered") == booked
    assert look(company, platform, content["posting_id"]) == booked


def test_a_refund_takes_a_booking_back_and_the_bill_may_be_paid_again(
    company: httpx.Client, platform: Platform
) -> None:
    content = posting()
    post(company, platform, "/postings", content)
    assert cancel(company, platform, content["posting_id"], "refund") == {"result": "cancelled"}
    again = {**posting(), "bill_number": content["bill_number"]}
    assert post(company, platform, "/postings", again).json()["result"] == "booked"


def test_a_top_up_whose_token_is_out_is_not_taken_back(company: httpx.Client, platform: Platform) -> None:
    content = top_up()
    booked = post(company, platform, "/postings", content).json()
    assert cancel(company, platform, content["posting_id"], "refund") == booked


def test_a_cancellation_names_its_posting_in_the_signed_body(company: httpx.Client, platform: Platform) -> None:
    body = {"provider_id": PROVIDER_ID, "posting_id": str(uuid.uuid4()), "reason": "unanswered"}
    answer = post(company, platform, f"/postings/{uuid.uuid4()}/cancellations", body)
    assert refusal(answer) == (422, "bad_posting_id")


def test_a_card_is_to_be_written_until_the_terminal_has_done_so(books: Books) -> None:
    top_up = Posting("posting-1", "payment-1", "R1", "T1", NUMBER, 5000, "CNY", "2025-11-22T08:00:00Z", "top_up")
    assert books.book(top_up)["prepaid"] == {"kind": "write_card", "state": "to_write"}
    assert books.card_written("posting-1")["prepaid"] == {"kind": "write_card", "state": "written"}


@pytest.mark.parametrize("state", ["not_payable_online", "payment_unfinished"])
def test_an_account_that_cannot_be_paid_says_why(books: Books, state: str) -> None:
    books.set_state(NUMBER, state)
    sales = Sales(books)
    assert sales.inquire(NUMBER) == sales.validate(NUMBER, 1000) == {"result": state}
    assert sales.inquire("0000000000") == sales.validate("0000000000", 1000) == {"result": "no_account"}


@pytest.mark.parametrize(
    ("moment", "closed"), [("14:59", False), ("15:00", True), ("17:59", True), ("18:00", False), ("03:00", False)]
)
def test_the_batch_runs_past_midnight_in_beijing(books: Books, moment: str, closed: bool) -> None:  # noqa: FBT001 - a row of the table
    at = datetime.combine(datetime(2025, 11, 1, tzinfo=UTC), time.fromisoformat(moment), UTC)
    sales = Sales(books, Offer(closed=(time(23), time(2))), lambda: at)
    assert (sales.inquire(NUMBER)["result"] == "closed") is closed


def test_books_of_an_earlier_release_are_brought_up_to_date(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.sqlite3") as old:
        old.executescript(STEPS[0])
        old.execute("INSERT INTO accounts VALUES (?, ?)", (NUMBER, "测试居民"))
    old.close()
    for _ in range(2):
        assert Books(tmp_path / "old.sqlite3").state(NUMBER) == "open"
