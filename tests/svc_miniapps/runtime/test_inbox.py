"""Messages in the inbox of their resident: read, removed, taken along, and gone in time and with the account."""

from sqlalchemy import select, text

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import Tokens
from kit.evidence.retention import carry_out
from svc_miniapps.closure import HANDLERS as MESSAGES
from svc_miniapps.publishing.testers.consumers import PersonClosed
from svc_miniapps.retention import RETENTION
from svc_miniapps.runtime.messages.models import AppMessage
from svc_miniapps.runtime.subscriptions.models import MessageConsent, Subscriber
from tests.svc_miniapps.runtime.scene import VALUES, Resident, Runtime
from tests.svc_miniapps.stage import outcome


async def test_a_resident_reads_marks_and_removes_their_own_messages(runtime: Runtime, tokens: Tokens) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    for number in range(3):
        await runtime.agreed(resident, app, template)
        assert (await runtime.send(app, resident.openid(app), template, f"m{number}")).status_code == 200
    headers = tokens.resident(resident.person_id)
    first = (await runtime.api.get("/miniapps/v1/me/messages", params={"limit": 2}, headers=headers)).json()
    rest = await runtime.inbox(resident, cursor=first["next_cursor"])
    assert [len(first["items"]), len(rest)] == [2, 1]
    path = f"/miniapps/v1/me/messages/{rest[0]['inbox_message_id']}"
    assert outcome(await runtime.api.put(f"{path}/read", headers=tokens.resident())) == (404, "not_found")
    assert outcome(await runtime.api.delete(path, headers=tokens.resident())) == (404, "not_found")
    assert (await runtime.api.put(f"{path}/read", headers=headers)).status_code == 204
    assert [each["read_at"] is not None for each in await runtime.inbox(resident)] == [False, False, True]
    assert (await runtime.api.delete(path, headers=headers)).status_code == 204
    assert len(await runtime.inbox(resident)) == 2
    state = await runtime.api.get("/miniapps/v1/app-messages/m0", headers=runtime.server(app))
    assert state.json()["status"] == "removed"
    assert (await runtime.send(app, resident.openid(app), template, "m0")).json()["status"] == "removed"


async def test_messages_are_read_in_the_readers_language(runtime: Runtime) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    await runtime.agreed(resident, app, template)
    await runtime.send(app, resident.openid(app), template)
    languages = [(await runtime.inbox(resident, language=each))[0]["language"] for each in ("kk-Arab-CN", "ug", "zh")]
    assert languages == ["kk-Arab", "zh-Hans", "zh-Hans"]


async def test_messages_and_consents_end_with_their_time(runtime: Runtime, database: Database) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    for number in range(2):
        await runtime.agreed(resident, app, template)
        await runtime.send(app, resident.openid(app), template, f"m{number}")
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE app_messages SET sent_at = now() - interval '91 days' WHERE message_id = 'm0'"))
        await tx.execute(
            text("UPDATE message_consents SET used_at = now() - interval '366 days' WHERE id = (:id)"),
            {"id": await tx.scalar(select(AppMessage.consent_id).where(AppMessage.message_id == "m0"))},
        )
    assert len(await runtime.inbox(resident)) == 1
    await carry_out(database, RETENTION)
    async with database.read() as tx:
        assert (await tx.scalars(select(AppMessage.message_id))).all() == ["m1"]
        assert len((await tx.scalars(select(MessageConsent.id))).all()) == 1


async def test_nothing_is_left_of_a_closed_account(runtime: Runtime, database: Database) -> None:
    app, resident, other = await runtime.app(), Resident(), Resident()
    template = await runtime.template(app)
    for each in (resident, other):
        await runtime.agreed(each, app, template)
        await runtime.send(app, each.openid(app), template, f"m-{each.person_id}")
    (handler,) = MESSAGES
    event = Received(new_id(), handler.event_type, now(), PersonClosed(person_id=resident.person_id))
    async with database.transaction() as tx:
        await handler.handle(tx, event)
    async with database.read() as tx:
        for table in (AppMessage, MessageConsent, Subscriber):
            assert (await tx.scalars(select(table.person_id))).all() == [other.person_id]
    again = await runtime.send(app, resident.openid(app), template, f"m-{resident.person_id}")
    assert outcome(again) == (409, "no_message_consent")


async def test_ones_data_has_consents_and_messages(runtime: Runtime, tokens: Tokens) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    await runtime.agreed(resident, app, template)
    await runtime.send(app, resident.openid(app), template)
    ticket = tokens.sign(typ="data-export+jwt", aud="myili:my-data", sub=str(resident.person_id))
    answer = await runtime.api.get("/miniapps/v1/my-data", headers={"Authorization": f"Bearer {ticket}"})
    kinds = answer.json()["kinds"]
    assert [each["values"] for each in kinds["messages"]] == [VALUES]
    assert [len(kinds[name]) for name in ("message_subscriptions", "message_consents")] == [1, 1]
    refused = await runtime.api.get("/miniapps/v1/my-data", headers=tokens.resident(resident.person_id))
    assert outcome(refused) == (401, "token_invalid")
