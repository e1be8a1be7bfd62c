"""What svc_payments puts into a person's file: theirs, and of no other."""

from datetime import timedelta

import httpx
from sqlalchemy import insert

from chassis.db import new_id, now
from chassis.testing import until
from kit.ended.models import Kind, ended_access
from kit.my_data import AUDIENCE, TYPE
from tests.svc_payments.world import World


async def my_data(world: World, person: object, sid: str | None = None) -> httpx.Response:
    ticket = world.tokens.sign(typ=TYPE, aud=AUDIENCE, sub=str(person), sid=sid)
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


async def test_a_ticket_of_an_ended_sign_in_opens_no_file(world: World) -> None:
    sid = str(new_id())
    ended = {"kind": Kind.SIGN_IN, "subject": sid, "revision": 0, "ended_until": now() + timedelta(minutes=10)}
    async with world.database.transaction() as tx:
        await tx.execute(insert(ended_access).values(ended))

    async def refused() -> bool:
        answer = await my_data(world, new_id(), sid)
        return answer.status_code == httpx.codes.UNAUTHORIZED and answer.json()["code"] == "token_invalid"

    await until(refused, seconds=5)  # by a copy of the table that is read once a second
