"""Residents and providers read their own bills, and no others."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from svc_payments.billing.bills import service
from svc_payments.billing.bills.models import Bill, BillStatus
from svc_payments.parties.providers.models import Tariff
from tests.svc_payments.billing.bills.factories import a_bill, a_binding, a_tariff, save
from tests.svc_payments.billing.files.files import uploader
from tests.svc_payments.conftest import approved_provider

URL = "/payments/v1/bills"


def shown_bill(bill: Bill, tariff: Tariff) -> dict[str, Any]:
    """The answer for the bill below, with its explanation; without `created_at`."""
    return {
        "bill_id": str(bill.id),
        "provider_id": str(bill.provider_id),
        "bill_number": bill.bill_number,
        "account_number": "1000000005",
        "period": "2026-09",
        "usage": "16.5",
        "amount_fen": 4268,
        "currency": "CNY",
        "due_date": "2026-10-25",
        "meter_from": "100",
        "meter_to": "116.5",
        "meter_digits": None,
        "metered_usage": "16.5",
        "kind": "regular",
        "late_fee_fen": 0,
        "paid_fen": 0,
        "outstanding_fen": 4268,
        "status": "due",
        "withdrawn": None,
        "expires_on": None,
        "supersedes": None,
        "superseded_by": None,
        "customer_class": None,
        "unit": None,
        "tariff_id": None,
        "version": 1,
        "reason": None,
        "note": None,
        "usage_details": None,
        "stated_tariff_unknown": False,
        "plan_explanation": None,
        "explanation": shown_explanation(tariff),
    }


def shown_explanation(tariff: Tariff) -> dict[str, Any]:
    return {
        "tariff_id": str(tariff.tariff_id),
        "customer_class": "residential",
        "unit": "m3",
        "effective_from": "2026-01-01",
        "lines": [
            {"tier": 1, "quantity": "15", "unit_price": "2.3", "amount_fen": 3450},
            {"tier": 2, "quantity": "1.5", "unit_price": "3.455", "amount_fen": 518},
        ],
        "fixed_fee_fen": 300,
        "difference_fen": 0,
        "stated": False,
        "also_fits": [],
    }


async def test_a_bill_is_shown_to_the_resident_with_its_explanation(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    person = new_id()
    tariff = a_tariff(provider_id, ("15", "2.300"), (None, "3.455"), fixed_fee_fen=300)
    bill = a_bill(
        provider_id, usage=Decimal("16.5"), amount_fen=4268, meter_from=Decimal(100), meter_to=Decimal("116.5")
    )
    await save(database, bill, a_binding(person, provider_id), tariff)
    answer = await api.get(f"{URL}/{bill.id}", headers=tokens.resident(person))
    shown = answer.json()
    assert shown.pop("created_at")
    assert shown == shown_bill(bill, tariff)


@pytest.mark.parametrize(
    ("effective_from", "unit_prices", "explained_by"),
    [
        ([date(2026, 9, 2)], ["1"], None),
        ([date(2026, 9, 1)], ["1"], "1"),
        ([date(2026, 1, 1), date(2026, 9, 1), date(2026, 10, 1)], ["1", "2", "3"], "2"),
    ],
)
async def test_the_tariff_in_force_on_the_first_day_of_the_period_explains(
    api: httpx.AsyncClient,
    database: Database,
    tokens: Tokens,
    provider_id: UUID,
    effective_from: list[date],
    unit_prices: list[str],
    explained_by: str | None,
) -> None:
    person, bill = new_id(), a_bill(provider_id)
    tariffs = [
        a_tariff(provider_id, (None, price), effective_from=day)
        for day, price in zip(effective_from, unit_prices, strict=True)
    ]
    foreign = a_tariff(new_id(), (None, "9"))
    await save(database, bill, a_binding(person, provider_id), foreign, *tariffs)
    explanation = (await api.get(f"{URL}/{bill.id}", headers=tokens.resident(person))).json()["explanation"]
    assert (explanation and explanation["lines"][0]["unit_price"]) == explained_by


async def test_a_bill_of_others_is_not_found(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    neighbour, other = new_id(), await approved_provider(database)
    bill = a_bill(provider_id)
    await save(
        database, bill, a_binding(neighbour, provider_id, "1000000013"), a_binding(neighbour, other, "1000000005")
    )
    for headers in (tokens.resident(neighbour), tokens.resident(), uploader(tokens, other)):
        answer = await api.get(f"{URL}/{bill.id}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert (await api.get(URL, headers=headers)).json()["items"] == []


async def test_an_ended_binding_shows_no_bills(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    person, bill = new_id(), a_bill(provider_id)
    binding = a_binding(person, provider_id)
    binding.ended_at = now()
    await save(database, bill, binding)
    assert (await api.get(f"{URL}/{bill.id}", headers=tokens.resident(person))).status_code == 404
    assert (await api.get(URL, headers=tokens.resident(person))).json()["items"] == []


async def test_who_may_read_bills(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> None:
    callers = [
        {},
        tokens.resident(assurance_level=1),
        tokens.client(provider_id, "tariffs:write"),
        tokens.resident(),
        uploader(tokens, provider_id),
    ]
    answers = [await api.get(URL, headers=caller) for caller in callers]
    assert [answer.status_code for answer in answers] == [401, 403, 403, 200, 200]
    assert [answer.json()["code"] for answer in answers[:3]] == ["token_missing", "assurance_too_low", "not_allowed"]


async def test_a_resident_pages_through_all_accounts_newest_first(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    person, heating = new_id(), await approved_provider(database)
    bills = [a_bill(provider, account_number="1000000005") for _ in range(4) for provider in (provider_id, heating)]
    bindings = [a_binding(person, provider_id), a_binding(person, heating), a_binding(person, heating)]
    strangers = [a_bill(provider_id, account_number="1000000013") for _ in range(3)]
    await save(database, *bills, *strangers, *bindings)
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = (await api.get(f"{URL}?limit=3{cursor and f'&cursor={cursor}'}", headers=tokens.resident(person))).json()
        seen += [bill["bill_id"] for bill in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [str(bill.id) for bill in sorted(bills, key=lambda bill: bill.id, reverse=True)]


async def test_a_list_can_be_narrowed(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    person = new_id()
    bills = [
        a_bill(provider_id, bill_number="A", status=BillStatus.DUE),
        a_bill(provider_id, bill_number="B", status=BillStatus.POSTED),
        a_bill(provider_id, bill_number="C", status=BillStatus.DUE, account_number="1000000013"),
    ]
    bindings = [a_binding(person, provider_id), a_binding(person, provider_id, "1000000013")]
    await save(database, *bills, *bindings)
    for headers in (tokens.resident(person), uploader(tokens, provider_id)):
        for query, expected in (
            ("status=due", {"A", "C"}),
            ("status=posted", {"B"}),
            ("status=paid", set()),
            ("account_number=1000000013", {"C"}),
            ("bill_number=B", {"B"}),
            ("status=due&account_number=1000000005", {"A"}),
        ):
            items = (await api.get(f"{URL}?{query}", headers=headers)).json()["items"]
            assert {bill["bill_number"] for bill in items} == expected, query


async def test_a_provider_pages_through_a_few_matches_among_many_bills(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_LOOKED_THROUGH", 3)
    statuses = [BillStatus.POSTED] * 7 + [BillStatus.DUE, BillStatus.POSTED, BillStatus.DUE]
    bills = [a_bill(provider_id, bill_number=f"N{n}", status=status) for n, status in enumerate(statuses)]
    await save(database, *bills, a_bill(new_id(), bill_number="N5", status=BillStatus.DUE))
    pages, cursor = [], ""
    while cursor is not None:
        answer = await api.get(
            f"{URL}?status=due{cursor and f'&cursor={cursor}'}", headers=uploader(tokens, provider_id)
        )
        pages.append([bill["bill_number"] for bill in answer.json()["items"]])
        cursor = answer.json()["next_cursor"]
    assert pages == [[], [], ["N7"], ["N9"]]


@pytest.mark.parametrize("query", ["status=void", "account_number=1", "bill_number=%00", "limit=0", "limit=201"])
async def test_invalid_queries_are_refused(api: httpx.AsyncClient, tokens: Tokens, query: str) -> None:
    assert (await api.get(f"{URL}?{query}", headers=tokens.resident())).status_code == 422


async def test_a_provider_pages_through_its_own_bills_by_number(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, provider_id: UUID
) -> None:
    numbers = ["A-10", "A-9", "a", "B", "-1"]
    other = await approved_provider(database)
    await save(database, *(a_bill(provider_id, bill_number=number) for number in numbers), a_bill(other))
    headers = uploader(tokens, provider_id)
    first = (await api.get(f"{URL}?limit=3", headers=headers)).json()
    second = (await api.get(f"{URL}?limit=3&cursor={first['next_cursor']}", headers=headers)).json()
    assert [bill["bill_number"] for bill in first["items"] + second["items"]] == sorted(numbers)
    bill_id = first["items"][0]["bill_id"]
    assert (await api.get(f"{URL}/{bill_id}", headers=headers)).status_code == 200


async def test_a_withdrawn_bill_is_listed_on_request_only_and_owes_nothing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    person, bill = new_id(), a_bill(provider_id, status="void")
    await save(database, bill, a_binding(person, provider_id))
    assert (await api.get(URL, headers=tokens.resident(person))).json()["items"] == []
    (shown,) = (await api.get(f"{URL}?withdrawn=true", headers=tokens.resident(person))).json()["items"]
    assert (shown["withdrawn"], shown["outstanding_fen"]) == ("void", 0)


async def test_an_organisation_that_somebody_acts_for_is_no_resident(api: httpx.AsyncClient, tokens: Tokens) -> None:
    actor: dict[str, Any] = {"act": {"sub": str(new_id())}, "authority": str(new_id())}
    token = tokens.sign(kind="organisation", assurance_level=3, **actor)
    answer = await api.get(URL, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
