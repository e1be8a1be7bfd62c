"""Webhooks: proved first, signed, in order for each app, retried, repeated by hand, and never to private addresses."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import func, select, update

from chassis.db import Database, now
from chassis.testing import Tokens, client_of
from kit.deliveries import DeliveryFault, Outcome
from kit.signatures.keys import thumbprint
from kit.signatures.messages import Request, verify_request
from svc_miniapps.app import create_app
from svc_miniapps.settings import Settings
from svc_miniapps.teams.webhooks.leasing import lease, record, teams_due
from svc_miniapps.teams.webhooks.models import TeamWebhook, WebhookDelivery
from svc_miniapps.teams.webhooks.service import give_up_due
from tests.appointments import appointing
from tests.svc_miniapps.stage import Headers, Json, Stage, outcome
from tests.svc_miniapps.webhook_receiver import sender_of, signing_key
from tests.svc_services.companies import ProviderSystem, answer_with, answer_with_bytes

RECEIVED = answer_with("received")
BROKEN = answer_with_bytes(b"<h1>closed</h1>", 503)


@pytest.fixture
def receiver() -> Iterator[ProviderSystem]:
    with ProviderSystem().running() as system:
        system.answer = RECEIVED
        yield system


@pytest_asyncio.fixture
async def public(settings: Settings, database: Database, tokens: Tokens) -> AsyncIterator[Stage]:
    """A stage that calls public addresses alone, as every run but the embedded one."""
    async with client_of(create_app(settings.model_copy(update={"provider_endpoints": "public"}))) as client:
        client.event_hooks["request"].append(appointing(database))
        yield Stage(client, tokens)


async def team_id(stage: Stage) -> str:
    found: str = (await stage.teams())[0]["team_id"]
    return found


async def set_webhook(stage: Stage, url: str, caller: Headers | None = None) -> httpx.Response:
    path = f"/miniapps/v1/teams/{await team_id(stage)}/webhook"
    return await stage.api.put(path, json={"url": url}, headers=caller or stage.team)


async def send(stage: Stage, database: Database) -> None:
    await sender_of(database).work_off(UUID(await team_id(stage)))


async def now_due(database: Database) -> None:
    """Pauses after failures are over."""
    async with database.transaction() as tx:
        await tx.execute(update(WebhookDelivery).values(try_at=func.now()))
        await tx.execute(update(TeamWebhook).where(TeamWebhook.probe_at.is_not(None)).values(probe_at=func.now()))


async def deliveries(stage: Stage, status: str | None = None) -> list[Json]:
    path = f"/miniapps/v1/teams/{await team_id(stage)}/webhook-deliveries"
    answer = await stage.api.get(path, params={"status": status} if status else {}, headers=stage.team)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


def kinds(receiver: ProviderSystem) -> list[str]:
    return [request.json["kind"] for request in receiver.requests]


async def test_results_of_reviews_arrive_signed_and_in_order_once_the_endpoint_is_proved(
    stage: Stage, database: Database, receiver: ProviderSystem
) -> None:
    app = await stage.registered()
    set_ = await set_webhook(stage, receiver.url)
    assert (set_.status_code, set_.json()["proved_at"]) == (200, None)
    release_id = await stage.draft(app)
    for step in ("submit", "reject", "submit", "approve"):
        assert (await stage.step(release_id, step)).status_code == 200
    receiver.answer = BROKEN
    await send(stage, database)
    assert kinds(receiver) == ["endpoint_proof"]
    receiver.answer = RECEIVED
    await now_due(database)
    await send(stage, database)
    assert kinds(receiver)[1:] == ["endpoint_proof", "release_rejected", "release_approved", "release_published"]
    for request in receiver.requests:
        keys = {thumbprint(signing_key().public_key()): signing_key().public_key()}
        signed = Request("POST", receiver.url, request.headers)
        assert verify_request(keys, await team_id(stage), signed, request.body)
    assert receiver.requests[-1].json["details"] == {"release_id": release_id, "version_code": 1}
    shown = await stage.api.get(f"/miniapps/v1/teams/{await team_id(stage)}/webhook", headers=stage.team)
    assert shown.json()["proved_at"] is not None


async def test_take_downs_registrations_and_complaints_are_told_too(
    stage: Stage, database: Database, receiver: ProviderSystem
) -> None:
    app = await stage.registered()
    await set_webhook(stage, receiver.url)
    await stage.published(app)
    await stage.post(f"apps/{app['app_id']}/withdraw", stage.team, {"reason": "维护"})
    await stage.post(f"apps/{app['app_id']}/relist", stage.team)
    await stage.registered(name="公交到站")
    complaint = {"app_id": app["app_id"], "kind": "fault", "words": "点击缴费后页面空白"}
    assert (await stage.post("complaints", stage.tokens.resident(), complaint)).status_code == 201
    await send(stage, database)
    expected = {"app_taken_down", "app_restored", "registration_approved", "release_published", "complaint_received"}
    assert expected <= set(kinds(receiver))
    assert "空白" not in "".join(str(request.json) for request in receiver.requests)


async def test_of_one_app_the_next_waits_and_another_app_does_not(
    stage: Stage, database: Database, receiver: ProviderSystem
) -> None:
    parking, buses = await stage.registered(), await stage.registered(name="公交到站")
    await set_webhook(stage, receiver.url)
    await send(stage, database)
    receiver.requests.clear()

    def answer(handler: object, request: object) -> None:
        of_parking = request.json["app_id"] == parking["app_id"]  # type: ignore[attr-defined]
        refused = answer_with_bytes(b'{"code": "not_now"}', 422)
        (refused if of_parking else RECEIVED)(handler, request)  # type: ignore[arg-type]

    receiver.answer = answer
    for app in (parking, buses):
        await stage.published(app)
    await send(stage, database)
    told = [(request.json["app_id"], request.json["kind"]) for request in receiver.requests]
    assert told.count((parking["app_id"], "release_approved")) == 1
    assert (parking["app_id"], "release_published") not in told
    assert [kind for app_id, kind in told if app_id == buses["app_id"]] == ["release_approved", "release_published"]


async def test_a_dead_endpoint_gets_one_try_at_a_time_and_everything_once_it_lives(
    stage: Stage, database: Database, receiver: ProviderSystem
) -> None:
    app = await stage.registered()
    await set_webhook(stage, receiver.url)
    await send(stage, database)
    receiver.answer = BROKEN
    await stage.published(app)
    for _ in range(10):
        await now_due(database)
        await send(stage, database)
    async with database.read() as tx:
        assert await tx.scalar(select(TeamWebhook.stalled_at)) is not None
        assert UUID(await team_id(stage)) not in await teams_due(tx)
    receiver.answer = RECEIVED
    receiver.requests.clear()
    await now_due(database)
    await send(stage, database)
    assert kinds(receiver) == ["release_approved", "release_published"]
    async with database.read() as tx:
        assert await tx.scalar(select(TeamWebhook.stalled_at)) is None


async def test_paused_nothing_is_sent_and_a_delivery_is_repeated_once_a_minute(
    stage: Stage, database: Database, receiver: ProviderSystem
) -> None:
    await stage.registered()
    await set_webhook(stage, receiver.url)
    team = f"teams/{await team_id(stage)}"
    assert (await stage.post(f"{team}/webhook/pause", stage.team)).json()["paused_at"] is not None
    await send(stage, database)
    assert receiver.requests == []
    assert (await stage.post(f"{team}/webhook/resume", stage.team)).status_code == 200
    await send(stage, database)
    (proof,) = await deliveries(stage, "delivered")
    repeat = f"{team}/webhook-deliveries/{proof['delivery_id']}/repeat"
    assert (await stage.post(repeat, stage.team)).json()["status"] == "pending"
    assert outcome(await stage.post(repeat, stage.team)) == (429, "webhook_repeated_moments_ago")
    await send(stage, database)
    first, second = receiver.requests
    assert first.body == second.body
    log = f"/miniapps/v1/{team}/webhook-deliveries/{proof['delivery_id']}/attempts"
    attempts = (await stage.api.get(log, headers=stage.team)).json()["items"]
    assert [(each["number"], each["status"], each["fault"]) for each in attempts] == [(2, 200, None), (1, 200, None)]


async def test_what_is_not_received_within_its_time_is_given_up(
    stage: Stage, database: Database, receiver: ProviderSystem
) -> None:
    await stage.registered()
    await set_webhook(stage, receiver.url)
    await give_up_due(database)
    assert await deliveries(stage, "given_up") == []
    async with database.transaction() as tx:
        await tx.execute(update(WebhookDelivery).values(give_up_at=func.now()))
    await give_up_due(database)
    assert [each["kind"] for each in await deliveries(stage, "given_up")] == ["endpoint_proof"]


async def test_a_worker_that_comes_back_late_records_nothing(
    stage: Stage, database: Database, receiver: ProviderSystem
) -> None:
    await stage.registered()
    await set_webhook(stage, receiver.url)
    sender, team = sender_of(database), UUID(await team_id(stage))
    async with database.transaction() as tx:
        late = await lease(tx, team, sender.lease_time)
    assert late is not None
    await now_due(database)
    await sender.work_off(team)
    (before,) = await deliveries(stage)
    async with database.transaction() as tx:
        await record(tx, team, late, Outcome(now(), 1, fault=DeliveryFault.NO_ANSWER))
    assert await deliveries(stage) == [before]
    assert before["status"] == "delivered"


async def test_two_workers_send_a_delivery_once(stage: Stage, database: Database, receiver: ProviderSystem) -> None:
    await stage.registered()
    await set_webhook(stage, receiver.url)
    team = UUID(await team_id(stage))
    await asyncio.gather(*(sender_of(database).work_off(team) for _ in range(3)))
    assert kinds(receiver) == ["endpoint_proof"]


async def test_a_new_address_is_proved_anew_and_the_old_proof_is_given_up(
    stage: Stage, database: Database, receiver: ProviderSystem
) -> None:
    await stage.registered()
    await set_webhook(stage, "http://127.0.0.1:1/nobody")
    await send(stage, database)
    for _ in range(2):
        assert (await set_webhook(stage, receiver.url)).json()["failures"] == 0
    await send(stage, database)
    assert kinds(receiver) == ["endpoint_proof"]
    assert [each["status"] for each in await deliveries(stage)] == ["delivered", "given_up"]


@pytest.mark.parametrize(
    "url", ["http://example.com/hook", "https://127.0.0.1/hook", "https://localhost/", "https://10.0.0.1", "ftp://x"]
)
async def test_addresses_that_are_not_public_are_refused(public: Stage, url: str) -> None:
    await public.registered()
    assert outcome(await set_webhook(public, url)) == (422, "endpoint_url_refused")


async def test_an_address_that_became_private_is_not_called(
    stage: Stage, database: Database, receiver: ProviderSystem
) -> None:
    await stage.registered()
    await set_webhook(stage, receiver.url.replace("http:", "https:"))
    await sender_of(database, anywhere=False).work_off(UUID(await team_id(stage)))
    assert receiver.requests == []
    (delivery,) = await deliveries(stage)
    log = f"/miniapps/v1/teams/{delivery['team_id']}/webhook-deliveries/{delivery['delivery_id']}/attempts"
    (attempt,) = (await stage.api.get(log, headers=stage.team)).json()["items"]
    assert attempt["fault"] == "address_refused"


async def test_leads_set_it_members_read_it_and_others_do_not_see_it(stage: Stage, receiver: ProviderSystem) -> None:
    await stage.registered()
    path = f"/miniapps/v1/teams/{await team_id(stage)}/webhook"
    assert outcome(await stage.api.get(path, headers=stage.team)) == (404, "webhook_not_set")
    developer = await stage.colleague()
    assert outcome(await set_webhook(stage, receiver.url, developer)) == (403, "not_team_lead")
    await set_webhook(stage, receiver.url)
    assert (await stage.api.get(path, headers=developer)).status_code == 200
    stranger = stage.team_of("654002")
    assert outcome(await stage.api.get(path, headers=stranger)) == (404, "not_found")
    assert outcome(await set_webhook(stage, receiver.url, stranger)) == (404, "not_found")
    for _ in range(2):
        assert (await stage.api.delete(path, headers=stage.team)).status_code == 204
    assert [each["status"] for each in await deliveries(stage)] == ["given_up"]
