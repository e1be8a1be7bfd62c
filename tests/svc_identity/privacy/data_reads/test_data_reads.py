"""A person sees who has read their data, here and in other services, by role and never by name."""

import json
from typing import Any

import aiokafka
import httpx

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import until
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import APP_READER, record_read
from svc_identity.privacy.data_reads.consumers import HANDLERS
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.organisations.claim_decisions.conftest import CLAIMS, Clash, Counter, clash, counter
from tests.svc_identity.organisations.role_changes.conftest import Platform, platform
from tests.svc_identity.organisations.role_changes.requests import granted
from tests.svc_identity.served import Service, client, service, sign_in
from tests.svc_identity.test_processes import opened

__all__ = ["clash", "client", "counter", "platform", "service"]

MINE = "/identity/v1/me/data-reads"
EVENT = "cn.ili.payments.personal_data.read.v1"


async def reads(api: httpx.AsyncClient, headers: dict[str, str], **page: str | int) -> dict[str, Any]:
    answer = await api.get(MINE, headers=headers, params=page)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def event_about(person_id: str) -> dict[str, Any]:
    return {
        "person_id": person_id,
        "audit_record_id": str(new_id()),
        "action": "look_at_payment",
        "data": ["payments", "bills"],
        "role": "operator",
        "organisation_id": str(new_id()),
        "read_at": now().isoformat(),
    }


async def announce(database: Database, said: dict[str, Any]) -> None:
    handler = next(each for each in HANDLERS if each.event_type == EVENT)
    async with database.transaction() as tx:
        await handler.handle(tx, Received(new_id(), EVENT, now(), handler.data.model_validate(said)))


async def test_reading_ones_own_data_is_not_in_the_list(app_client: AppClient, phone: str) -> None:
    headers = bearer(await app_client.tokens(phone))
    await app_client.api.get("/identity/v1/me", headers=headers)
    assert (await app_client.api.get("/identity/v1/oauth/userinfo", headers=headers)).status_code == 200
    assert await reads(app_client.api, headers) == {"items": [], "next_cursor": None}


async def test_a_clerk_who_opens_a_claim_is_seen_by_role_and_counter_and_not_by_name(
    clash: Clash, counter: Counter
) -> None:
    opened_by = counter.clerk.client.api
    answer = await opened_by.get(f"{CLAIMS}/{clash.number}", headers=counter.clerk.headers)
    assert answer.status_code == 200, answer.text
    for resident in (clash.holder, clash.claimant):
        items = (await reads(resident.client.api, resident.headers))["items"]
        assert {(each["service"], each["reason"], each["role"], each["organisation_id"]) for each in items} == {
            ("identity", "identity_claim", "clerk", counter.id)
        }
        clerk = await counter.clerk.me()
        assert clerk["person_id"] not in json.dumps(items)


async def test_an_auditor_resolves_the_reference_to_the_reader(platform: Platform) -> None:
    auditor_client, auditor, _ = await platform.person()
    await granted(platform.api, (platform.first, platform.second), platform.id, auditor, "auditor")
    headers = bearer(await auditor_client.renewed())
    reader, (_, _, person) = new_id(), await platform.person()
    me = (await platform.api.get("/identity/v1/me", headers=person)).json()["person_id"]
    async with platform.database.transaction() as tx:
        record_read(tx, me, ["phone"], reader=str(reader), purpose=Purpose.MEMBER_LIST)
    said = event_about(me)
    await announce(platform.database, said)
    elsewhere, here = (await reads(platform.api, person))["items"]
    resolved = [
        (await platform.api.get(f"/identity/v1/data-reads/{each['read_id']}", headers=headers)).json()
        for each in (here, elsewhere)
    ]
    assert [(each["reader"], each["audit_record_id"]) for each in resolved] == [
        (str(reader), None),
        (None, said["audit_record_id"]),
    ]
    assert {each["person_id"] for each in resolved} == {me}
    refused = await platform.api.get(f"/identity/v1/data-reads/{here['read_id']}", headers=person)
    assert refused.status_code == 403
    assert (await platform.api.get(f"/identity/v1/data-reads/{new_id()}", headers=headers)).status_code == 404


async def test_both_kinds_are_paged_together_newest_first(
    app_client: AppClient, new_app_client: NewAppClient, phone: str, database: Database
) -> None:
    headers = bearer(await app_client.tokens(phone))
    person_id = (await app_client.api.get("/identity/v1/me", headers=headers)).json()["person_id"]
    for _ in range(3):
        await announce(database, event_about(person_id))
        async with database.transaction() as tx:
            record_read(tx, person_id, ["name"], reader=f"{APP_READER}county-bus", purpose=Purpose.USER_INFO)
    shown, cursor = [], ""
    while cursor is not None:
        page = await reads(app_client.api, headers, limit=2, **({"cursor": cursor} if cursor else {}))
        shown += page["items"]
        cursor = page["next_cursor"]
    assert [each["service"] for each in shown] == ["identity", "payments"] * 3
    assert [each["client_id"] for each in shown] == ["county-bus", None] * 3
    assert [each["role"] for each in shown] == [None, "operator"] * 3
    stranger = bearer(await new_app_client().tokens(new_phone()))
    assert (await reads(app_client.api, stranger))["items"] == []
    assert (await app_client.api.get(MINE, headers=headers, params={"cursor": "eyJhZnRlciI6IngifQ"})).status_code == 400


async def test_an_event_of_the_broker_reaches_its_person(client: httpx.AsyncClient, service: Service) -> None:
    tokens, _code = await sign_in(client, service, new_phone())
    person_id = opened(tokens["access_token"], (await client.get("/identity/v1/oauth/jwks")).json())["sub"]
    said, event_id = event_about(person_id), str(new_id())
    envelope = {"specversion": "1.0", "id": event_id, "source": "/payments", "type": EVENT, "time": said["read_at"]}
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=service.kafka)
    async with producer:
        for _ in range(2):  # delivered twice, shown once
            payload = json.dumps(envelope | {"data": said}).encode()
            await producer.send_and_wait("ili.payments.personal_data.v1", payload, person_id.encode())

    async def shown() -> list[dict[str, Any]] | None:
        answer = await client.get(MINE, headers=bearer(tokens))
        return answer.json().get("items") or None

    (read,) = await until(shown, seconds=30)
    assert (read["read_id"], read["reason"], read["data"]) == (event_id, "look_at_payment", ["payments", "bills"])
