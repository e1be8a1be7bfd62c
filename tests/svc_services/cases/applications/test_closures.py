"""A person takes their applications along, and what they filled in goes with their account."""

from uuid import UUID

import httpx
from sqlalchemy import select

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import Tokens
from kit.my_data import AUDIENCE, TYPE
from svc_services.cases.applications.consumers import HANDLERS
from svc_services.cases.applications.models import Application, ApplicationStep
from tests.svc_services.cases.applications.cases import FORM, Headers, clerk, decided, draft, submitted


async def test_the_file_of_ones_data_has_the_applications_without_who_handled_them(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    await submitted(api, tokens.resident(new_id()), provider_id)
    await decided(api, clerk(tokens), case, "request_correction", reason="which door?")
    ticket = tokens.sign(typ=TYPE, aud=AUDIENCE, sub=str(person_id), kind=None, scope=None, memberships=None)
    answer = await api.get("/services/v1/my-data", headers={"Authorization": f"Bearer {ticket}"})
    kinds = answer.json()["kinds"]
    assert [(each["id"], each["form"]) for each in kinds["applications"]] == [(case["application_id"], FORM)]
    assert [each["reason"] for each in kinds["application_steps"]] == [None, "which door?"]
    assert not {"claimed_by", "actor_id"} & (kinds["applications"][0].keys() | kinds["application_steps"][0].keys())


async def test_what_a_person_filled_in_is_erased_with_their_account(
    api: httpx.AsyncClient, database: Database, tokens: Tokens, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    await decided(api, clerk(tokens), case, "request_correction", reason="which door?")
    await draft(api, resident, provider_id)
    other = await submitted(api, tokens.resident(new_id()), provider_id)
    handler = HANDLERS[0]
    event = Received(new_id(), handler.event_type, now(), handler.data.model_validate({"person_id": person_id}))
    for _ in range(2):
        async with database.transaction() as tx:
            await handler.handle(tx, event)
    async with database.read() as tx:
        forms = {each.id: each.form for each in await tx.scalars(select(Application))}
        reasons = set(await tx.scalars(select(ApplicationStep.reason)))
    assert forms == {UUID(case["application_id"]): {}, UUID(other["application_id"]): FORM}
    assert reasons == {None}
