"""Rows say more of the usage than its one number, and what cannot be read refuses the row."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from svc_payments.billing.bills.usage_details import UnreadableDetailsError, usage_stated
from tests.svc_payments.billing.bills.factories import save
from tests.svc_payments.billing.bills.test_stated_tariffs import BILL, push
from tests.svc_payments.billing.explanations.plans import a_plan

SEPTEMBER = date(2026, 9, 1)
DETAILS = "peak=100;flat=80;valley=60;persons=5"
HEADER = "bill_number,account_number,period,usage,amount,due_date,meter_from,meter_to,customer_class,usage_details\n"


async def stored(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> tuple[str | None, int]:
    found = await api.get("/payments/v1/bills", headers=tokens.client(provider_id, "bills:write"))
    (bill,) = found.json()["items"]
    return bill["usage_details"], bill["version"]


def test_each_name_is_read() -> None:
    usage = usage_stated(
        f"{DETAILS}; from=2026-08-20; until=2026-09-19;area=88.5;empty_home=yes;first_bill=yes;count.card=2;"
        "cold.2026-09-01=2.5;read.2026-09-10.m3=4;read.2026-09-01.m3=3;m3=9;before.m3=170.5;allowance_before.m3=1",
        SEPTEMBER,
    )
    assert (usage.first_day, usage.last_day) == (date(2026, 8, 20), date(2026, 9, 19))
    assert usage.quantities == {"peak": 100_000, "flat": 80_000, "valley": 60_000, "m3": 9_000}
    assert (usage.persons, usage.area, usage.empty_home, usage.first_bill) == (5, 88_500, True, True)
    assert (usage.counts, usage.cold_days[0].degrees_below) == ({"card": 2}, 2_500)
    assert [reading.used["m3"] for reading in usage.readings] == [3_000, 4_000]
    assert (usage.used_before, usage.allowance_used_before) == ({"m3": 170_500}, {"m3": 1_000})


def test_without_days_it_is_the_billed_month() -> None:
    usage = usage_stated("", date(2024, 2, 1))
    assert (usage.first_day, usage.last_day) == (date(2024, 2, 1), date(2024, 2, 29))


@given(st.text(max_size=60) | st.from_regex(r"([a-z]{1,6}(\.[a-z0-9-]{0,10}){0,2}=[0-9a-z.-]{0,10};){0,4}"))
def test_whatever_is_written_it_is_read_or_refused(details: str) -> None:
    try:
        usage_stated(details, SEPTEMBER)
    except UnreadableDetailsError:
        return


@pytest.mark.parametrize(
    "fault",
    [
        "peak",
        "peak=1;peak=2",
        "peak=-1",
        "peak=1e3",
        "persons=0",
        "persons=two",
        "empty_home=no",
        "of.m3=1",
        "from=2026-10-01;until=2026-10-31",
        "from=2026-09-31",
        "from=2025-01-01;until=2026-09-30",
        "read.2026-12-01.m3=1;m3=5",
        "before.m 3=1",
        "peak=" + "1" * 500,
        "p\\N=1",
    ],
)
async def test_details_that_cannot_be_read_refuse_the_row(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, fault: str
) -> None:
    if len(fault) > 400:
        headers = tokens.client(provider_id, "bills:write") | once()
        body = {"bills": [{**BILL, "usage_details": fault}]}
        assert (await api.post("/payments/v1/bills", json=body, headers=headers)).status_code == 422
        return
    (result,) = await push(api, tokens, provider_id, {"usage_details": fault})
    assert (result["outcome"], result["reason"]) == ("refused", "bad_usage_details")
    assert result["message"]


async def test_details_are_kept_with_the_usage_that_they_came_with(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID
) -> None:
    changes: tuple[tuple[dict[str, Any], str, tuple[str | None, int]], ...] = (
        ({}, "accepted", (None, 1)),
        ({"usage_details": DETAILS}, "amended", (DETAILS, 2)),
        ({"usage_details": DETAILS}, "unchanged", (DETAILS, 2)),
        ({}, "unchanged", (DETAILS, 2)),
        ({"amount_fen": 2_800}, "amended", (DETAILS, 3)),
        ({"amount_fen": 2_800, "usage": "13"}, "amended", (None, 4)),
    )
    for change, outcome, expected in changes:
        (result,) = await push(api, tokens, provider_id, change)
        assert (result["outcome"], await stored(api, tokens, provider_id)) == (outcome, expected)


async def test_an_amendment_of_the_usage_drops_its_details(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID
) -> None:
    (result,) = await push(api, tokens, provider_id, {"usage_details": DETAILS})
    path, headers = f"/payments/v1/bills/{result['bill_id']}/amendments", tokens.client(provider_id, "bills:write")
    for change, expected in (({"amount_fen": 2_700}, DETAILS), ({"usage": "14"}, None)):
        body = {"reason": "billing_error", **change}
        assert (await api.post(path, json=body, headers=headers | once())).status_code == 200
        assert (await stored(api, tokens, provider_id))[0] == expected


async def test_two_rows_of_a_number_with_other_details_are_a_duplicate(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID
) -> None:
    _, other = await push(api, tokens, provider_id, {"usage_details": DETAILS}, {"usage_details": "persons=4"})
    assert other["reason"] == "duplicate_in_file"


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "gb18030"])
async def test_a_bill_file_has_them_as_a_column(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, encoding: str
) -> None:
    title, wide = "伊宁市自来水账单\n", "ｐｅａｋ＝100；flat=80"
    content = f"{title}{HEADER}B-1,1000000005,2026-09,12,27.60,2026-10-25,,,school2,{wide}\n"
    headers = tokens.client(provider_id, "bills:write") | {"Content-Type": f"text/csv; charset={encoding}"}
    report = await api.put("/payments/v1/bill-files/bills.csv", content=content.encode(encoding), headers=headers)
    assert (report.status_code in {200, 201}, report.json().get("accepted")) == (True, 1), report.text
    assert await stored(api, tokens, provider_id) == ("peak=100;flat=80", 1)


@pytest.mark.parametrize("fault", ["another_providers", "another_class", "another_unit", "none"])
async def test_a_plan_that_cannot_be_meant_refuses_the_row(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, database: Database, fault: str
) -> None:
    plan = a_plan(new_id() if fault == "another_providers" else provider_id)
    await save(database, plan)
    stated = {"tariff_id": str(plan.tariff_id), "customer_class": "residential", "unit": "m3"}
    stated |= {"customer_class": "martian"} if fault == "another_class" else {}
    stated |= {"unit": "GJ"} if fault == "another_unit" else {}
    (result,) = await push(api, tokens, provider_id, stated)
    expected = ("accepted", None) if fault == "none" else ("refused", "bad_tariff")
    assert (result["outcome"], result["reason"]) == expected
