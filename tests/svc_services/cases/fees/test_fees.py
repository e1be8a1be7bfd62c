"""The fee of a quote: asked by an event, and its payment moves the case on."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import time_machine

from chassis.db import Database
from chassis.testing import Tokens, emitted
from kit.calendar import today
from svc_services.cases.applications.worker import note_due
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    RECEIVED,
    Case,
    Headers,
    act,
    acted,
    clerk,
    decided,
    heard,
    outcome,
    provider,
    submitted,
)

MONDAY = date(2026, 3, 2)
COLUMNS = ("fee_id", "application_id", "amount_fen", "payable_until")


def on(day: date) -> Any:  # noqa: ANN401 - time_machine's type
    return time_machine.travel(f"{day}T12:00:00+08:00")


async def quoted(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID, amount_fen: int = 120_000
) -> Case:
    company = provider(tokens, provider_id)
    case = await submitted(api, resident, provider_id)
    case = await decided(api, clerk(tokens), case, "accept")
    case = await acted(api, RECEIVED, company, case, "appoint_survey", appointment_on=f"{today() + timedelta(days=3)}")
    case = await acted(api, RECEIVED, company, case, "survey")
    return await acted(api, RECEIVED, company, case, "quote", amount_fen=amount_fen)


async def mine(api: httpx.AsyncClient, resident: Headers, case: Case) -> Case:
    found: Case = (await api.get(f"{APPLICATIONS}/{case['application_id']}", headers=resident)).json()
    return found


async def said(database: Database) -> list[tuple[str, str, int]]:
    """What svc_payments has been told: of which fee, and how much."""
    async with database.read() as tx:
        found = [each for each in await emitted(tx) if ".application_fee." in each.type]
    return [(each.type.split(".")[-2], each.data["fee_id"], each.data["amount_fen"]) for each in found]


async def test_a_quote_asks_for_its_fee(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    with on(MONDAY):
        case = await quoted(api, tokens, tokens.resident(person_id), provider_id)
    # 45 working days after 2 March, with Qingming and the first of May.
    fee = {"amount_fen": 120_000, "status": "unpaid", "payable_until": "2026-05-08", "withdrawn": False}
    assert {name: value for name, value in case["fee"].items() if name != "bill_id"} == fee
    async with database.read() as tx:
        (event,) = [each for each in await emitted(tx) if ".application_fee." in each.type]
    assert (event.key, event.data["person_id"], event.data["provider_id"], event.data["payable_until"]) == (
        case["fee"]["bill_id"],
        str(person_id),
        str(provider_id),
        "2026-05-08",
    )


async def test_the_payment_moves_the_case_and_nobody_else_does(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await quoted(api, tokens, resident, provider_id)
    company = provider(tokens, provider_id)
    for base, headers in ((APPLICATIONS, resident), (RECEIVED, company)):
        assert outcome(await act(api, base, headers, case, "pay")) == (403, "action_not_yours")
    case = await acted(api, APPLICATIONS, resident, case, "agree")
    assert (case["state"], "pay" in case["actions"]) == ("payment", False)
    assert outcome(await act(api, RECEIVED, company, case, "construct")) == (409, "action_not_possible")
    await heard(database, case, "reserved", 1)
    for _ in range(2):
        await heard(database, case, "paid", 2)
    case = await mine(api, resident, case)
    steps = [(step["action"], step["actor"], step["to_state"]) for step in case["steps"][-2:]]
    assert steps == [("agree", "citizen", "payment"), ("pay", "payment", "construction")]
    assert (case["state"], case["fee"]["status"], case["fee"]["withdrawn"]) == ("construction", "paid", False)
    assert [what for what, *_ in await said(database)] == ["quoted"]


async def test_who_pays_a_quote_has_agreed_to_it(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await quoted(api, tokens, resident, provider_id)
    await heard(database, case, "paid", 2)
    await heard(database, case, "reserved", 1)  # late
    case = await mine(api, resident, case)
    assert (case["state"], case["fee"]["status"]) == ("construction", "paid")


async def test_a_quote_of_nothing_asks_for_no_payment(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await quoted(api, tokens, resident, provider_id, amount_fen=0)
    assert (case["state"], case["fee"]) == ("quoted", None)
    case = await acted(api, APPLICATIONS, resident, case, "agree")
    assert (case["state"], await said(database)) == ("construction", [])


async def test_a_new_quote_replaces_the_old_one_unless_that_is_being_paid(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    first = await quoted(api, tokens, resident, provider_id)
    company = provider(tokens, provider_id)
    await heard(database, first, "reserved", 1)
    again = await act(api, RECEIVED, company, first, "quote", amount_fen=90_000)
    assert outcome(again) == (409, "fee_being_paid")
    await heard(database, first, "released", 2)
    second = await acted(api, RECEIVED, company, first, "quote", amount_fen=90_000)
    old, new = first["fee"]["bill_id"], second["fee"]["bill_id"]
    expected = [("quoted", old, 120_000), ("withdrawn", old, 120_000), ("quoted", new, 90_000)]
    assert await said(database) == expected
    # The old one is paid all the same: its money goes back, and the case does not move.
    await heard(database, first, "paid", 4)
    assert (await mine(api, resident, second))["state"] == "quoted"
    free = await acted(api, RECEIVED, company, second, "quote", amount_fen=0)
    assert (free["fee"]["withdrawn"], (await said(database))[-1]) == (True, ("withdrawn", new, 90_000))


async def test_who_withdraws_while_paying_gets_the_money_back(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await quoted(api, tokens, resident, provider_id)
    await heard(database, case, "reserved", 1)
    case = await acted(api, APPLICATIONS, resident, case, "withdraw")
    await heard(database, case, "paid", 2)
    case = await mine(api, resident, case)
    assert (case["state"], case["fee"]["status"], case["fee"]["withdrawn"]) == ("withdrawn", "paid", True)
    await heard(database, case, "refunded", 3)
    assert (await mine(api, resident, case))["fee"]["status"] == "refunded"
    assert [what for what, *_ in await said(database)] == ["quoted", "withdrawn"]


async def test_a_case_does_not_lapse_while_its_fee_is_being_paid(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    with on(MONDAY):
        case = await quoted(api, tokens, tokens.resident(person_id), provider_id)
    late = MONDAY + timedelta(days=60)
    await heard(database, case, "reserved", 1)
    for day in (late, late + timedelta(days=1)):
        with on(day):
            await note_due(database)
            assert (await mine(api, tokens.resident(person_id), case))["state"] == "quoted"
    with on(late + timedelta(days=1)):
        await heard(database, case, "released", 2)
        await note_due(database)
        assert (await mine(api, tokens.resident(person_id), case))["state"] == "lapsed"
    assert [what for what, *_ in await said(database)] == ["quoted", "withdrawn"]


async def test_the_fee_of_a_case_that_is_rejected_later_is_for_people_to_refund(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await quoted(api, tokens, resident, provider_id)
    await heard(database, case, "paid", 2)
    case = await mine(api, resident, case)
    case = await acted(api, RECEIVED, provider(tokens, provider_id), case, "reject", reason="no pipe can be laid there")
    assert (case["state"], case["fee"]["withdrawn"]) == ("rejected", False)
    assert [what for what, *_ in await said(database)] == ["quoted"]
    await heard(database, case, "refunded", 3)
    assert (await mine(api, resident, case))["fee"]["status"] == "refunded"


async def test_a_case_that_is_withdrawn_while_its_payment_arrives_is_paid_or_withdrawn(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await quoted(api, tokens, resident, provider_id)
    answer, _ = await asyncio.gather(
        act(api, APPLICATIONS, resident, case, "withdraw"), heard(database, case, "paid", 2)
    )
    state = (await mine(api, resident, case))["state"]
    asked = [what for what, *_ in await said(database)]
    expected = {200: ("withdrawn", ["quoted", "withdrawn"]), 412: ("construction", ["quoted"])}
    assert (state, asked) == expected[answer.status_code]
