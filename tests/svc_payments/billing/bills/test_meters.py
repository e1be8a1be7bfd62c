"""Meters that begin again at 0 between two readings."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.testing import Tokens, once
from svc_payments.billing.bills.meters import consumption, is_reading
from tests.svc_payments.billing.bills.test_stated_tariffs import push

BILLS = "/payments/v1/bills"
ROUND = {"meter_from": "9990", "meter_to": "10", "usage": "20"}


async def stored(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> dict[str, Any]:
    found = await api.get(BILLS, headers=tokens.client(provider_id, "bills:write"))
    (bill,) = found.json()["items"]
    return dict(bill)


async def amend(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, bill_id: str, **changes: object
) -> httpx.Response:
    headers = tokens.client(provider_id, "bills:write") | once()
    body = {"reason": "meter_error", **changes}
    return await api.post(f"{BILLS}/{bill_id}/amendments", json=body, headers=headers)


@given(before=st.integers(0, 9_999), used=st.integers(0, 5_000))
def test_what_was_used_is_found_again_across_the_highest_reading(before: int, used: int) -> None:
    after = (before + used) % 10_000
    assert consumption(Decimal(before), Decimal(after), 4) == used
    assert is_reading(str(before), str(after), "4", "0")


@pytest.mark.parametrize(
    ("before", "after", "digits", "usage", "expected"),
    [
        ("9990", "10", "4", "20", True),
        ("9990.5", "0.5", "4", "10", True),
        ("9990", "10", "4", "2000", True),  # a meter behind a transformer, whose readings are multiplied
        ("9999", "0", "4", "1", True),
        ("10", "20", "4", "10", True),
        ("6000", "5999", "4", "9999", True),
        ("9990", "10", "", "20", False),
        ("9990", "10", "3", "20", False),  # readings that such a meter cannot show
        ("9990", "10", "5", "20", False),  # 90,020 units
        ("1200", "1100", "4", "100", False),  # exchanged
        ("10", "99999", "4", "9989", False),
        ("", "99999", "4", "9989", False),
        ("9990", "10", "0", "20", False),
        ("9990", "10", "10", "20", False),
        ("9990", "10", "４", "20", False),
        ("9990", "10", "4.0", "20", False),
    ],
)
def test_readings_of_one_meter(before: str, after: str, digits: str, usage: str, *, expected: bool) -> None:
    assert is_reading(before, after, digits, usage) is expected


@pytest.mark.parametrize("digits", [4, "4", " ４ "])
async def test_a_pushed_bill_whose_meter_began_again_is_taken(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, digits: object
) -> None:
    (result,) = await push(api, tokens, provider_id, {**ROUND, "meter_digits": digits})
    assert result["outcome"] == "accepted"
    bill = await stored(api, tokens, provider_id)
    assert (bill["meter_digits"], bill["metered_usage"], bill["usage"]) == (4, "20", "20")


@pytest.mark.parametrize(("language", "says"), [("en", "add meter_digits"), ("zh", "请填写 meter_digits")])
async def test_without_digits_the_sentence_says_what_to_add(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, language: str, says: str
) -> None:
    headers = tokens.client(provider_id, "bills:write") | once() | {"Accept-Language": language}
    bill = {
        "bill_number": "B-1",
        "account_number": "1000000005",
        "period": "2026-09",
        "amount_fen": 2760,
        "due_date": "2026-10-25",
    }
    answer = await api.post(BILLS, json={"bills": [{**bill, **ROUND}]}, headers=headers)
    (outcome,) = answer.json()["bills"]
    assert (outcome["outcome"], outcome["reason"]) == ("refused", "bad_meter_reading")
    assert says in outcome["message"]


async def test_digits_stay_with_the_readings_that_they_came_with(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID
) -> None:
    straight = {"meter_from": "10", "meter_to": "30", "usage": "20"}
    for change, outcome, digits in (
        ({**straight}, "accepted", None),
        ({**straight, "meter_digits": 4}, "amended", 4),
        ({**straight}, "unchanged", 4),
        ({**straight, "usage": "21"}, "amended", 4),
        ({"meter_from": "10", "meter_to": "31", "usage": "21"}, "amended", None),
        ({**ROUND, "meter_digits": 4}, "amended", 4),
        ({**ROUND, "meter_digits": 4}, "unchanged", 4),
    ):
        (result,) = await push(api, tokens, provider_id, change)
        bill = await stored(api, tokens, provider_id)
        assert (result["outcome"], bill["meter_digits"]) == (outcome, digits), change


async def test_two_rows_of_a_number_with_other_digits_are_a_duplicate(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID
) -> None:
    rows = [{**ROUND, "meter_digits": digits} for digits in (4, 4)]
    other = {"meter_from": "10", "meter_to": "30", "usage": "20", "bill_number": "B-2"}
    results = await push(api, tokens, provider_id, *rows, {**other, "meter_digits": 4}, {**other, "meter_digits": 5})
    assert [result["outcome"] for result in results] == ["accepted", "unchanged", "accepted", "refused"]
    assert results[-1]["reason"] == "duplicate_in_file"


async def test_an_amendment_may_say_the_digits_and_versions_show_them(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID
) -> None:
    (pushed,) = await push(api, tokens, provider_id, {"meter_from": "9990", "meter_to": "9995", "usage": "5"})
    bill_id = pushed["bill_id"]
    refused = await amend(api, tokens, provider_id, bill_id, meter_to="10", usage="20")
    assert (refused.status_code, refused.json()["reason"]) == (422, "bad_meter_reading")
    amended = await amend(api, tokens, provider_id, bill_id, meter_to="10", usage="20", meter_digits=4)
    assert (amended.status_code, amended.json()["metered_usage"]) == (200, "20"), amended.text
    headers = tokens.client(provider_id, "bills:write")
    versions = (await api.get(f"{BILLS}/{bill_id}/versions", headers=headers)).json()["items"]
    assert [(each["version"], each["meter_digits"]) for each in versions] == [(2, 4), (1, None)]
    refused = await amend(api, tokens, provider_id, bill_id, meter_digits=None)
    assert (refused.status_code, refused.json()["reason"]) == (422, "bad_meter_reading")
