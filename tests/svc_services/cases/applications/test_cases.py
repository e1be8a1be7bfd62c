"""Cases run by their workflow: who may do what, in which division, once."""

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx
import time_machine

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, emitted
from kit.calendar import today
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    FORM,
    KUYTUN,
    NEW_ACCOUNT,
    QUEUE,
    RECEIVED,
    Headers,
    act,
    acted,
    bound,
    claim,
    clerk,
    decided,
    draft,
    heard,
    outcome,
    provider,
    submit,
    submitted,
)
from tests.svc_services.companies import approved

BEYOND = (403, "not_your_division")


async def test_an_appointment_may_have_hours(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    company = provider(tokens, provider_id)
    case = await decided(api, clerk(tokens), await submitted(api, resident, provider_id), "accept")
    day = {"appointment_on": f"{today() + timedelta(days=3)}"}
    for hours, code in (
        ({"appointment_from": "11:00", "appointment_to": "09:30"}, "bad_appointment_hours"),
        ({"appointment_from": "09:30", "appointment_to": "09:30"}, "bad_appointment_hours"),
        ({"appointment_from": "09:30"}, "bad_appointment_hours"),
        ({"appointment_to": "09:30"}, "bad_appointment_hours"),
        ({"appointment_from": "9:30", "appointment_to": "11:00"}, "invalid_request"),
        ({"appointment_from": "24:00", "appointment_to": "11:00"}, "invalid_request"),
        ({"appointment_from": "٠٩:٣٠", "appointment_to": "11:00"}, "invalid_request"),
        ({"appointment_from": 3600, "appointment_to": "11:00"}, "invalid_request"),
        ({"appointment_from": "09:30+08:00", "appointment_to": "11:00"}, "invalid_request"),
    ):
        refused = await act(api, RECEIVED, company, case, "appoint_survey", **day, **hours)
        assert outcome(refused) == (422, code), hours
    hours = {"appointment_from": "09:30", "appointment_to": "11:00"}
    without_day = await act(api, RECEIVED, company, case, "appoint_survey", **hours)
    assert outcome(without_day) == (422, "action_incomplete")
    await acted(api, RECEIVED, company, case, "appoint_survey", **day, **hours)
    mine = (await api.get(f"{APPLICATIONS}/{case['application_id']}", headers=resident)).json()
    step = mine["steps"][-1]
    assert {name: step[name] for name in (*day, *hours)} == day | hours
    assert {mine["steps"][0][name] for name in hours} == {None}


async def test_a_connection_from_form_to_activation(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, resident: Headers, provider_id: UUID
) -> None:
    company = provider(tokens, provider_id)
    case = await submitted(api, resident, provider_id)
    assert (case["state"], case["held_by"], case["promised_on"] is not None) == ("submitted", "clerk", True)
    case = await decided(api, clerk(tokens), case, "request_correction", reason="which door?")
    assert (case["state"], case["clock_runs"], case["promised_on"]) == ("correction", False, None)
    case = await acted(api, APPLICATIONS, resident, case, "correct", form=FORM | {"note": "the red one"})
    assert (case["form"]["note"], case["clock_runs"]) == ("the red one", True)
    case = await decided(api, clerk(tokens), case, "accept")
    case = await acted(api, RECEIVED, company, case, "appoint_survey", appointment_on=f"{today() + timedelta(days=3)}")
    case = await acted(api, RECEIVED, company, case, "survey")
    case = await acted(api, RECEIVED, company, case, "quote", amount_fen=120_000)
    assert (case["held_by"], case["actions"]) == ("citizen", ["quote"])
    case = await acted(api, APPLICATIONS, resident, case, "agree")
    assert (case["held_by"], case["state"]) == ("citizen", "payment")
    await heard(database, case, "paid", 1)
    case = (await api.get(f"{RECEIVED}/{case['application_id']}", headers=company)).json()
    case = await acted(api, RECEIVED, company, case, "construct")
    case = await acted(api, RECEIVED, company, case, "inspect")
    case = await acted(api, RECEIVED, company, case, "activate", account_number=NEW_ACCOUNT)
    assert (case["status"], case["state"], case["held_by"]) == ("ended", "completed", None)
    mine = (await api.get(f"{APPLICATIONS}/{case['application_id']}", headers=resident)).json()
    steps = [(step["action"], step["actor"], step["to_state"]) for step in mine["steps"]]
    assert steps[:3] == [
        ("submit", "citizen", "submitted"),
        ("request_correction", "clerk", "correction"),
        ("correct", "citizen", "submitted"),
    ]
    assert (len(steps), mine["steps"][1]["reason"], mine["steps"][6]["amount_fen"]) == (12, "which door?", 120_000)
    assert {step["actor_id"] for step in mine["steps"]} == {None}
    async with database.read() as tx:
        events = [each for each in await emitted(tx) if each.type.endswith(".application.moved.v1")]
    assert [each.data["to_state"] for each in events] == [step["to_state"] for step in mine["steps"]]
    assert "解放西路" not in str(events)


async def test_no_state_is_skipped_and_no_step_is_anothers(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    company = provider(tokens, provider_id)
    assert outcome(await act(api, RECEIVED, company, case, "activate")) == (409, "action_not_possible")
    assert outcome(await act(api, APPLICATIONS, resident, case, "accept")) == (403, "action_not_yours")
    assert outcome(await act(api, RECEIVED, company, case, "withdraw")) == (403, "action_not_yours")
    refused = await act(api, RECEIVED, company, case, "refuse")
    assert (outcome(refused), refused.json()["missing"]) == ((422, "action_incomplete"), ["reason"])
    surplus = await act(api, RECEIVED, company, case, "accept", amount_fen=5)
    assert (outcome(surplus), surplus.json()["surplus"]) == ((422, "not_part_of_action"), ["amount"])
    stale = await act(api, RECEIVED, company, {**case, "version": case["version"] - 1}, "accept")
    assert outcome(stale) == (412, "edited_meanwhile")
    current = (await api.get(f"{RECEIVED}/{case['application_id']}", headers=company)).json()
    assert (current["state"], len(current["steps"])) == ("submitted", 1)


async def test_a_provider_sees_and_decides_its_own_cases(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    own, other = provider(tokens, provider_id), provider(tokens, await approved(api, tokens))
    assert (await api.get(f"{RECEIVED}/{case['application_id']}", headers=other)).status_code == 404
    assert (await act(api, RECEIVED, other, case, "accept")).status_code == 404
    listed = [(await api.get(RECEIVED, headers=each)).json()["items"] for each in (own, other)]
    assert [len(each) for each in listed] == [1, 0]
    stranger = tokens.resident(new_id())
    assert (await api.get(f"{APPLICATIONS}/{case['application_id']}", headers=stranger)).status_code == 404
    assert (await act(api, APPLICATIONS, stranger, case, "withdraw")).status_code == 404


async def test_a_clerk_reaches_the_cases_of_their_division(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    here, there = clerk(tokens), clerk(tokens, KUYTUN)
    path = f"{QUEUE}/{case['application_id']}"
    refused = [await api.get(path, headers=there), await claim(api, there, case)]
    refused.append(await act(api, QUEUE, there, case, "accept"))
    assert [outcome(each) for each in refused] == [BEYOND] * 3
    listed = [(await api.get(QUEUE, headers=each)).json()["items"] for each in (here, there)]
    assert [[each["application_id"] for each in items] for items in listed] == [[case["application_id"]], []]
    assert (await api.get(path, headers=here)).json()["form"] == FORM


async def test_two_clerks_never_decide_one_case(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    clerks = [clerk(tokens) for _ in range(4)]
    assert outcome(await act(api, QUEUE, clerks[0], case, "accept")) == (409, "claim_needed")
    claims = await asyncio.gather(*(claim(api, each, case) for each in clerks))
    assert sorted(answer.status_code for answer in claims) == [200, 409, 409, 409]
    winner = next(each for each, answer in zip(clerks, claims, strict=True) if answer.is_success)
    losers = [each for each in clerks if each is not winner]
    for headers, base in ((losers[0], QUEUE), (provider(tokens, provider_id), RECEIVED)):
        assert outcome(await act(api, base, headers, case, "accept")) == (409, "claimed_by_another")
    answers = await asyncio.gather(
        act(api, QUEUE, winner, case, "accept"), act(api, QUEUE, winner, case, "refuse", reason="no pipe")
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_a_claim_expires_and_is_released(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    first_id, second_id = new_id(), new_id()

    def as_clerk(person_id: UUID) -> Headers:
        return tokens.staff("clerk", division_code="654002", person_id=person_id)

    assert (await claim(api, as_clerk(first_id), case)).json()["claimed_until"] is not None
    with time_machine.travel(now() + timedelta(minutes=31)):
        late = await act(api, QUEUE, as_clerk(first_id), case, "accept")
        assert outcome(late) == (409, "claim_needed")
        assert (await claim(api, as_clerk(second_id), case)).status_code == 200
        assert outcome(await claim(api, as_clerk(first_id), case)) == (409, "claimed_by_another")
        path = f"{QUEUE}/{case['application_id']}/release"
        held = await api.post(path, headers=as_clerk(first_id) | {"Idempotency-Key": "a"})
        assert outcome(held) == (409, "claimed_by_another")
        freed = await api.post(path, headers=as_clerk(second_id) | {"Idempotency-Key": "b"})
        assert (freed.status_code, freed.json()["claimed_until"]) == (200, None)
        assert (await claim(api, as_clerk(first_id), case)).status_code == 200


async def test_nobody_of_staff_decides_their_own_application(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    self_serving = tokens.staff("clerk", division_code="654002", person_id=person_id)
    assert outcome(await claim(api, self_serving, case)) == (403, "second_person_needed")
    assert outcome(await act(api, QUEUE, self_serving, case, "accept")) == (409, "claim_needed")


async def test_an_appeal_is_decided_by_somebody_else(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    case = await submitted(api, resident, provider_id)
    organisation, person = new_id(), new_id()
    role = {"organisation_id": str(organisation), "division_code": "654002"}
    both = [{**role, "role": name} for name in ("clerk", "operator")]
    signed = tokens.sign(sub=str(person), assurance_level=2, memberships=both)
    first = {"Authorization": f"Bearer {signed}"}
    case = await decided(api, first, case, "refuse", reason="no pipe there")
    assert case["status"] == "ended"
    assert outcome(await claim(api, clerk(tokens), case)) == (409, "nothing_to_claim")
    case = await acted(api, APPLICATIONS, resident, case, "appeal", reason="there is one")
    assert (case["status"], case["held_by"]) == ("open", "operator")
    assert outcome(await claim(api, first, case)) == (403, "second_person_needed")
    case = await decided(api, clerk(tokens, role="operator"), case, "reopen", reason="there is a pipe")
    assert (case["status"], case["state"]) == ("open", "submitted")
    withdrawn = await acted(api, APPLICATIONS, resident, case, "withdraw")
    assert (withdrawn["status"], withdrawn["actions"]) == ("ended", [])


async def test_an_account_has_one_open_application_of_a_kind(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    resident: Headers,
    provider_id: UUID,
    person_id: UUID,
) -> None:
    number = await bound(database, person_id, provider_id)
    closing = {"kind": "closure", "form": {"last_day": "2026-12-31"}, "account_number": number}
    drafts = [(await draft(api, resident, provider_id, **closing)).json() for _ in range(4)]
    answers = await asyncio.gather(*(submit(api, resident, each) for each in drafts))
    assert sorted(outcome(each) for each in answers) == [(200, ""), *[(409, "application_filed_already")] * 3]
    other = {"kind": "change", "form": {"change": "meter"}, "account_number": number}
    assert (await submitted(api, resident, provider_id, **other))["state"] == "submitted"
    open_case = next(answer.json() for answer in answers if answer.is_success)
    refused = await acted(api, RECEIVED, provider(tokens, provider_id), open_case, "refuse", reason="debts")
    left = next(each for each, answer in zip(drafts, answers, strict=True) if not answer.is_success)
    assert (await submit(api, resident, left)).status_code == 200
    appeal = await act(api, APPLICATIONS, resident, refused, "appeal", reason="paid")
    assert outcome(appeal) == (409, "application_open_already")
