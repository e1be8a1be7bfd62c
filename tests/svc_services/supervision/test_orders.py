"""Late cases are listed to whom they concern; an order wants an answer within working days."""

import asyncio
from uuid import UUID

import httpx

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_services.cases.applications.worker import note_due
from svc_services.supervision.worker import note_overdue
from tests.svc_services.calendar.changes import changed
from tests.svc_services.cases.applications.cases import KUYTUN, YINING, Case, clerk, decided
from tests.svc_services.supervision.scenes import (
    LATE,
    ORDERS,
    Someone,
    at_noon,
    closing,
    done,
    events_of,
    operator,
    post,
    refused,
    someone,
)


def order_on(case: Case, **changes: object) -> dict[str, object]:
    usual = {"addressee": "provider", "matter": "why is it late?", "reply_days": 3}
    return {"application_id": case["application_id"], **usual, **changes}


async def test_late_cases_are_seen_by_division_company_and_person_with_their_level(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    company: Someone,
    person_id: UUID,
) -> None:
    handler = new_id()
    with at_noon("2026-03-02"):
        case = await closing(api, tokens, database, provider_id, person_id)
        await decided(api, someone(tokens, "clerk", handler)(), case, "accept")
    with at_noon("2026-03-06"):
        await note_due(database)
        (near,) = (await api.get(LATE, headers=operator(tokens))).json()["items"]
        assert (near["flag"], near["level"], near["limit_days"]) == ("yellow", 0, 5)
    with at_noon("2026-03-12"):
        await note_due(database)
        (late,) = (await api.get(LATE, headers=operator(tokens))).json()["items"]
        assert (late["flag"], late["level"], late["handled_by"]) == ("red", 2, str(handler))
        (theirs,) = (await api.get(LATE, headers=company())).json()["items"]
        assert (theirs["application_id"], theirs["handled_by"]) == (case["application_id"], None)
        seen = {
            name: len((await api.get(LATE, headers=headers, params=params)).json()["items"])
            for name, headers, params in (
                ("other division", operator(tokens, KUYTUN), {}),
                ("whole", operator(tokens, "654000"), {"level": 2}),
                ("yellow", operator(tokens), {"flag": "yellow"}),
                ("person", operator(tokens), {"handled_by": str(handler)}),
                ("other person", operator(tokens), {"handled_by": str(new_id())}),
                ("person to the company", company(), {"handled_by": str(handler)}),
                ("provider", operator(tokens), {"provider_id": str(provider_id), "division_code": YINING}),
                ("other company", tokens.staff("provider_operator"), {}),
            )
        }
    expected = {"whole": 1, "person": 1, "provider": 1}
    assert seen == dict.fromkeys(seen, 0) | expected
    assert str(person_id) not in str(late)


async def test_an_order_is_answered_returned_answered_again_and_accepted(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    company: Someone,
    person_id: UUID,
) -> None:
    issuer = someone(tokens, "operator")
    with at_noon("2026-03-02"):
        case = await closing(api, tokens, database, provider_id, person_id)
        order = await done(api, ORDERS, issuer(), order_on(case))
        assert (order["status"], order["due_on"], order["level"]) == ("open", "2026-03-05", 0)
        path = f"{ORDERS}/{order['order_id']}"
        assert refused(await post(api, f"{path}/accept", issuer())) == (409, "illegal_move")
        assert refused(await post(api, f"{path}/reply", clerk(tokens), {"words": "x"})) == (403, "order_not_yours")
        assert (await done(api, f"{path}/reply", company(), {"words": "parts"}))["status"] == "replied"
    with at_noon("2026-03-04"):
        other = operator(tokens)
        assert refused(await post(api, f"{path}/return", other, {"words": "x"})) == (403, "order_not_yours")
        returned = await done(api, f"{path}/return", issuer(), {"words": "which parts?"})
        assert (returned["status"], returned["due_on"]) == ("returned", "2026-03-09")
        await done(api, f"{path}/reply", company(), {"words": "a valve, tomorrow"})
        whole = await done(api, f"{path}/accept", operator(tokens, "654000"))
        late = await post(api, f"{path}/withdraw", issuer(), {"words": "x"})
        assert refused(late) == (409, "illegal_move")
    assert [each["action"] for each in whole["entries"]] == ["issue", "reply", "return", "reply", "accept"]
    assert [each["status"] for each in await events_of(database, "supervision_order")][-1] == "accepted"


