"""What svc_payments puts into a person's file: theirs, and of no other."""

import httpx

from chassis.db import new_id
from kit.my_data import AUDIENCE, TYPE
from tests.svc_payments.world import World


async def my_data(world: World, person: object) -> httpx.Response:
    ticket = world.tokens.sign(typ=TYPE, aud=AUDIENCE, sub=str(person))
    return await world.api.get("/payments/v1/my-data", headers={"Authorization": f"Bearer {ticket}"})


async def test_payments_bills_and_receipts_of_the_person_are_in_the_file(world: World) -> None:
    person, other = new_id(), new_id()
    bill, due = await world.bill(person), await world.bill(person, 200)
    payment = await world.captured(person, bill)
    foreign = await world.bill(other, account=1)
    await world.captured(other, foreign)
    answer = await my_data(world, person)
    assert answer.status_code == 200, answer.text
    kinds = answer.json()["kinds"]
    assert [each["id"] for each in kinds["payments"]] == [payment]
    assert {each["id"] for each in kinds["bills"]} == {str(bill), str(due)}
    assert [each["payment_id"] for each in kinds["payment_lines"]] == [payment]
    assert str(foreign) not in answer.text


async def test_an_access_token_opens_no_file(world: World) -> None:
    answer = await world.api.get("/payments/v1/my-data", headers=world.tokens.resident())
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
