"""An operator assigns a case to a clerk who may decide it; nobody else claims it then."""

from uuid import UUID

import httpx
from sqlalchemy import update

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, once
from kit.staff.models import staff_roles
from tests.appointments import appoint
from tests.svc_services.cases.applications.cases import (
    KUYTUN,
    QUEUE,
    YINING,
    Case,
    Headers,
    act,
    claim,
    clerk,
    outcome,
    submitted,
)


async def assign(api: httpx.AsyncClient, headers: Headers, case: Case, clerk_id: UUID | None) -> httpx.Response:
    body = {"clerk_id": str(clerk_id) if clerk_id else None}
    return await api.post(f"{QUEUE}/{case['application_id']}/assign", json=body, headers=headers | once())


async def known_clerk(database: Database, division_code: str = YINING) -> UUID:
    clerk_id = new_id()
    async with database.transaction() as tx:
        await appoint(tx, clerk_id, "clerk")
        of_clerk = staff_roles.c.person_id == clerk_id
        await tx.execute(update(staff_roles).where(of_clerk).values(division_code=division_code))
    return clerk_id


async def test_an_assigned_case_is_claimed_by_nobody_else(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    operator, first, second = clerk(tokens, role="operator"), await known_clerk(database), await known_clerk(database)

    def as_clerk(clerk_id: UUID) -> Headers:
        return tokens.staff("clerk", division_code=YINING, person_id=clerk_id)

    before = clerk(tokens)
    assert (await claim(api, before, case)).status_code == 200
    answer = await assign(api, operator, case, first)
    assert (answer.status_code, answer.json()["assigned_to"], answer.json()["claimed_until"]) == (200, str(first), None)
    assert outcome(await act(api, QUEUE, before, case, "accept")) == (409, "claim_needed")
    assert outcome(await claim(api, as_clerk(second), case)) == (409, "assigned_to_another")
    mine = (await api.get(QUEUE, params={"assigned_to": str(first)}, headers=as_clerk(first))).json()["items"]
    assert [each["application_id"] for each in mine] == [case["application_id"]]
    assert (await assign(api, operator, case, second)).status_code == 200
    assert outcome(await claim(api, as_clerk(first), case)) == (409, "assigned_to_another")
    assert (await claim(api, as_clerk(second), case)).status_code == 200
    assert (await assign(api, operator, case, None)).json()["assigned_to"] is None
    assert (await claim(api, as_clerk(first), case)).status_code == 200
    seen = (await api.get(f"/services/v1/applications/{case['application_id']}", headers=resident)).json()
    assert seen["assigned_to"] is None


async def test_only_a_clerk_who_may_decide_is_assigned(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    resident: Headers,
    provider_id: UUID,
    person_id: UUID,
) -> None:
    case = await submitted(api, resident, provider_id)
    operator = clerk(tokens, role="operator")
    elsewhere, nobody = await known_clerk(database, KUYTUN), new_id()
    for wrong in (elsewhere, nobody):
        assert outcome(await assign(api, operator, case, wrong)) == (422, "not_a_clerk_there")
    assert outcome(await assign(api, operator, case, person_id)) == (403, "second_person_needed")
    right = await known_clerk(database)
    far = clerk(tokens, KUYTUN, role="operator")
    assert outcome(await assign(api, far, case, right)) == (403, "not_your_division")
    own = tokens.staff("operator", division_code=YINING, person_id=person_id)
    assert outcome(await assign(api, own, case, right)) == (403, "second_person_needed")
    assert (await assign(api, clerk(tokens), case, right)).status_code == 403
    async with database.transaction() as tx:
        of_clerk = staff_roles.c.person_id == right
        await tx.execute(update(staff_roles).where(of_clerk).values(ended_at=now()))
    assert outcome(await assign(api, operator, case, right)) == (422, "not_a_clerk_there")


async def test_an_ended_role_keeps_nobody_out(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    gone = await known_clerk(database)
    assert (await assign(api, clerk(tokens, role="operator"), case, gone)).status_code == 200
    other = clerk(tokens)
    assert outcome(await claim(api, other, case)) == (409, "assigned_to_another")
    async with database.transaction() as tx:
        await tx.execute(update(staff_roles).where(staff_roles.c.person_id == gone).values(ended_at=now()))
    assert (await claim(api, other, case)).status_code == 200
