"""Applicants rate stages once; what is bad is put right in 15 working days, called back about and rated again."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.inbox import AnyHandler, Received
from chassis.testing import Tokens
from svc_services.cases.applications.consumers import PersonClosed
from svc_services.supervision.ratings.consumers import HANDLERS
from svc_services.supervision.worker import note_overdue
from tests.svc_services.calendar.changes import changed
from tests.svc_services.cases.applications.cases import KUYTUN, Case, acted, clerk, decided
from tests.svc_services.supervision.scenes import (
    APPEALS,
    APPLICATIONS,
    RATINGS,
    RECTIFICATIONS,
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

BAD = {"stage": "conclusion", "grade": 1, "tags": ["slow"], "words": "nobody came"}


async def withdrawn(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> Case:
    """A case that a clerk accepted and its applicant withdrew."""
    case = await closing(api, tokens, database, provider_id, person_id)
    case = await decided(api, clerk(tokens), case, "accept")
    return await acted(api, APPLICATIONS, tokens.resident(person_id), case, "withdraw")


def path_of(case: Case) -> str:
    return f"{APPLICATIONS}/{case['application_id']}/ratings"


async def rate(
    api: httpx.AsyncClient, tokens: Tokens, case: Case, person_id: UUID, **changes: object
) -> httpx.Response:
    return await post(api, path_of(case), tokens.resident(person_id), {**BAD, **changes})


async def own(api: httpx.AsyncClient, tokens: Tokens, case: Case, person_id: UUID) -> dict[str, Any]:
    shown: dict[str, Any] = (await api.get(path_of(case), headers=tokens.resident(person_id))).json()
    return shown


async def the_rectification(api: httpx.AsyncClient, headers: dict[str, str]) -> str:
    (row,) = (await api.get(RECTIFICATIONS, headers=headers)).json()["items"]
    return f"{RECTIFICATIONS}/{row['rectification_id']}"


async def handle(database: Database, index: int, **data: object) -> None:
    handler: AnyHandler = HANDLERS[index]
    async with database.transaction() as tx:
        event = handler.data.model_validate(data)
        await handler.handle(tx, Received(new_id(), handler.event_type, datetime.now(UTC), event))


async def test_a_stage_is_rated_once_by_its_applicant_alone(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    case = await closing(api, tokens, database, provider_id, person_id)
    early = await rate(api, tokens, case, person_id, stage="acceptance")
    assert refused(early) == (409, "stage_not_reached")
    case = await decided(api, clerk(tokens), case, "accept")
    assert (await own(api, tokens, case, person_id))["stages_to_rate"] == ["acceptance"]
    answers = await asyncio.gather(
        *(rate(api, tokens, case, person_id, stage="acceptance", grade=grade) for grade in (5, 4, 3))
    )
    assert sorted(each.status_code for each in answers) == [201, 409, 409]
    assert refused(await rate(api, tokens, case, person_id)) == (409, "stage_not_reached")
    stranger = await rate(api, tokens, case, new_id(), stage="acceptance")
    assert refused(stranger) == (404, "not_found")


async def test_who_withdraws_before_anybody_acted_has_nothing_to_rate(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    case = await closing(api, tokens, database, provider_id, person_id)
    case = await acted(api, APPLICATIONS, tokens.resident(person_id), case, "withdraw")
    assert (await own(api, tokens, case, person_id))["stages_to_rate"] == []
    assert refused(await rate(api, tokens, case, person_id)) == (409, "stage_not_reached")


async def test_the_rated_see_words_and_not_whose_they_are(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    company: Someone,
    person_id: UUID,
) -> None:
    case = await withdrawn(api, tokens, database, provider_id, person_id)
    given = await rate(api, tokens, case, person_id)
    for headers in (company(), clerk(tokens), operator(tokens)):
        (seen,) = (await api.get(RATINGS, headers=headers)).json()["items"]
        assert (seen["words"], seen["grade"], seen["tags"]) == ("nobody came", 1, ["slow"])
        assert str(person_id) not in str(seen)
        assert case["application_id"] not in str(seen)
        assert given.json()["rated_at"][:10] not in str(seen).replace(seen["month"], "")
    for headers in (clerk(tokens, KUYTUN), tokens.staff("provider_admin")):
        assert (await api.get(RATINGS, headers=headers)).json()["items"] == []


async def test_a_bad_rating_is_put_right_called_back_and_rated_again(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    company: Someone,
    person_id: UUID,
) -> None:
    caller = someone(tokens, "operator")
    with at_noon("2026-03-02"):
        case = await withdrawn(api, tokens, database, provider_id, person_id)
        assert (await rate(api, tokens, case, person_id)).status_code == 201
        path = await the_rectification(api, company())
        shown = (await api.get(path, headers=company())).json()
        assert (shown["due_on"], shown["limit_days"]) == ("2026-03-23", 15)
        early = await post(api, f"{path}/call-back", caller(), {"outcome": "satisfied", "words": "fine"})
        assert refused(early) == (409, "nothing_answered")
        assert refused(await rate(api, tokens, case, person_id, grade=5)) == (409, "already_rated")
    with at_noon("2026-03-05"):
        await done(api, f"{path}/answer", company(), {"words": "a fitter came"})
    with at_noon("2026-03-12"):
        no = {"outcome": "unsatisfied", "words": "it still drips"}
        again = await done(api, f"{path}/call-back", caller(), no)
        assert (again["status"], again["consumed_days"], again["due_on"]) == ("open", 3, "2026-03-30")
        await done(api, f"{path}/answer", company(), {"words": "a new valve"})
        assert (await own(api, tokens, case, person_id))["stages_to_rate"] == ["acceptance", "conclusion"]
        second = (await rate(api, tokens, case, person_id, grade=4)).json()
        assert (second["round"], second["grade"]) == (2, 4)
        assert refused(await rate(api, tokens, case, person_id, grade=5)) == (409, "already_rated")
        closed = (await api.get(path, headers=company())).json()
    assert closed["status"] == "closed"
    assert [each["action"] for each in closed["entries"]] == ["open", "answer", "call_back", "answer", "rate_again"]
    assert str(person_id) not in str(closed)
    assert len(await events_of(database, "rectification")) == 5


async def test_a_pause_saves_days_and_raises_no_alarm(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    caller = someone(tokens, "operator")
    with at_noon("2026-03-02"):
        case = await withdrawn(api, tokens, database, provider_id, person_id)
        await rate(api, tokens, case, person_id)
        path = await the_rectification(api, caller())
    with at_noon("2026-03-04"):
        early = await post(api, f"{path}/resume", caller(), {"words": "it never stood"})
        assert refused(early) == (409, "illegal_move")
        await done(api, f"{path}/pause", caller(), {"words": "parts are on their way"})
    with at_noon("2026-05-20"):
        await note_overdue(database)
        paused = (await api.get(path, headers=caller())).json()
        assert (paused["status"], paused["consumed_days"], paused["level"]) == ("paused", 2, 0)
        resumed = await done(api, f"{path}/resume", caller(), {"words": "they are here"})
        assert (resumed["consumed_days"], resumed["due_on"]) == (2, "2026-06-08")
        await changed(api, tokens, ("2026-05-27", False), ("2026-05-28", False))
        await note_overdue(database)
        assert (await api.get(path, headers=caller())).json()["due_on"] == "2026-06-10"
    with at_noon("2026-06-11"):
        await note_overdue(database)
        late = (await api.get(path, headers=caller())).json()
    assert (late["level"], late["entries"][-1]["action"]) == (1, "escalate")


async def test_an_appeal_is_decided_by_somebody_who_had_no_part(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    company: Someone,
    person_id: UUID,
) -> None:
    decider = new_id()
    case = await closing(api, tokens, database, provider_id, person_id)
    case = await decided(api, someone(tokens, "clerk", decider)(), case, "accept")
    case = await acted(api, APPLICATIONS, tokens.resident(person_id), case, "withdraw")
    rating = (await rate(api, tokens, case, person_id)).json()
    foreign = await post(api, f"{RATINGS}/{rating['rating_id']}/appeal", clerk(tokens, KUYTUN), {"reason": "x"})
    assert refused(foreign) == (404, "not_found")
    answers = await asyncio.gather(
        *(post(api, f"{RATINGS}/{rating['rating_id']}/appeal", company(), {"reason": "not our case"}) for _ in range(3))
    )
    assert sorted(each.status_code for each in answers) == [201, 409, 409]
    (appeal,) = (await api.get(APPEALS, headers=operator(tokens))).json()["items"]
    path = f"{APPEALS}/{appeal['appeal_id']}/decide"
    upheld = {"decision": "upheld", "reason": "another company's"}
    involved = await post(api, path, operator(tokens, person_id=decider), upheld)
    assert refused(involved) == (403, "second_person_needed")
    themselves = await post(api, path, operator(tokens, person_id=UUID(appeal["appealed_by"])), upheld)
    assert refused(themselves) == (403, "second_person_needed")
    assert (await done(api, path, operator(tokens), upheld))["status"] == "upheld"
    assert refused(await post(api, path, operator(tokens), upheld)) == (409, "illegal_move")
    (mine,) = (await own(api, tokens, case, person_id))["items"]
    assert (mine["set_aside"], mine["rectification"]) == (True, "closed")
    assert refused(await rate(api, tokens, case, person_id, grade=5)) == (409, "already_rated")


async def test_a_stage_is_asked_about_once(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    case = await withdrawn(api, tokens, database, provider_id, person_id)
    for _ in range(3):
        await handle(database, 0, application_id=case["application_id"])
    asked = await events_of(database, "rating")
    assert [each["stage"] for each in asked] == ["acceptance", "conclusion"]
    assert {each["person_id"] for each in asked} == {str(person_id)}


async def test_words_are_erased_with_the_account_of_their_author(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    case = await withdrawn(api, tokens, database, provider_id, person_id)
    await rate(api, tokens, case, person_id)
    assert HANDLERS[1].data is PersonClosed
    await handle(database, 1, person_id=str(person_id))
    (seen,) = (await api.get(RATINGS, headers=operator(tokens))).json()["items"]
    assert (seen["words"], seen["grade"]) == (None, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"grade": 0},
        {"grade": 6},
        {"grade": "5"},
        {"grade": 4.5},
        {"tags": ["slow", "slow"]},
        {"tags": ["rude"]},
        {"tags": ["slow"] * 200},
        {"words": "x" * 501},
        {"words": "a\u0000b"},
        {"words": "\u202eabc"},
        {"stage": "middle"},
        {"round": 2},
    ],
)
async def test_a_rating_that_cannot_be_meant_is_refused(
    api: httpx.AsyncClient, tokens: Tokens, changes: dict[str, object]
) -> None:
    answer = await post(api, f"{APPLICATIONS}/{new_id()}/ratings", tokens.resident(new_id()), {**BAD, **changes})
    assert refused(answer) == (422, "invalid_request")
