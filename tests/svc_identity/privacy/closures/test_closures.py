"""An account is closed on its person's word, after a cooling-off period, and nothing personal is left."""

import asyncio
import base64
import json
import secrets
import time
from typing import Any
from uuid import UUID

import aiokafka
import asyncpg
import httpx
import pytest
import time_machine
from sqlalchemy import make_url, select, text

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import emitted, once
from svc_identity.fields import normalise_phone
from svc_identity.people.factors.models import Factor, FactorKind
from svc_identity.people.persons.service import phone_index
from svc_identity.privacy.closures.consumers import HANDLERS
from svc_identity.privacy.closures.service import close_due
from svc_identity.settings import Settings
from tests.svc_identity.app_client import STAFF_CONSOLE, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, new_operator, new_phone
from tests.svc_identity.identities import id_number, proof
from tests.svc_identity.oauth.suspensions.test_suspensions import suspended
from tests.svc_identity.served import Service, client, service, sign_in
from tests.svc_identity.test_processes import opened

__all__ = ["client", "service"]

ME, CLOSURE = "/identity/v1/me", "/identity/v1/me/closure"
DAY = 86_400


def base32() -> str:
    return base64.b32encode(secrets.token_bytes(20)).decode()


async def ask(api: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    return await api.post(CLOSURE, headers=headers | once())


async def payment(database: Database, person_id: str, payment_id: object, status: str) -> None:
    said = {"person_id": person_id, "payment_id": payment_id, "status": status}
    handler = HANDLERS[0]
    async with database.transaction() as tx:
        event = Received(new_id(), handler.event_type, now(), handler.data.model_validate(said))
        await handler.handle(tx, event)


async def test_after_the_cooling_off_period_nothing_personal_is_left(
    app_client: AppClient, new_app_client: NewAppClient, phone: str, database: Database
) -> None:
    signed_in, number = await app_client.tokens(phone), id_number()
    headers = bearer(signed_in)
    await app_client.api.post(f"{ME}/proofing", json=proof(number=number), headers=headers | once())
    person_id = (await app_client.api.get(ME, headers=headers)).json()["person_id"]
    asked = await ask(app_client.api, headers)
    assert (asked.status_code, asked.json()["status"]) == (201, "requested"), asked.text
    assert asked.json()["kept"][0]["data"][:2] == ["bills", "payments"]
    with time_machine.travel(time.time() + 14 * DAY):
        await close_due(database)
        assert (await app_client.refresh(signed_in["refresh_token"])).status_code == 200
        app_client.refresh_token = (await app_client.refresh(signed_in["refresh_token"])).json()["refresh_token"]
    with time_machine.travel(time.time() + 15 * DAY + 60):
        await close_due(database)
        assert (await app_client.refresh(app_client.refresh_token)).json()["error"] == "invalid_grant"
    assert (await app_client.api.get(ME, headers=headers)).status_code == 401
    await assert_erased(database, person_id, phone)
    again = await new_app_client().tokens(phone)
    me = (await app_client.api.get(ME, headers=bearer(again))).json()
    assert (me["person_id"] != person_id, me["assurance_level"]) == (True, 1)
    taken = await app_client.api.post(f"{ME}/proofing", json=proof(number=number), headers=bearer(again) | once())
    assert taken.status_code == 200


async def assert_erased(database: Database, person_id: str, phone: str) -> None:
    async with database.read() as tx:
        columns = "phone, phone_index, name, id_number, id_number_index, proofed_at"
        row = (await tx.execute(text(f"SELECT {columns} FROM persons WHERE id = :id"), {"id": person_id})).one()  # noqa: S608
        assert set(row) == {None}
        for table in ("known_devices", "sent_codes", "identity_tries"):
            count = text(f"SELECT count(*) FROM {table} WHERE phone_index = :index")  # noqa: S608
            assert await tx.scalar(count, {"index": phone_index(normalise_phone(phone))}) == 0
        for table in ("consents", "app_access"):
            live = text(f"SELECT count(*) FROM {table} WHERE person_id = :id AND withdrawn_at IS NULL")  # noqa: S608
            assert await tx.scalar(live, {"id": person_id}) == 0
        closed = [each for each in await emitted(tx) if each.type == "cn.ili.identity.person.closed.v1"]
    assert [each.data for each in closed if each.key == person_id] == [{"person_id": person_id}]


async def test_it_is_cancelled_by_saying_so(app_client: AppClient, phone: str, database: Database) -> None:
    headers = bearer(await app_client.tokens(phone))
    assert (await app_client.api.get(CLOSURE, headers=headers)).status_code == 404
    first = (await ask(app_client.api, headers)).json()
    assert (await ask(app_client.api, headers)).json() == first
    assert (await app_client.api.get(CLOSURE, headers=headers)).json() == first
    cancelled = await app_client.api.post(f"{CLOSURE}/cancel", headers=headers | once())
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    with time_machine.travel(time.time() + 16 * DAY):
        await close_due(database)
        kept = bearer(await app_client.renewed())
        assert (await app_client.api.get(ME, headers=kept)).json()["phone"].endswith(phone[-4:])
        again = await app_client.api.post(f"{CLOSURE}/cancel", headers=kept | once())
        assert again.status_code == 404


async def test_a_phone_left_on_a_table_does_not_close_the_account(app_client: AppClient, phone: str) -> None:
    await app_client.tokens(phone)
    with time_machine.travel(time.time() + 601):
        answer = await ask(app_client.api, bearer(await app_client.renewed()))
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_too_old")


async def test_roles_stand_against_it(settings: Settings, new_app_client: NewAppClient) -> None:
    staff = new_app_client(STAFF_CONSOLE)
    answer = await ask(staff.api, await new_operator(settings, staff))
    assert (answer.status_code, answer.json()["code"]) == (409, "closure_blocked")
    assert [(each["kind"], each["detail"]) for each in answer.json()["obstacles"]] == [("role", "operator")]


async def test_a_payment_under_way_stands_against_it_also_at_the_end(
    app_client: AppClient, phone: str, database: Database
) -> None:
    headers = bearer(await app_client.tokens(phone))
    person_id, paid = (await app_client.api.get(ME, headers=headers)).json()["person_id"], new_id()
    await payment(database, person_id, paid, "pending")
    refused = await ask(app_client.api, headers)
    assert refused.json()["obstacles"] == [{"kind": "open_payment", "id": str(paid), "detail": "pending"}]
    await payment(database, person_id, paid, "completed")
    assert (await ask(app_client.api, headers)).status_code == 201
    await payment(database, person_id, new_id(), "captured")
    with time_machine.travel(time.time() + 16 * DAY):
        await close_due(database)
        kept = bearer(await app_client.renewed())
        assert (await app_client.api.get(CLOSURE, headers=kept)).json()["status"] == "requested"


async def test_a_second_factor_is_forgotten_and_a_suspension_stands_against_it(
    app_client: AppClient, phone: str, database: Database, operator: dict[str, str]
) -> None:
    headers = bearer(await app_client.tokens(phone))
    person_id = (await app_client.api.get(ME, headers=headers)).json()["person_id"]
    assert (await ask(app_client.api, headers)).status_code == 201
    async with database.transaction() as tx:
        tx.add(Factor(person_id=UUID(person_id), kind=FactorKind.TOTP, name="my old phone", secret=base32()))
    suspension = await suspended(app_client.api, operator, subject="phone", phone=phone)
    with time_machine.travel(time.time() + 16 * DAY):
        await close_due(database)
        async with database.transaction() as tx:
            waiting = "SELECT count(*) FROM closures WHERE status = 'requested' AND person_id = :id"
            assert await tx.scalar(text(waiting), {"id": person_id}) == 1
            lifted = "UPDATE suspensions SET lifted_by = :id, lifted_at = now(), lift_reason = 'a test' WHERE id = :of"
            await tx.execute(text(lifted), {"id": person_id, "of": suspension["suspension_id"]})
        await close_due(database)
    await assert_erased(database, person_id, phone)
    async with database.read() as tx:
        (factor,) = (await tx.scalars(select(Factor).where(Factor.person_id == UUID(person_id)))).all()
    assert (factor.name, factor.secret, factor.removed_at is None) == ("", None, False)


async def test_closing_twice_at_once_is_one_closure(app_client: AppClient, phone: str, database: Database) -> None:
    headers = bearer(await app_client.tokens(phone))
    person_id = (await app_client.api.get(ME, headers=headers)).json()["person_id"]
    await ask(app_client.api, headers)
    with time_machine.travel(time.time() + 16 * DAY):
        outcomes = await asyncio.gather(close_due(database), close_due(database), return_exceptions=True)
    assert [*outcomes] == [None, None]
    await assert_erased(database, person_id, phone)


@pytest.mark.timeout(120)
async def test_the_worker_closes_and_says_so_on_the_broker(
    client: httpx.AsyncClient, service: Service, postgres_url: str
) -> None:
    tokens, _code = await sign_in(client, service, new_phone())
    person_id = opened(tokens["access_token"], (await client.get("/identity/v1/oauth/jwks")).json())["sub"]
    assert (await ask(client, bearer(tokens))).status_code == 201
    url = make_url(postgres_url).set(drivername="postgresql", database="myili_identity")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    await connection.execute("UPDATE closures SET closes_at = now() WHERE person_id = $1", person_id)
    await connection.close()
    consumer = aiokafka.AIOKafkaConsumer(
        "ili.identity.person.v1", bootstrap_servers=service.kafka, auto_offset_reset="earliest"
    )
    types: list[Any] = []
    async with consumer, asyncio.timeout(60):
        async for record in consumer:
            if record.key == person_id.encode():
                types.append(json.loads(record.value)["type"])
                if types[-1].endswith("closed.v1"):
                    break
    assert types == ["cn.ili.identity.person.registered.v1", "cn.ili.identity.person.closed.v1"]
    assert (await client.get(ME, headers=bearer(tokens))).status_code == 401
