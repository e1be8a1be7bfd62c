"""An order of a mini-app is seen and paid by the person whom its openid names, in the residents' app alone."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text

from chassis.db import Database, new_id
from chassis.testing import once
from tests.svc_payments.collection.app_orders.desk import MINE, ORDERS, Desk, library
from tests.svc_payments.collection.refunds.steps import balances
from tests.svc_payments.world import World


@pytest_asyncio.fixture
async def desk(world: World) -> Desk:
    return await library(world)


async def test_an_order_goes_from_the_apps_server_to_the_payees_account(desk: Desk) -> None:
    order_id = await desk.created(order_number="L-1")
    payment_id = await desk.confirmed(order_id)
    assert await desk.status(order_id) == "paying"
    await desk.arrive(payment_id)
    await desk.book()
    paid = (await desk.get(order_id)).json()
    assert (paid["status"], paid["amount_fen"], paid["refunded_fen"], paid["openid"]) == (
        "paid",
        10_000,
        0,
        desk.openid,
    )
    assert paid["paid_at"]
    assert await balances(desk.world) == {"channel_receivable": 10_000, "provider_payable": -10_000}
    assert await desk.world.status(desk.person_id, payment_id) == "completed"
    receipt = (await desk.world.get(desk.person_id, payment_id, "/receipt")).json()
    assert (receipt["provider_name"], receipt["bills"][0]["kind"]) == ("伊宁市图书馆", "app_order")
    assert await desk.broken_rules() == []


async def test_the_resident_sees_who_is_paid_for_what_before_paying(desk: Desk) -> None:
    opened = (await desk.open(await desk.created())).json()
    assert opened["payee"] == {
        "payee_id": desk.payee_id,
        "name": "伊宁市图书馆",
        "uscc": "12654002MB1A23456W",
        "kind": "public_institution",
    }
    assert (opened["app_name"], opened["purpose"], opened["amount_fen"]) == ("Library", "library_deposit", 10_000)
    assert opened["description"] == {"zh": "借书押金", "ug": "كىتاب زاكالىتى", "en": None, "kk": None}
    assert "openid" not in opened


async def test_the_server_learns_nothing_of_the_person(desk: Desk) -> None:
    order_id = await desk.created()
    payment_id = await desk.paid(order_id)
    for answer in (await desk.get(order_id), await desk.world.api.get(ORDERS, headers=desk.server())):
        assert str(desk.person_id) not in answer.text
        assert payment_id not in answer.text
    events = [each for each in await desk.world.events() if desk.openid in str(each.data)]
    assert events == []


async def test_the_same_order_again_is_the_order_that_there_is(desk: Desk) -> None:
    body = desk.order()
    answers = await asyncio.gather(*(desk.create(body) for _ in range(4)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.json()["order_id"] for each in answers}) == 1


@pytest.mark.parametrize("changes", [{"amount_fen": 10_001}, {"openid": str(uuid4())}, {"description": {"zh": "别的"}}])
async def test_a_number_is_used_for_one_content(desk: Desk, changes: dict[str, Any]) -> None:
    body = desk.order()
    assert (await desk.create(body)).status_code == 201
    refused = await desk.create(body | changes)
    assert (refused.status_code, refused.json()["code"]) == (409, "order_number_used")


async def test_two_apps_may_use_the_same_number(desk: Desk) -> None:
    other = new_id()
    await desk.tie(other)
    body = desk.order()
    assert [(await desk.create(body, app_id)).status_code for app_id in (None, other)] == [201, 201]


async def test_another_apps_server_sees_and_changes_nothing_of_it(desk: Desk) -> None:
    order_id, other = await desk.created(), new_id()
    await desk.tie(other)
    theirs = desk.server(other)
    refund = {"refund_number": "R-1", "amount_fen": 1, "reason": "mine"}
    api = desk.world.api
    for answer in (
        await desk.get(order_id, other),
        await api.post(f"{ORDERS}/{order_id}/close", headers=theirs),
        await api.post(f"{ORDERS}/{order_id}/refunds", json=refund, headers=theirs | once()),
        await api.get(f"{ORDERS}/{order_id}/refunds", headers=theirs),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await api.get(ORDERS, headers=theirs)).json()["items"] == []
    assert await desk.status(order_id) == "open"


async def test_only_the_person_of_the_openid_opens_and_pays_it(desk: Desk) -> None:
    order_id, stranger = await desk.created(), new_id()
    elsewhere = desk.ticket(sub=str(stranger), openid=str(uuid4()))
    for answer in (
        await desk.open(order_id, elsewhere, stranger),
        await desk.open(order_id, desk.ticket(client_id=f"miniapp-{new_id()}")),
        await desk.open(order_id, desk.ticket(openid=str(uuid4()))),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    digest = (await desk.open(order_id)).json()["digest"]
    assert (await desk.pay(order_id, digest, stranger)).status_code == 404
    theirs = desk.world.tokens.resident(stranger)
    assert (await desk.world.api.get(f"{MINE}/{order_id}", headers=theirs)).status_code == 404
    assert (await desk.world.api.get(MINE, headers=theirs)).json()["items"] == []
    mine = await desk.world.api.get(MINE, headers=desk.world.tokens.resident(desk.person_id))
    assert [each["order_id"] for each in mine.json()["items"]] == [order_id]


async def test_the_ticket_of_somebody_else_opens_nothing(desk: Desk) -> None:
    order_id = await desk.created()
    other_kinds = [
        desk.world.tokens.sign(sub=str(desk.person_id)),
        desk.world.tokens.sign(typ="order-ticket+jwt", sub=str(desk.person_id), openid=desk.openid),
        desk.ticket(exp=1_700_000_000),
        desk.ticket(openid="nobody"),
        "x",
        "-",
    ]
    for answer in [
        await desk.open(order_id, desk.ticket(), new_id()),
        *[await desk.open(order_id, each) for each in other_kinds],
    ]:
        assert (answer.status_code, answer.json()["code"]) == (422, "order_ticket_invalid"), answer.text


async def test_no_other_app_confirms_it_even_with_the_scope(desk: Desk) -> None:
    order_id = await desk.created()
    payment_id = await desk.begun(order_id)
    in_mini_app = desk.world.tokens.sign(sub=str(desk.person_id), client_id=f"miniapp-{desk.app_id}", assurance_level=2)
    headers = {"Authorization": f"Bearer {in_mini_app}"}
    body = {"digest": "0" * 64, "channel": "sandbox"}
    api = desk.world.api
    for answer in (
        await api.post(f"{MINE}/{order_id}/open", json={"ticket": desk.ticket()}, headers=headers),
        await api.get(f"{MINE}/{order_id}", headers=headers),
        await api.post(f"{MINE}/{order_id}/pay", json=body, headers=headers | once()),
        await api.post(f"/payments/v1/payments/{payment_id}/confirm", headers=headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "residents_app_only")
    assert (await desk.world.confirm(desk.person_id, payment_id)).status_code == 200


async def test_a_system_of_a_company_is_no_server_of_a_mini_app(desk: Desk) -> None:
    company = desk.world.tokens.client(desk.world.provider_id, "orders")
    answer = await desk.world.api.post(ORDERS, json=desk.order(), headers=company | once())
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    odd = desk.server(client_id="miniapp-x", sub="miniapp-x")
    assert (await desk.world.api.get(ORDERS, headers=odd)).status_code == 403


async def test_an_order_that_was_changed_since_it_was_shown_is_not_paid(desk: Desk, owner: Database) -> None:
    order_id = await desk.created()
    digest = (await desk.open(order_id)).json()["digest"]
    async with owner.transaction() as tx:
        await tx.execute(text("UPDATE app_orders SET amount_fen = 20000 WHERE id = :id"), {"id": UUID(order_id)})
    refused = await desk.pay(order_id, digest)
    assert (refused.status_code, refused.json()["code"]) == (409, "order_changed")


async def test_of_two_confirmations_one_begins_a_payment(desk: Desk) -> None:
    order_id = await desk.created()
    digest = (await desk.open(order_id)).json()["digest"]
    answers = await asyncio.gather(*(desk.pay(order_id, digest) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"order_being_paid"}


async def test_a_paid_order_is_not_paid_again(desk: Desk) -> None:
    order_id = await desk.created()
    await desk.paid(order_id)
    digest = (await desk.open(order_id)).json()["digest"]
    again = await desk.pay(order_id, digest)
    assert (again.status_code, again.json()["code"]) == (409, "order_already_paid")


async def test_the_server_follows_its_orders_by_when_they_changed(desk: Desk) -> None:
    first, second = await desk.created(), await desk.created()
    since = (await desk.get(second)).json()["changed_at"]
    await desk.paid(first)
    listed = await desk.world.api.get(ORDERS, params={"changed_since": since}, headers=desk.server())
    assert [(each["order_id"], each["status"]) for each in listed.json()["items"]] == [
        (second, "open"),
        (first, "paid"),
    ]
    page = await desk.world.api.get(ORDERS, params={"limit": 1}, headers=desk.server())
    rest = await desk.world.api.get(ORDERS, params={"cursor": page.json()["next_cursor"]}, headers=desk.server())
    assert [each["order_id"] for each in page.json()["items"] + rest.json()["items"]] == [second, first]
    number = (await desk.get(first)).json()["order_number"]
    named = await desk.world.api.get(ORDERS, params={"order_number": number}, headers=desk.server())
    assert [each["order_id"] for each in named.json()["items"]] == [first]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"purpose": "parking_fee"}, 422, "purpose_not_allowed"),
        ({"purpose": "goods"}, 422, "invalid_request"),
        ({"amount_fen": 50_001}, 422, "above_order_limit"),
        ({"amount_fen": 0}, 422, "invalid_request"),
        ({"amount_fen": "100"}, 422, "invalid_request"),
        ({"amount_fen": 10.5}, 422, "invalid_request"),
        ({"expires_in_seconds": 299}, 422, "invalid_request"),
        ({"expires_in_seconds": 7_201}, 422, "invalid_request"),
        ({"description": {"zh": "押金\u202e"}}, 422, "invalid_request"),
        ({"description": {"zh": "押" * 121}}, 422, "invalid_request"),
        ({"description": {"en": "Deposit"}}, 422, "invalid_request"),
        ({"order_number": "a b"}, 422, "invalid_request"),
        ({"openid": "nobody"}, 422, "invalid_request"),
        ({"payee_id": "01900000-0000-7000-8000-000000000000"}, 404, "not_found"),
        ({"title": "more"}, 422, "invalid_request"),
    ],
)
async def test_an_order_outside_its_bounds_is_refused(
    desk: Desk, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = await desk.create(**changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_payees_day_has_a_limit_also_for_orders_at_once(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.create(amount_fen=50_000) for _ in range(6)))
    assert sorted(each.status_code for each in answers) == [201] * 4 + [409] * 2
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"payee_day_limit_reached"}


async def test_my_data_has_the_orders_of_the_person(desk: Desk) -> None:
    order_id = await desk.created()
    await desk.paid(order_id)
    ticket = desk.world.tokens.sign(typ="data-export+jwt", aud="myili:my-data", sub=str(desk.person_id))
    answer = await desk.world.api.get("/payments/v1/my-data", headers={"Authorization": f"Bearer {ticket}"})
    assert [each["id"] for each in answer.json()["kinds"]["app_orders"]] == [order_id]
