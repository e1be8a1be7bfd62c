"""Every outcome of an inquiry has its code, and an invalid answer is refused whole."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.db import CHINA, Database, new_id
from deploy.local.programs import free_port
from svc_payments.parties.providers.live_query import ANSWERS
from svc_payments.settings import Settings
from tests.svc_payments.billing.bills.factories import a_bill, save
from tests.svc_payments.billing.inquiries.desk import Desk, refusal
from tests.svc_payments.billing.terms.agreement import today
from tests.svc_payments.scripted import Scripted, named_bill, set_endpoint


def counted(desk: Desk, answer: str) -> float:
    value: float = ANSWERS.labels(str(desk.provider_id), "bill_inquiry", answer)._value.get()  # noqa: SLF001 - a figure
    return value


OUTCOMES = {
    "nothing_due": (409, "nothing_due"),
    "no_account": (404, "no_such_account"),
    "closed": (503, "provider_closed"),
    "not_payable_online": (409, "not_payable_online"),
    "payment_unfinished": (409, "payment_unfinished"),
}


async def test_each_outcome_has_its_code_and_message(desk: Desk, company: Scripted) -> None:
    titles = set()
    for result, refused in OUTCOMES.items():
        company.answer_with(result)
        for language in ("zh", "en"):
            desk.api.headers["Accept-Language"] = language
            answer = await desk.inquire_later()
            assert refusal(answer) == refused
            titles.add(answer.json()["title"])
        assert counted(desk, result) == 2
    assert len(titles) == 2 * len(OUTCOMES)


async def test_a_closed_provider_states_when_it_reopens(desk: Desk, company: Scripted) -> None:
    company.answer_with("closed")
    answer = await desk.inquire()
    assert (answer.headers["Retry-After"], answer.json()["reopens_at"], answer.json()["minutes"]) == ("600", None, 10)


async def test_a_provider_is_not_queried_in_its_closed_hours(desk: Desk, company: Scripted) -> None:
    local = datetime.now(CHINA)
    hours = {"begin": f"{local - timedelta(hours=1):%H:%M}", "end": f"{local + timedelta(hours=1):%H:%M}"}
    await desk.open(since=today(), closed_hours=hours)
    answer = await desk.inquire()
    assert refusal(answer) == (503, "provider_closed")
    reopens_at = datetime.fromisoformat(answer.json()["reopens_at"])
    assert f"{reopens_at.astimezone(CHINA):%H:%M}" == hours["end"]
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert company.requests == []


async def test_an_unreachable_provider_counts_as_no_answer(desk: Desk, database: Database) -> None:
    await set_endpoint(database, desk.provider_id, f"http://127.0.0.1:{free_port()}")
    answer = await desk.inquire()
    assert refusal(answer) == (504, "provider_timed_out")
    assert answer.headers["Retry-After"] == "10"


async def test_a_provider_error_counts_as_no_answer(desk: Desk, company: Scripted) -> None:
    company.due(named_bill())
    company.status = 503
    assert refusal(await desk.inquire()) == (504, "provider_timed_out")
    assert await desk.stored_bills() == []


class TestTimeout:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"provider_timeout_seconds": 0.3})

    async def test_a_provider_that_does_not_answer_in_time_changes_nothing(self, desk: Desk, company: Scripted) -> None:
        company.due(named_bill())
        await desk.inquire()
        company.pause = asyncio.Event()
        company.answer_with("nothing_due")
        assert refusal(await desk.inquire_later()) == (504, "provider_timed_out")
        assert [bill.status for bill in await desk.stored_bills()] == ["due"]
        company.pause.set()


MALFORMED: list[Any] = [
    b"",
    b"[]",
    b"null",
    b'{"result": "due"',
    b"[" * 30_000,
    b'{"result": "closed", "result": "nothing_due"}',
    json.dumps({"result": "due", "bills": [named_bill()]})
    .replace('"amount_fen"', '"amount_fen": 1, "amount_fen"')
    .encode(),
    b'{"result": "nothing_due", "more": Infinity}',
    b'"\xff\xfe"',
    {},
    {"result": "maybe"},
    {"result": "due"},
    {"result": "due", "bills": []},
    {"result": "nothing_due", "bills": [named_bill()]},
    {"result": "due", "bills": {"bill": named_bill()}},
    {"result": "due", "bills": [named_bill(), named_bill()]},
    {"result": "due", "bills": [named_bill(bill_number=f"Q-{n}") for n in range(51)]},
    {"result": "due", "bills": [named_bill(bill_number=f"Q-{n}") for n in range(10_000)]},
]
BAD_VALUES: list[dict[str, Any]] = [
    {"amount_fen": 0},
    {"amount_fen": -4140},
    {"amount_fen": 41.4},
    {"amount_fen": 4140.0},
    {"amount_fen": "4140"},
    {"amount_fen": True},
    {"amount_fen": None},
    {"amount_fen": 100_000_001},
    {"amount_fen": 2**63},
    {"amount_fen": 10**400},
    {"account_number": "6540000013"},
    {"account_number": "1000000006"},
    {"account_number": None},
    {"account_number": "1000000005\n"},
    {"bill_number": "Q 1"},
    {"bill_number": "Q" * 33},
    {"bill_number": "Q-1\x00"},
    {"bill_number": "MYILI-AAAAAAAAAAAAAAAAAAAAAAAAAA"},
    {"period": "2026-13"},
    {"period": "2126-01"},
    {"usage": 12.5},
    {"usage": "-1"},
    {"usage": "NaN"},
    {"usage": "1" * 101},
    {"due_date": "2026-02-30"},
    {"meter_from": "9", "meter_to": "8"},
]


async def test_invalid_answers_are_refused_and_counted(desk: Desk, company: Scripted) -> None:
    for answer in MALFORMED:
        company.answer = answer
        assert refusal(await desk.inquire_later()) == (502, "provider_answer_unusable"), repr(answer)[:200]
    assert await desk.stored_bills() == []
    assert counted(desk, "unusable") == len(MALFORMED)


async def test_one_invalid_bill_refuses_the_whole_answer(desk: Desk, company: Scripted) -> None:
    for wrong in BAD_VALUES:
        company.due(named_bill(bill_number="Q-0"), named_bill(**wrong))
        assert refusal(await desk.inquire_later()) == (502, "provider_answer_unusable"), repr(wrong)[:200]
    assert await desk.stored_bills() == []


async def test_a_bill_number_of_another_account_is_refused_and_its_bill_unchanged(
    desk: Desk, company: Scripted
) -> None:
    other = a_bill(desk.provider_id, bill_number="Q-1", account_number="6540000013")
    await save(desk.database, other)
    company.due(named_bill(bill_number="Q-0"), named_bill(amount_fen=1))
    assert refusal(await desk.inquire()) == (502, "provider_answer_unusable")
    (only,) = await desk.stored_bills()
    assert (only.id, only.amount_fen, only.account_number, only.version) == (other.id, 2760, "6540000013", 1)


async def test_a_pushed_bill_is_not_changed_by_an_answer(desk: Desk, company: Scripted) -> None:
    await save(desk.database, a_bill(desk.provider_id, bill_number="Q-1"))
    company.due(named_bill(bill_number="Q-0"), named_bill(amount_fen=1))
    assert refusal(await desk.inquire()) == (502, "provider_answer_unusable")
    assert [(bill.amount_fen, bill.version, bill.status) for bill in await desk.stored_bills()] == [(2760, 1, "due")]


async def test_a_pushed_bill_may_be_named_unchanged_and_is_not_voided_when_left_out(
    desk: Desk, company: Scripted
) -> None:
    pushed = a_bill(desk.provider_id, bill_number="Q-1")
    await save(desk.database, pushed)
    same = {"period": f"{pushed.period:%Y-%m}", "usage": "12.000", "due_date": f"{pushed.due_date}"}
    company.due(named_bill(amount_fen=2760, **same))
    assert [bill["bill_id"] for bill in await desk.bills()] == [str(pushed.id)]
    company.due(named_bill(bill_number="Q-2"))
    await desk.inquire_later()
    assert [(bill.bill_number, bill.status) for bill in await desk.stored_bills()] == [("Q-1", "due"), ("Q-2", "due")]


async def test_the_same_number_at_another_provider_is_another_bill(desk: Desk, company: Scripted) -> None:
    elsewhere = a_bill(new_id(), bill_number="Q-1")
    await save(desk.database, elsewhere)
    company.due(named_bill())
    (bill,) = await desk.bills()
    assert bill["bill_id"] != str(elsewhere.id)
    assert [each.amount_fen for each in await desk.stored_bills() if each.id == elsewhere.id] == [2760]
