"""Bills say by which class, unit and tariff they were made."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, once
from tests.svc_payments.billing.bills.factories import a_tariff, save

BILL = {
    "bill_number": "B-1",
    "account_number": "1000000005",
    "period": "2026-09",
    "usage": "12",
    "amount_fen": 2760,
    "due_date": "2026-10-25",
}
STATED = {"customer_class": "commercial", "unit": "m3", "tariff_id": str(new_id())}
HEADER = "bill_number,account_number,period,usage,amount,due_date,meter_from,meter_to,customer_class,unit,tariff_id\n"


async def push(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, *changes: dict[str, Any]
) -> list[dict[str, Any]]:
    headers = tokens.client(provider_id, "bills:write") | once()
    body = {"bills": [{**BILL, **change} for change in changes]}
    answer = await api.post("/payments/v1/bills", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    outcomes: list[dict[str, Any]] = answer.json()["bills"]
    return outcomes


async def stored(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> dict[str, Any]:
    found = await api.get("/payments/v1/bills", headers=tokens.client(provider_id, "bills:write"))
    (bill,) = found.json()["items"]
    return {name: bill[name] for name in (*STATED, "version")}


async def test_a_stated_tariff_is_kept_until_another_is_stated(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID
) -> None:
    nothing = dict.fromkeys(STATED)
    for change, outcome, expected in (
        ({}, "accepted", {**nothing, "version": 1}),
        (STATED, "amended", {**STATED, "version": 2}),
        (STATED, "unchanged", {**STATED, "version": 2}),
        ({}, "unchanged", {**STATED, "version": 2}),
        ({"usage": "13"}, "amended", {**STATED, "version": 3}),
        ({"usage": "13", "unit": "GJ"}, "amended", {**nothing, "unit": "GJ", "version": 4}),
    ):
        (result,) = await push(api, tokens, provider_id, change)
        assert (result["outcome"], await stored(api, tokens, provider_id)) == (outcome, expected)


async def test_two_rows_of_a_number_with_other_tariffs_are_a_duplicate(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID
) -> None:
    first, same, other = await push(api, tokens, provider_id, STATED, STATED, {"unit": "m3"})
    assert (first["outcome"], same["outcome"], other["reason"]) == ("accepted", "unchanged", "duplicate_in_file")


@pytest.mark.parametrize(
    "fault",
    [{"customer_class": "Residential!"}, {"unit": "m 3"}, {"unit": "3"}, {"tariff_id": "1"}, {"tariff_id": "é" * 36}],
)
async def test_a_malformed_tariff_refuses_the_row(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, fault: dict[str, str]
) -> None:
    (result,) = await push(api, tokens, provider_id, fault)
    assert (result["outcome"], result["reason"]) == ("refused", "bad_tariff")
    assert result["message"]


async def test_a_bill_file_has_them_as_columns(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> None:
    row = f"B-1,1000000005,2026-09,12,27.60,2026-10-25,,,commercial,m3,{STATED['tariff_id']}\n"
    bad = "B-2,1000000005,2026-09,12,27.60,2026-10-25,,,commercial,m3,wrong\n"
    headers = tokens.client(provider_id, "bills:write") | {"Content-Type": "text/csv; charset=utf-8"}
    report = await api.put("/payments/v1/bill-files/bills.csv", content=HEADER + row + bad, headers=headers)
    assert report.status_code in {200, 201}, report.text
    assert (report.json()["accepted"], report.json()["refused_rows"][0]["code"]) == (1, "bad_tariff")
    assert await stored(api, tokens, provider_id) == {**STATED, "version": 1}


@pytest.mark.parametrize("fault", ["another_providers", "withdrawn", "another_class", "another_unit"])
async def test_a_tariff_that_cannot_be_meant_refuses_the_row(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, database: Database, fault: str
) -> None:
    tariff = a_tariff(new_id() if fault == "another_providers" else provider_id, (None, "2.300"))
    tariff.withdrawn_at = now() if fault == "withdrawn" else None
    await save(database, tariff)
    stated = {"tariff_id": str(tariff.tariff_id)}
    stated |= {"customer_class": "martian"} if fault == "another_class" else {}
    stated |= {"unit": "parsec"} if fault == "another_unit" else {}
    (result,) = await push(api, tokens, provider_id, stated)
    assert (result["outcome"], result["reason"]) == ("refused", "bad_tariff")
    names = ",".join(stated)
    row = ",".join(["B-1,1000000005,2026-09,12,27.60,2026-10-25,,", *stated.values()])
    content = f"{HEADER.partition(',customer')[0]},{names}\n{row}\n"
    headers = tokens.client(provider_id, "bills:write") | {"Content-Type": "text/csv; charset=utf-8"}
    report = await api.put("/payments/v1/bill-files/bills.csv", content=content, headers=headers)
    assert report.json()["refused_rows"][0]["code"] == "bad_tariff"


@pytest.mark.parametrize("stated", [{"tariff_id": str(new_id())}, {"customer_class": "martian"}, {"unit": "parsec"}])
async def test_an_unknown_tariff_is_accepted_and_no_other_explains_the_bill_as_the_stated_one(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, database: Database, stated: dict[str, str]
) -> None:
    await save(database, a_tariff(provider_id, (None, "2.300")))
    (result,) = await push(api, tokens, provider_id, stated)
    assert result["outcome"] == "accepted"
    path, headers = f"/payments/v1/bills/{result['bill_id']}", tokens.client(provider_id, "bills:write")
    shown = (await api.get(path, headers=headers)).json()
    assert (shown["explanation"], shown["stated_tariff_unknown"]) == (None, True)
    if "tariff_id" in stated:
        late = a_tariff(provider_id, (None, "2.300"))
        late.tariff_id = UUID(stated["tariff_id"])
        await save(database, late)
        shown = (await api.get(path, headers=headers)).json()
        assert shown["explanation"]["tariff_id"] == stated["tariff_id"]
        assert (shown["explanation"]["stated"], shown["stated_tariff_unknown"]) == (True, False)
