"""One day on which all companies come, or a reason why each makes an appointment of its own."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import httpx
import time_machine

from chassis.db import Database, new_id
from chassis.testing import Tokens
from kit.calendar import today
from svc_services.cases.joint.survey import give_up_due
from tests.svc_services.cases.applications.cases import RECEIVED, Headers, acted, outcome, provider
from tests.svc_services.cases.joint.scenes import (
    RECEIVED_JOINT,
    accepted,
    answer,
    case_of,
    current,
    events,
    filed,
    followed,
    in_days,
    mine,
    path_of,
    propose,
    refused,
    saturday,
    weekday,
)

FIRST, SECOND, THIRD = (weekday(count) for count in (14, 15, 16))


async def appointments(api: httpx.AsyncClient, headers: Headers, joint: dict[str, object]) -> list[list[str]]:
    seen = await mine(api, headers, joint)
    return [
        [step["appointment_on"] for step in case_of(seen, at)["steps"] if step["appointment_on"]]
        for at in range(1, len(seen["branches"]) + 1)
    ]


async def test_the_earliest_day_that_all_accept_is_appointed(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    for at in (1, 2):
        await accepted(api, tokens, case_of(joint, at))
    proposed = await propose(api, resident, joint, THIRD, FIRST, SECOND)
    assert proposed.status_code == 200, proposed.text
    assert proposed.json()["survey"]["days"] == [each.isoformat() for each in (FIRST, SECOND, THIRD)]
    for at, days in ((1, (FIRST, SECOND, THIRD)), (2, (THIRD, SECOND)), (3, (SECOND, THIRD))):
        answered = await answer(api, tokens, joint, at, *days)
        assert answered.status_code == 200, answered.text
    seen = await mine(api, resident, joint)
    assert (seen["survey"]["status"], seen["survey"]["agreed_on"]) == ("agreed", SECOND.isoformat())
    # The third branch is not accepted yet; the day is appointed as soon as it is.
    agreed = [SECOND.isoformat()]
    assert await appointments(api, resident, joint) == [agreed, agreed, []]
    await followed(database, await accepted(api, tokens, await current(api, resident, joint, 3)))
    assert await appointments(api, resident, joint) == [agreed] * 3
    assert (await current(api, resident, joint, 3))["state"] == "survey_appointed"
    (event,) = await events(database, "survey_decided")
    assert (event.data["status"], event.data["agreed_on"]) == ("agreed", SECOND.isoformat())


async def test_the_last_two_answers_at_once_decide_once(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    for at in (1, 2, 3):
        await accepted(api, tokens, case_of(joint, at))
    await propose(api, resident, joint, FIRST, SECOND)
    await answer(api, tokens, joint, 1, FIRST, SECOND)
    both = await asyncio.gather(answer(api, tokens, joint, 2, SECOND), answer(api, tokens, joint, 3, FIRST, SECOND))
    assert [each.status_code for each in both] == [200, 200]
    assert len(await events(database, "survey_decided")) == 1
    assert await appointments(api, resident, joint) == [[SECOND.isoformat()]] * 3
    again = await answer(api, tokens, joint, 2, SECOND)
    assert again.status_code == 200
    changed = await answer(api, tokens, joint, 2, FIRST)
    assert outcome(changed) == (409, "survey_decided_already")
    assert await appointments(api, resident, joint) == [[SECOND.isoformat()]] * 3


async def test_without_a_common_day_each_company_makes_an_appointment(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    await propose(api, resident, joint, FIRST, SECOND)
    await answer(api, tokens, joint, 1, FIRST)
    await answer(api, tokens, joint, 2, SECOND)
    survey = (await mine(api, resident, joint))["survey"]
    assert (survey["status"], survey["failure"], survey["answered"]) == ("failed", "no_common_day", [1, 2])
    assert survey["note"]["zh"]
    case = await accepted(api, tokens, case_of(joint, 1))
    await followed(database, case)
    own = await acted(
        api, RECEIVED, provider(tokens, provider_ids[0]), case, "appoint_survey", appointment_on=f"{THIRD}"
    )
    assert own["state"] == "survey_appointed"
    late = await answer(api, tokens, joint, 3, FIRST)
    assert outcome(late) == (409, "survey_decided_already")


async def test_further_days_are_proposed_until_the_last_day_for_answers(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    for at in (1, 2, 3):
        await accepted(api, tokens, case_of(joint, at))
    await propose(api, resident, joint, FIRST)
    assert outcome(await propose(api, resident, joint, SECOND)) == (409, "survey_days_proposed_already")
    await answer(api, tokens, joint, 1, FIRST)
    await answer(api, tokens, joint, 2)
    due_on = (await mine(api, resident, joint))["survey"]["due_on"]
    company = provider(tokens, provider_ids[1])
    received = (await api.get(path_of(joint, RECEIVED_JOINT), headers=company)).json()
    again = await propose(api, company, received, SECOND, THIRD)
    assert again.status_code == 200, again.text
    survey = (await mine(api, resident, joint))["survey"]
    assert (survey["status"], survey["due_on"], survey["answered"]) == ("proposed", due_on, [2])
    for at in (1, 3):
        assert (await answer(api, tokens, joint, at, THIRD)).status_code == 200
    survey = (await mine(api, resident, joint))["survey"]
    assert (survey["status"], survey["agreed_on"]) == ("agreed", THIRD.isoformat())
    assert await appointments(api, resident, joint) == [[THIRD.isoformat()]] * 3
    assert [each.data["status"] for each in await events(database, "survey_decided")] == ["failed", "agreed"]


async def test_after_five_rounds_or_the_last_day_nobody_proposes_further_days(
    api: httpx.AsyncClient, tokens: Tokens, person_id: UUID, provider_ids: Sequence[UUID]
) -> None:
    other_id = new_id()
    first = await filed(api, tokens.resident(person_id), provider_ids[:2])
    second = await filed(api, tokens.resident(other_id), provider_ids[:2])
    for _ in range(5):
        assert (await propose(api, tokens.resident(person_id), first, FIRST)).status_code == 200
        await answer(api, tokens, first, 1)
    too_often = await propose(api, tokens.resident(person_id), first, FIRST)
    assert outcome(too_often) == (409, "survey_days_proposed_already")
    await propose(api, tokens.resident(other_id), second, FIRST)
    await answer(api, tokens, second, 1)
    with time_machine.travel(f"{today() + timedelta(days=12)}T12:00:00+08:00"):
        late = await propose(api, tokens.resident(other_id), second, FIRST)
    assert outcome(late) == (409, "survey_days_proposed_already")


async def test_nobody_comes_on_a_saturday_unless_everybody_means_it(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids[:2])
    free = saturday()
    refused = await propose(api, resident, joint, free, FIRST)
    assert (outcome(refused), free.isoformat() in refused.json()["detail"]) == ((422, "survey_days_off"), True)
    assert (await propose(api, resident, joint, free, FIRST, days_off=True)).status_code == 200
    assert outcome(await answer(api, tokens, joint, 1, free)) == (422, "survey_days_off")
    assert (await answer(api, tokens, joint, 1, free, days_off=True)).status_code == 200
    assert outcome(await answer(api, tokens, joint, 2, free, FIRST)) == (422, "survey_days_off")
    assert (await answer(api, tokens, joint, 2, free, FIRST, days_off=True)).status_code == 200
    assert (await mine(api, resident, joint))["survey"]["agreed_on"] == free.isoformat()


async def test_a_working_day_that_suits_all_goes_before_an_earlier_day_off(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint, free = await filed(api, resident, provider_ids[:2]), saturday()
    later = free + timedelta(days=2)
    await propose(api, resident, joint, free, later, days_off=True)
    for at in (1, 2):
        await answer(api, tokens, joint, at, free, later, days_off=True)
    assert (await mine(api, resident, joint))["survey"]["agreed_on"] == later.isoformat()


async def test_a_company_that_never_answers_holds_nobody_up(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_ids: Sequence[UUID], person_id: UUID
) -> None:
    joint = await filed(api, tokens.resident(person_id), provider_ids)
    await propose(api, tokens.resident(person_id), joint, FIRST)
    await answer(api, tokens, joint, 1, FIRST)
    await give_up_due(database)
    assert (await mine(api, tokens.resident(person_id), joint))["survey"]["status"] == "proposed"
    with time_machine.travel(f"{today() + timedelta(days=12)}T12:00:00+08:00"):
        late = await answer(api, tokens, joint, 2, FIRST)
        assert outcome(late) == (409, "survey_decided_already")
        await asyncio.gather(give_up_due(database), give_up_due(database))
        survey = (await mine(api, tokens.resident(person_id), joint))["survey"]
    assert (survey["status"], survey["failure"]) == ("failed", "not_answered")
    assert len(await events(database, "survey_decided")) == 1


async def test_a_branch_that_has_ended_is_not_waited_for(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    await propose(api, resident, joint, FIRST, SECOND)
    await answer(api, tokens, joint, 1, FIRST, SECOND)
    await answer(api, tokens, joint, 2, SECOND)
    await followed(database, await refused(api, tokens, case_of(joint, 3)))
    survey = (await mine(api, resident, joint))["survey"]
    assert (survey["status"], survey["agreed_on"]) == ("agreed", SECOND.isoformat())
    ended = await answer(api, tokens, joint, 3, FIRST)
    assert outcome(ended) == (409, "survey_decided_already")


async def test_a_company_that_appoints_a_day_of_its_own_is_not_waited_for(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    case = await accepted(api, tokens, case_of(joint, 1))
    await propose(api, resident, joint, SECOND)
    for at in (2, 3):
        await answer(api, tokens, joint, at, SECOND)
    assert (await mine(api, resident, joint))["survey"]["status"] == "proposed"
    company = provider(tokens, provider_ids[0])
    await followed(database, await acted(api, RECEIVED, company, case, "appoint_survey", appointment_on=f"{FIRST}"))
    assert (await mine(api, resident, joint))["survey"]["agreed_on"] == SECOND.isoformat()
    assert await appointments(api, resident, joint) == [[FIRST.isoformat()], [], []]


async def test_an_end_and_the_last_answer_at_once_decide_once(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    await propose(api, resident, joint, FIRST)
    await answer(api, tokens, joint, 1, FIRST)
    ended = await refused(api, tokens, case_of(joint, 3))
    _, last = await asyncio.gather(followed(database, ended), answer(api, tokens, joint, 2, FIRST))
    assert last.status_code == 200, last.text
    assert len(await events(database, "survey_decided")) == 1
    assert (await mine(api, resident, joint))["survey"]["agreed_on"] == FIRST.isoformat()


async def test_a_company_proposes_days_where_nobody_has(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    company = provider(tokens, provider_ids[0])
    received = (await api.get(path_of(joint, RECEIVED_JOINT), headers=company)).json()
    both = await asyncio.gather(propose(api, company, received, SECOND), propose(api, resident, joint, FIRST))
    assert sorted(outcome(each) for each in both) == [(200, ""), (409, "survey_days_proposed_already")]
    seen = (await api.get(path_of(joint, RECEIVED_JOINT), headers=company)).json()
    assert seen["own_days"] == (seen["survey"]["days"] if both[0].is_success else None)
    outsider = provider(tokens, new_id())
    assert (await answer(api, tokens, {**joint, "branches": [{"provider_id": str(new_id())}]}, 1)).status_code == 403
    assert (await propose(api, outsider, received, FIRST)).status_code == 403


async def test_who_waits_for_no_appointment_proposes_no_days(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    await refused(api, tokens, case_of(joint, 1))
    company = provider(tokens, provider_ids[0])
    received = (await api.get(path_of(joint, RECEIVED_JOINT), headers=company)).json()
    assert outcome(await propose(api, company, received, FIRST)) == (409, "no_survey_wanted")
    for at in (2, 3):
        await refused(api, tokens, case_of(joint, at))
    assert outcome(await propose(api, resident, joint, FIRST)) == (409, "no_survey_wanted")


async def test_days_come_after_the_answers_and_were_proposed(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_ids: Sequence[UUID]
) -> None:
    joint = await filed(api, resident, provider_ids)
    for days in ((today(),), (in_days(1),), (in_days(181),), (FIRST, FIRST)):
        assert outcome(await propose(api, resident, joint, *days)) == (422, "bad_survey_days")
    assert outcome(await propose(api, resident, joint)) == (422, "invalid_request")
    assert outcome(await answer(api, tokens, joint, 1, FIRST)) == (422, "survey_day_not_proposed")
    assert (await propose(api, resident, joint, FIRST)).status_code == 200
    assert outcome(await answer(api, tokens, joint, 1, SECOND)) == (422, "survey_day_not_proposed")
