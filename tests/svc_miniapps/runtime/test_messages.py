"""One consent, one message: to whom the app knows, once, and into an inbox that is the resident's own."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, update

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import Tokens, emitted
from svc_miniapps.runtime.subscriptions.consumers import HANDLERS as SUBSCRIPTIONS
from svc_miniapps.runtime.subscriptions.consumers import AppChanged
from svc_miniapps.runtime.subscriptions.models import MessageConsent
from tests.svc_miniapps.publishing.clients.test_clients import suspend
from tests.svc_miniapps.publishing.take_downs.test_take_downs import taken_down
from tests.svc_miniapps.runtime.scene import VALUES, Resident, Runtime
from tests.svc_miniapps.stage import outcome


async def test_a_consent_is_good_for_one_message(runtime: Runtime, database: Database) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    consent = await runtime.agreed(resident, app, template)
    assert (consent["title"], consent["app_name"], consent["status"]) == ("办理进度提醒", app["name"], "unused")
    sent = await runtime.send(app, resident.openid(app), template, page_query="id=17")
    assert (sent.status_code, sent.json()["status"]) == (200, "in_inbox")
    assert outcome(await runtime.send(app, resident.openid(app), template, "m2")) == (409, "no_message_consent")
    (message,) = await runtime.inbox(resident)
    assert (message["title"], message["app_name"]) == ("办理进度提醒", app["name"])
    assert [line["value"] for line in message["lines"]] == list(VALUES.values())
    assert message["link"] == f"myili://miniapp/{app['app_id']}/pages/detail/detail?id=17"
    assert await runtime.consents(resident) == ["used"]
    async with database.read() as tx:
        (event,) = [each for each in await emitted(tx) if each.type == "cn.ili.miniapps.message.sent.v1"]
    assert event.data == {
        "inbox_message_id": message["inbox_message_id"],
        "app_id": app["app_id"],
        "template_id": template["template_id"],
        "person_id": str(resident.person_id),
    }


async def test_of_parallel_messages_one_takes_the_consent(runtime: Runtime) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    await runtime.agreed(resident, app, template)
    openid = resident.openid(app)
    answers = await asyncio.gather(*(runtime.send(app, openid, template, f"m{number}") for number in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert len(await runtime.inbox(resident)) == 1


async def test_a_repeated_message_is_sent_once(runtime: Runtime) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    for _ in range(2):
        await runtime.agreed(resident, app, template)
    openid = resident.openid(app)
    answers = await asyncio.gather(*(runtime.send(app, openid, template) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(await runtime.inbox(resident)) == 1
    assert await runtime.consents(resident) == ["unused", "used"]
    other = VALUES | {"matter": "停车月卡已退回"}
    assert outcome(await runtime.send(app, openid, template, values=other)) == (409, "message_id_used")


async def test_one_id_never_reaches_two_residents(runtime: Runtime) -> None:
    app, people = await runtime.app(), [Resident() for _ in range(4)]
    template = await runtime.template(app)
    for each in people:
        await runtime.agreed(each, app, template)
    answers = await asyncio.gather(*(runtime.send(app, each.openid(app), template) for each in people))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"message_id_used"}
    assert sorted([len(await runtime.inbox(each)) for each in people]) == [0, 0, 0, 1]
    assert sorted([(await runtime.consents(each))[0] for each in people]) == ["unused", "unused", "unused", "used"]


async def test_the_openid_of_another_app_reaches_nobody(runtime: Runtime) -> None:
    app, other, resident = await runtime.app(), await runtime.app("公交到站"), Resident()
    template, others = await runtime.template(app), await runtime.template(other)
    await runtime.agreed(resident, app, template)
    await runtime.agreed(resident, other, others)
    foreign = resident.openid(app)
    assert outcome(await runtime.send(other, foreign, others)) == (409, "no_message_consent")
    assert outcome(await runtime.send(other, new_id(), others)) == (409, "no_message_consent")
    assert outcome(await runtime.send(other, resident.person_id, others)) == (409, "no_message_consent")
    assert outcome(await runtime.send(other, resident.openid(other), template)) == (404, "not_found")
    assert await runtime.inbox(resident) == []


async def test_messages_of_one_app_are_nothing_to_another(runtime: Runtime) -> None:
    app, other, resident = await runtime.app(), await runtime.app("公交到站"), Resident()
    template = await runtime.template(app)
    await runtime.agreed(resident, app, template)
    assert (await runtime.send(app, resident.openid(app), template)).status_code == 200
    path = "/miniapps/v1/app-messages/m1"
    assert (await runtime.api.get(path, headers=runtime.server(app))).json()["status"] == "in_inbox"
    assert outcome(await runtime.api.get(path, headers=runtime.server(other))) == (404, "not_found")


async def test_only_the_server_of_a_mini_app_sends(runtime: Runtime, tokens: Tokens) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    await runtime.agreed(resident, app, template)
    openid = resident.openid(app)
    company = tokens.client(new_id(), "messages")
    nobody = runtime.server({"app_id": "not-an-id"})
    unknown = runtime.server({"app_id": str(new_id())})
    for caller, expected in (
        (company, (403, "not_a_mini_app")),
        (nobody, (403, "not_a_mini_app")),
        (unknown, (404, "not_found")),
        (runtime.server(app, scope="orders"), (403, "not_allowed")),
        (tokens.resident(resident.person_id), (403, "not_allowed")),
        (runtime.server(app, aud=f"miniapp-{app['app_id']}"), (401, "token_invalid")),
    ):
        assert outcome(await runtime.send(app, openid, template, caller=caller)) == expected
    assert await runtime.consents(resident) == ["unused"]


async def test_a_ticket_is_good_for_its_person_alone(runtime: Runtime) -> None:
    app, victim, thief = await runtime.app(), Resident(), Resident()
    template = await runtime.template(app)
    stolen = runtime.ticket(victim, app)
    assert outcome(await runtime.agree(thief, app, template, ticket=stolen)) == (403, "ticket_not_yours")
    expired = runtime.ticket(thief, app, exp=1_700_000_000)
    assert outcome(await runtime.agree(thief, app, template, ticket=expired)) == (401, "token_expired")
    exchanged = runtime.tokens.sign(aud=f"miniapp-{app['app_id']}", sub=str(victim.openid(app)))
    for wrong in ("nonsense", exchanged, runtime.ticket(thief, app, of_client="myili-app")):
        assert outcome(await runtime.agree(thief, app, template, ticket=wrong)) == (401, "token_invalid")
    other = await runtime.app("公交到站")
    assert outcome(await runtime.agree(thief, app, template, ticket=runtime.ticket(thief, other))) == (404, "not_found")


async def test_an_app_that_residents_sign_in_to_neither_agrees_nor_reads_for_them(
    runtime: Runtime, tokens: Tokens
) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    in_app = tokens.sign(sub=str(resident.person_id), client_id=f"miniapp-{app['app_id']}")
    caller = {"Authorization": f"Bearer {in_app}"}
    assert outcome(await runtime.agree(resident, app, template, caller=caller)) == (403, "host_app_only")
    for path in ("messages", "message-consents"):
        answer = await runtime.api.get(f"/miniapps/v1/me/{path}", headers=caller)
        assert outcome(answer) == (403, "host_app_only")


async def test_at_most_five_consents_wait_also_when_they_are_given_at_once(runtime: Runtime) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    answers = await asyncio.gather(*(runtime.agree(resident, app, template) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 3
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"too_many_consents"}
    assert (await runtime.send(app, resident.openid(app), template)).status_code == 200
    assert (await runtime.agree(resident, app, template)).status_code == 201


async def test_a_revoked_consent_sends_nothing(runtime: Runtime, tokens: Tokens) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    consent = await runtime.agreed(resident, app, template)
    path = f"/miniapps/v1/me/message-consents/{consent['consent_id']}"
    assert outcome(await runtime.api.delete(path, headers=tokens.resident())) == (404, "not_found")
    for _ in range(2):
        assert (await runtime.api.delete(path, headers=tokens.resident(resident.person_id))).status_code == 204
    assert outcome(await runtime.send(app, resident.openid(app), template)) == (409, "no_message_consent")
    assert await runtime.consents(resident) == ["ended"]


async def test_revoking_and_sending_at_once_leave_one_of_both(runtime: Runtime, tokens: Tokens) -> None:
    app, headers = await runtime.app(), tokens.resident
    template = await runtime.template(app)
    for number in range(5):
        resident = Resident()
        consent = await runtime.agreed(resident, app, template)
        path = f"/miniapps/v1/me/message-consents/{consent['consent_id']}"
        sent, revoked = await asyncio.gather(
            runtime.send(app, resident.openid(app), template, f"race-{number}"),
            runtime.api.delete(path, headers=headers(resident.person_id)),
        )
        assert revoked.status_code == 204
        assert (sent.status_code, await runtime.consents(resident)) in [(200, ["used"]), (409, ["ended"])]


async def test_a_consent_expires(runtime: Runtime, database: Database) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    await runtime.agreed(resident, app, template)
    async with database.transaction() as tx:
        await tx.execute(update(MessageConsent).values(expires_at=func.now() - timedelta(seconds=1)))
    assert outcome(await runtime.send(app, resident.openid(app), template)) == (409, "no_message_consent")
    assert await runtime.consents(resident) == ["ended"]


async def test_a_take_down_stops_messages_and_ends_consents(runtime: Runtime, database: Database) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    for _ in range(2):
        await runtime.agreed(resident, app, template)
    assert (await runtime.send(app, resident.openid(app), template)).status_code == 200
    await taken_down(runtime.stage, app)
    assert outcome(await runtime.send(app, resident.openid(app), template, "m2")) == (409, "app_taken_down")
    assert outcome(await runtime.agree(resident, app, template)) == (409, "app_taken_down")
    assert await runtime.inbox(resident) == []
    handler = next(each for each in SUBSCRIPTIONS if each.event_type == "cn.ili.miniapps.app.taken_down.v1")
    event = Received(new_id(), handler.event_type, now(), AppChanged(app_id=UUID(app["app_id"])))
    async with database.transaction() as tx:
        await handler.handle(tx, event)
    assert await runtime.consents(resident) == ["ended", "used"]


async def test_a_late_event_of_a_take_down_leaves_later_consents(runtime: Runtime, database: Database) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    before = now() - timedelta(minutes=1)
    await runtime.agreed(resident, app, template)
    event = Received(new_id(), "cn.ili.miniapps.app.taken_down.v1", before, AppChanged(app_id=UUID(app["app_id"])))
    async with database.transaction() as tx:
        await SUBSCRIPTIONS[0].handle(tx, event)
    assert await runtime.consents(resident) == ["unused"]


async def test_a_suspended_client_sends_nothing_whatever_its_token_says(runtime: Runtime) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    await runtime.agreed(resident, app, template)
    assert (await suspend(runtime.stage, app)).status_code == 200
    assert outcome(await runtime.send(app, resident.openid(app), template)) == (403, "app_server_suspended")


@pytest.mark.parametrize(
    "values",
    [
        {},
        VALUES | {"more": "x"},
        VALUES | {"matter": "字" * 21},
        VALUES | {"matter": "请看 evil.example.com"},
        VALUES | {"matter": "拨打 13999123456"},
        VALUES | {"number": "编号一"},
        VALUES | {"day": "2026-02-30"},
        VALUES | {"day": "tomorrow"},
    ],
)
async def test_values_are_those_of_the_template(runtime: Runtime, values: dict[str, str]) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    await runtime.agreed(resident, app, template)
    answer = await runtime.send(app, resident.openid(app), template, values=values)
    assert outcome(answer) == (422, "message_values_refused")
    assert not any(value in answer.text for value in values.values())
    assert await runtime.consents(resident) == ["unused"]


async def test_hidden_characters_are_refused_and_never_repeated(runtime: Runtime) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    await runtime.agreed(resident, app, template)
    for odd in ("停\u202e车", "停\u0000车", "停\ud800车", "行一\n行二", "", "  "):
        answer = await runtime.api.put(
            "/miniapps/v1/app-messages/m1",
            content=_json(resident, app, template, odd),
            headers=runtime.server(app) | {"Content-Type": "application/json"},
        )
        assert answer.status_code in {400, 422}, odd
    assert await runtime.consents(resident) == ["unused"]


def _json(resident: Resident, app: dict[str, str], template: dict[str, str], matter: str) -> bytes:
    escaped = "".join(f"\\u{ord(each):04x}" for each in matter)
    about = f'"openid": "{resident.openid(app)}", "template_id": "{template["template_id"]}"'
    rest = f'"number": "{VALUES["number"]}", "day": "{VALUES["day"]}"'
    return f'{{{about}, "values": {{"matter": "{escaped}", {rest}}}}}'.encode()
