"""Payees are public bodies and institutions that two operators register, and that agree to each app themselves."""

from typing import Any

import pytest

from chassis.db import new_id
from chassis.testing import once
from tests.svc_payments.collection.app_orders.desk import PAYEES, Desk, payee
from tests.svc_payments.world import World


async def test_two_operators_register_a_payee(world: World) -> None:
    desk, first = Desk(world), new_id()
    proposed = await desk.staff("", payee(), person_id=first)
    assert (proposed.status_code, proposed.json()["status"]) == (201, "proposed")
    payee_id = proposed.json()["payee_id"]
    own = await desk.staff(f"/{payee_id}/approve", person_id=first)
    assert (own.status_code, own.json()["code"]) == (403, "second_person_needed")
    approved = await desk.staff(f"/{payee_id}/approve")
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
    again = await desk.staff(f"/{payee_id}/approve")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")
    twice = await desk.staff("", payee())
    assert (twice.status_code, twice.json()["code"]) == (409, "payee_exists")


async def test_one_suspends_at_once_and_another_one_resumes(world: World) -> None:
    desk, stopper = Desk(world), new_id()
    await desk.register()
    suspended = await desk.staff(f"/{desk.payee_id}/suspend", {"reason": "complaint"}, person_id=stopper)
    assert (suspended.status_code, suspended.json()["status"]) == (200, "suspended")
    same = await desk.staff(f"/{desk.payee_id}/resume", {"reason": "settled"}, person_id=stopper)
    assert (same.status_code, same.json()["code"]) == (403, "second_person_needed")
    resumed = await desk.staff(f"/{desk.payee_id}/resume", {"reason": "settled"})
    assert (resumed.status_code, resumed.json()["status"]) == (200, "approved")


async def test_a_refused_payee_can_be_proposed_again(world: World) -> None:
    desk = Desk(world)
    payee_id = (await desk.staff("", payee())).json()["payee_id"]
    assert (await desk.staff(f"/{payee_id}/refuse", {"reason": "wrong account"})).json()["status"] == "refused"
    assert (await desk.staff("", payee())).status_code == 201
    shown = await world.api.get(PAYEES, params={"status": "proposed"}, headers=world.tokens.staff("auditor"))
    assert [each["uscc"] for each in shown.json()["items"]] == ["12654002MB1A23456W"]


async def test_the_payees_own_organisation_agrees_and_nobody_for_it(world: World) -> None:
    desk, operator = Desk(world), new_id()
    await desk.register()
    unknown = await desk.staff(f"/{desk.payee_id}/apps", {"app_id": str(desk.app_id)})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "app_unknown")
    await desk.know_app()
    body = {"app_id": str(desk.app_id)}
    tie_id = (await desk.staff(f"/{desk.payee_id}/apps", body, person_id=operator)).json()["payee_app_id"]
    assert (await desk.staff(f"/{desk.payee_id}/apps", body)).json()["code"] == "payee_app_exists"
    refused = await desk.create()
    assert (refused.status_code, refused.json()["code"]) == (403, "payee_not_agreed")
    path = f"{PAYEES}/{desk.payee_id}/apps/{tie_id}/agree"
    for headers, status in (
        (desk.agent(new_id()), 404),
        (desk.agent(person_id=operator), 403),
        (world.tokens.staff("operator"), 403),
        (desk.agent(), 200),
    ):
        assert (await world.api.post(path, headers=headers | once())).status_code == status
    assert (await desk.create()).status_code == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"uscc": "12654002MB1A23456X"},
        {"uscc": "12654002mb1a23456w"},
        {"kind": "shop"},
        {"purposes": []},
        {"purposes": ["goods"]},
        {"bank_account": "62 00"},
        {"name": "图书\u202e馆"},
        {"most_fen": 100_000_001},
        {"division_code": "x"},
    ],
)
async def test_a_payee_outside_its_bounds_is_refused(world: World, changes: dict[str, Any]) -> None:
    answer = await Desk(world).staff("", payee(**changes))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