async def test_an_overdue_reply_rises_twice_and_no_further(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    with at_noon("2026-03-02"):
        case = await closing(api, tokens, database, provider_id, person_id)
        order = await done(api, ORDERS, operator(tokens), order_on(case, reply_days=2))
    levels = {}
    for day in (4, 5, 6, 9, 30):
        with at_noon(f"2026-03-{day:02}"):
            await note_overdue(database)
            await note_overdue(database)
            shown = (await api.get(f"{ORDERS}/{order['order_id']}", headers=operator(tokens))).json()
            levels[day] = shown["level"]
    assert levels == {4: 0, 5: 1, 6: 2, 9: 2, 30: 2}
    assert [each["action"] for each in shown["entries"]] == ["issue", "escalate", "escalate"]
    listed = await api.get(ORDERS, headers=operator(tokens), params={"overdue": "true"})
    assert len(listed.json()["items"]) == 1


async def test_a_new_holiday_gives_an_order_its_days_back(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    with at_noon("2026-03-02"):
        case = await closing(api, tokens, database, provider_id, person_id)
        order = await done(api, ORDERS, operator(tokens), order_on(case))
        await changed(api, tokens, ("2026-03-04", False))
        await note_overdue(database)
        shown = (await api.get(f"{ORDERS}/{order['order_id']}", headers=operator(tokens))).json()
    assert (order["due_on"], shown["due_on"]) == ("2026-03-05", "2026-03-06")


async def test_a_clerk_answers_their_own_order_alone(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID, company: Someone
) -> None:
    clerk_id = new_id()
    its_clerk = tokens.staff("clerk", division_code=YINING, person_id=clerk_id)
    case = await closing(api, tokens, database, provider_id, person_id)
    to_clerk = order_on(case, addressee="clerk", clerk_id=str(clerk_id))
    assert refused(await post(api, ORDERS, operator(tokens), to_clerk)) == (422, "not_a_clerk_there")
    await api.get(LATE, headers=its_clerk)  # appoints them
    order = await done(api, ORDERS, operator(tokens), to_clerk)
    path = f"{ORDERS}/{order['order_id']}/reply"
    assert refused(await post(api, path, company(), {"words": "x"})) == (403, "order_not_yours")
    assert refused(await post(api, path, clerk(tokens), {"words": "x"})) == (403, "order_not_yours")
    assert (await done(api, path, its_clerk, {"words": "on leave"}))["status"] == "replied"


async def test_two_orders_at_once_to_one_addressee_are_one(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    case = await closing(api, tokens, database, provider_id, person_id)
    answers = await asyncio.gather(*(post(api, ORDERS, operator(tokens), order_on(case)) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409, 409]


async def test_nobody_supervises_elsewhere_or_themselves(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    case = await closing(api, tokens, database, provider_id, person_id)
    elsewhere = await post(api, ORDERS, operator(tokens, KUYTUN), order_on(case))
    assert refused(elsewhere) == (403, "not_your_division")
    own = await post(api, ORDERS, operator(tokens, person_id=person_id), order_on(case))
    assert refused(own) == (403, "second_person_needed")
    bad = await post(api, ORDERS, operator(tokens), order_on(case, clerk_id=str(new_id())))
    assert refused(bad) == (422, "invalid_request")
    unknown = await post(api, ORDERS, operator(tokens), order_on({"application_id": str(new_id())}))
    assert refused(unknown) == (404, "not_found")
