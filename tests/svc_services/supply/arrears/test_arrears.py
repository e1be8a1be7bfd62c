"""Arrears from the notice to the reconnection, and who may take which step when."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from chassis.testing import once
from tests.svc_services.accounts.bindings.stored import code
from tests.svc_services.companies import account_number, approved
from tests.svc_services.supply.arrears.conftest import MINE, NOTICES, Claim, ahead


async def test_the_whole_way_is_seen_by_the_resident(claim: Claim) -> None:
    await claim.cut_off()
    await claim.said(0)
    (mine,) = await claim.mine()
    assert (mine["status"], mine["outstanding_fen"], mine["amount_fen"]) == ("reconnecting", 0, 12_300)
    due = datetime.fromisoformat(mine["reconnect_by"]) - datetime.now(UTC)
    assert timedelta(hours=23) < due <= timedelta(hours=24)
    assert (await claim.act("reconnection")).json()["status"] == "reconnected"
    (mine,) = await claim.mine()
    assert [(each["action"], each["by_company"]) for each in mine["steps"]] == [
        ("open", True),
        ("announce_cut_off", True),
        ("cut_off", True),
        ("order_reconnection", False),
        ("reconnect", True),
    ]
    owner = [str(claim.house.owner_id)]
    assert [(each[0], each[1], each[3]) for each in await claim.told()] == [(1, "open", [])] + [
        (position + 1, step["action"], owner) for position, step in enumerate(mine["steps"])
    ]
    one = f"{MINE}/{claim.notice_id}"
    headers = claim.house.tokens.resident(claim.house.owner_id)
    assert (await claim.api.get(one, headers=headers)).json() == mine
    for action in ("cut-off", "reconnection", "withdraw"):
        assert code(await claim.act(action)) == (409, "arrears_notice_over")


async def test_a_payment_ends_the_notice(claim: Claim) -> None:
    await claim.open()
    await claim.said(12_300)
    await claim.said(4_000)
    assert (await claim.shown())["status"] == "open"
    await claim.said(0)
    assert (await claim.steps())[1:] == [("settle", False, "nothing_due")]
    assert code(await claim.announce(3)) == (409, "nothing_due")
    assert (await claim.open()).status_code == 201


async def test_nothing_is_announced_before_the_bills_are_known_or_the_deadline_is_over(claim: Claim) -> None:
    await claim.open()
    unknown = await claim.announce(30)
    assert (code(unknown), unknown.headers["Retry-After"]) == ((409, "arrears_not_checked"), "10")
    await claim.said(12_300, unknown_bills=1)
    assert (await claim.shown())["unknown_bills"] == 1
    await claim.past(15)
    assert code(await claim.announce(30)) == (409, "deadline_not_over")
    assert code(await claim.act("cut-off")) == (409, "cut_off_not_due")
    await claim.past(1)
    assert code(await claim.announce(2)) == (422, "cut_off_day_refused")
    assert (await claim.announce(3)).json()["cut_off_on"] == ahead(3)


async def test_a_bill_is_long_overdue_before_a_cut_off(claim: Claim) -> None:
    await claim.open()
    await claim.said(12_300, overdue_since=ahead(-6))
    await claim.past(16)
    earliest = (await claim.shown())["earliest_cut_off_on"]
    assert earliest == ahead(31 - 22)
    assert code(await claim.announce(8)) == (422, "cut_off_day_refused")
    assert (await claim.announce(9)).status_code == 200


async def test_a_cut_off_keeps_to_the_announced_days(claim: Claim) -> None:
    await claim.open()
    await claim.said(12_300)
    await claim.past(16)
    await claim.announce(3)
    assert code(await claim.act("cut-off")) == (409, "cut_off_not_due")
    await claim.past(11)
    assert code(await claim.act("cut-off")) == (409, "cut_off_not_due")
    assert (await claim.announce(4)).json()["cut_off_on"] == ahead(4)
    await claim.past(11)
    await claim.report_cut_off()
    await claim.answer(12_300)
    assert (await claim.shown())["status"] == "cut_off"
    assert code(await claim.act("cut-off"))[0] == 409
    assert code(await claim.announce(4))[0] == 409


async def test_who_has_paid_or_is_paying_is_not_cut_off(claim: Claim) -> None:
    await claim.announced()
    await claim.said(12_300, being_paid=True)
    assert code(await claim.act("cut-off")) == (409, "arrears_being_paid")
    await claim.said(0)
    assert code(await claim.act("cut-off")) == (409, "nothing_due")
    assert (await claim.steps())[-1] == ("settle", False, "nothing_due")


@pytest.mark.parametrize(("minutes", "explanation"), [(-1, "paid_before_cut_off"), (1, "nothing_due")])
async def test_a_payment_that_was_heard_of_later_orders_the_reconnection_at_once(
    claim: Claim, minutes: int, explanation: str
) -> None:
    cut_off_at = datetime.fromisoformat((await claim.cut_off())["cut_off_at"])
    await claim.said(0, paid_at=(cut_off_at + timedelta(minutes=minutes)).isoformat())
    assert (await claim.steps())[-1] == ("order_reconnection", False, explanation)
    assert code(await claim.act("cut-off")) == (409, "nothing_due")


async def test_a_cut_off_and_a_payment_at_once_are_one_after_the_other(claim: Claim) -> None:
    await claim.announced()
    answer, _ = await asyncio.gather(claim.act("cut-off"), claim.said(0))
    assert answer.status_code in {200, 409}
    assert [step[0] for step in await claim.steps()][2:] == ["settle"]


async def test_replayed_and_older_events_change_nothing(claim: Claim) -> None:
    await claim.open()
    await claim.said(12_300, sequence=2)
    await claim.said(0, sequence=1)
    await claim.said(0, sequence=2)
    assert ((await claim.shown())["status"], (await claim.shown())["outstanding_fen"]) == ("open", 12_300)
    await claim.said(0, sequence=3)
    await claim.said(12_300, sequence=4)
    await claim.said(0, sequence=4)
    assert [step[0] for step in await claim.steps()] == ["open", "settle"]


async def test_an_account_has_one_notice_at_a_time(claim: Claim) -> None:
    answers = await asyncio.gather(*(claim.open() for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
    assert {code(each) for each in answers if each.status_code == 409} == {(409, "arrears_notice_open")}
    assert (await claim.act("withdraw")).json()["status"] == "withdrawn"
    assert (await claim.open()).status_code == 201


async def test_what_a_company_drops_after_a_cut_off_is_reconnected(claim: Claim) -> None:
    await claim.cut_off()
    dropped = (await claim.act("withdraw")).json()
    assert (dropped["status"], dropped["steps"][-1]["explanation"]) == ("reconnecting", "by_company")
    assert (await claim.act("withdraw")).json()["steps"] == dropped["steps"]
    assert (await claim.act("reconnection")).json()["status"] == "reconnected"


async def test_a_reconnection_without_a_payment_is_reported_at_once(claim: Claim) -> None:
    await claim.cut_off()
    assert [step["action"] for step in (await claim.act("reconnection")).json()["steps"]][3:] == [
        "order_reconnection",
        "reconnect",
    ]


async def test_there_is_nothing_to_reconnect_before_a_cut_off(claim: Claim) -> None:
    await claim.announced()
    assert code(await claim.act("reconnection")) == (409, "not_cut_off")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"deadline": ahead(14)}, "arrears_deadline_refused"),
        ({"deadline": ahead(300)}, "arrears_deadline_refused"),
        ({"deadline": "9999-12-31"}, "arrears_deadline_refused"),
        ({"account_number": "12"}, "bad_account_number"),
        ({"bill_numbers": []}, "invalid_request"),
        ({"bill_numbers": ["B1", "B1"]}, "invalid_request"),
        ({"bill_numbers": [f"B{number}" for number in range(61)]}, "invalid_request"),
        ({"bill_numbers": ["B\u0000"]}, "invalid_request"),
        ({"amount_fen": 0}, "invalid_request"),
        ({"amount_fen": 10**12}, "invalid_request"),
        ({"amount_fen": 1.0}, "invalid_request"),
        ({"deadline": 20_000}, "invalid_request"),
    ],
)
async def test_what_is_no_notice_is_refused(claim: Claim, changes: dict[str, Any], refusal: str) -> None:
    assert code(await claim.open(**changes)) == (422, refusal)


async def test_another_company_finds_no_notice(claim: Claim) -> None:
    await claim.open()
    other = await approved(claim.api, claim.house.tokens, kind="gas")
    headers = claim.house.tokens.client(other, "accounts:write")
    path = f"{NOTICES}/{claim.notice_id}"
    assert code(await claim.api.get(path, headers=headers)) == (404, "not_found")
    assert code(await claim.api.post(f"{path}/withdraw", headers=headers | once())) == (404, "not_found")
    assert (await claim.api.get(NOTICES, headers=headers)).json()["items"] == []
    own = await claim.api.get(NOTICES, params={"status": "open"}, headers=claim.headers)
    assert [each["notice_id"] for each in own.json()["items"]] == [claim.notice_id]


async def test_a_suspended_company_cuts_nobody_off(claim: Claim) -> None:
    await claim.announced()
    async with claim.database.transaction() as tx:
        await tx.execute(
            text("UPDATE providers SET suspended_at = now(), suspended_by = 'operator', suspension_reason = 'leak'")
        )
    assert code(await claim.act("cut-off")) == (403, "client_suspended")
    await claim.said(0)
    assert [each["status"] for each in await claim.mine()] == ["settled"]


async def test_family_sees_the_steps_and_a_tenant_those_of_the_tenancy(claim: Claim) -> None:
    await claim.open()
    await claim.said(12_300)
    await claim.past(5)
    await claim.house.join()
    seen = await claim.mine(claim.house.guest_id)
    assert [each["notice_id"] for each in seen] == [claim.notice_id]
    headers = claim.house.tokens.resident(claim.house.owner_id)
    (member,) = (await claim.api.get(f"{claim.house.path}/members", headers=headers)).json()["items"]
    await claim.house.remove(member["member_id"])
    assert await claim.mine(claim.house.guest_id) == []
    await claim.house.join("tenant", starts_on=ahead(0), access_until=ahead(300))
    assert await claim.mine(claim.house.guest_id) == []
    await claim.act("withdraw")
    await claim.open()
    await claim.said(12_300)
    assert [each["notice_id"] for each in await claim.mine(claim.house.guest_id)] == [claim.notice_id]


async def test_strangers_see_nothing(claim: Claim) -> None:
    await claim.open(account_number=account_number(987654321))
    await claim.said(12_300)
    assert await claim.mine() == []
    headers = claim.house.tokens.resident(claim.house.owner_id)
    assert code(await claim.api.get(f"{MINE}/{claim.notice_id}", headers=headers)) == (404, "not_found")
    assert (await claim.told())[-1][3] == []


async def test_late_reconnections_are_listed_for_operators_of_the_division(claim: Claim) -> None:
    await claim.cut_off()
    await claim.said(0)
    staff = claim.house.tokens.staff
    path = "/services/v1/late-reconnections"
    assert (await claim.api.get(path, headers=staff("operator"))).json()["items"] == []
    await claim.past(2)
    (late,) = (await claim.api.get(path, headers=staff("operator"))).json()["items"]
    assert (late["notice_id"], late["kind"], late["late_hours"]) == (claim.notice_id, "water", 24)
    assert claim.house.account not in str(late)
    elsewhere = await claim.api.get(path, headers=staff("operator", division_code="654003"))
    assert elsewhere.json()["items"] == []
    await claim.act("reconnection")
    assert (await claim.api.get(path, headers=staff("auditor"))).json()["items"] == []


async def test_a_repeated_report_is_one_step(claim: Claim) -> None:
    await claim.announced()
    key = once()
    first, second = [await claim.act("cut-off", key=key) for _ in range(2)]
    assert (first.json(), second.headers["Idempotency-Replayed"]) == (second.json(), "true")
    assert len(await claim.asked()) == 1
