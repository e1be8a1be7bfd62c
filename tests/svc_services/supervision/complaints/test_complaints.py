"""A complaint is filed, accepted, answered, disputed once and closed; each by who may."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import httpx

from chassis.db import Database, new_id
from chassis.inbox import AnyHandler, Received
from chassis.testing import Tokens
from svc_services.providers.own_company.models import CompanyOrganisation
from svc_services.supervision.complaints.consumers import HANDLERS
from tests.svc_services.cases.applications.cases import KUYTUN, decided
from tests.svc_services.supervision.complaints.filed import (
    COMPLAINTS,
    CONTACT,
    RECEIVED,
    SAID,
    TO_AUTHORITY,
    TO_PROVIDER,
    WORDS,
    about_service,
    answered,
    file,
    filed,
    office,
)
from tests.svc_services.supervision.scenes import Someone, at_noon, closing, done, events_of, post, refused


async def test_a_complaint_is_answered_by_its_provider_and_confirmed(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, company: Someone, person_id: UUID
) -> None:
    with at_noon("2026-03-02"):
        complaint_id = await filed(api, tokens, provider_id, person_id)
        new = (await api.get(f"{COMPLAINTS}/{complaint_id}", headers=tokens.resident(person_id))).json()
        assert (new["status"], new["limit_days"], new["due_on"]) == ("filed", 5, "2026-03-09")
        assert new["number"].startswith("TS20260302-")
        assert new["actions"] == ["withdraw"]
        assert refused(await api.get(f"{RECEIVED}/{complaint_id}", headers=company())) == (404, "not_found")
    with at_noon("2026-03-04"):
        accepted = await done(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_PROVIDER)
        assert (accepted["status"], accepted["handler"]) == ("handling", "provider")
        assert (accepted["limit_days"], accepted["consumed_days"], accepted["due_on"]) == (15, 0, "2026-03-25")
    with at_noon("2026-03-06"):
        shown = await done(api, f"{RECEIVED}/{complaint_id}/answer", company(), SAID)
        assert (shown["status"], shown["consumed_days"]) == ("answered", 2)
        again = await post(api, f"{RECEIVED}/{complaint_id}/answer", company(), SAID)
        assert refused(again) == (409, "illegal_move")
        closed = await done(api, f"{COMPLAINTS}/{complaint_id}/confirm", tokens.resident(person_id))
    assert (closed["status"], closed["actions"]) == ("closed", ["reopen"])
    assert [each["action"] for each in closed["entries"]] == ["file", "accept", "answer", "confirm"]
    assert {each["actor_id"] for each in closed["entries"]} == {None}
    moved = await events_of(database, "complaint")
    assert [each["action"] for each in moved] == ["file", "accept", "answer", "confirm"]
    assert WORDS not in str(moved)


async def test_who_only_reads_for_the_company_answers_nothing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    organisation_id = new_id()
    async with database.transaction() as tx:
        tx.add(CompanyOrganisation(organisation_id=organisation_id, provider_id=provider_id))
    complaint_id = await filed(api, tokens, provider_id, person_id)
    await done(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_PROVIDER)
    reader = tokens.staff("provider_operator", organisation_id=organisation_id, person_id=new_id())
    path = f"{RECEIVED}/{complaint_id}"
    assert (await api.get(path, headers=reader)).status_code == 200
    assert refused(await post(api, f"{path}/answer", reader, SAID)) == (403, "not_allowed")


async def test_the_company_learns_whom_to_call_only_with_consent(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, company: Someone
) -> None:
    for shared in (False, True):
        person_id = new_id()
        complaint_id = await filed(api, tokens, provider_id, person_id, contact=CONTACT, contact_shared=shared)
        accepted = await done(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_PROVIDER)
        assert accepted["contact"] == CONTACT
        seen = (await api.get(f"{RECEIVED}/{complaint_id}", headers=company())).json()
        assert seen["contact"] == (CONTACT if shared else None)
        assert seen["words"] == WORDS
        assert str(person_id) not in str(seen)
        listed = await api.get(RECEIVED, headers=company())
        assert str(person_id) not in listed.text
        assert CONTACT["phone"] not in listed.text
    reads = [each for each in await events_of(database, "personal_data") if each["action"] == "read_complaint"]
    assert {each["role"] for each in reads} == {"clerk", "provider_admin"}


async def test_only_the_division_and_the_company_concerned_reach_it(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, company: Someone, person_id: UUID
) -> None:
    complaint_id = await filed(api, tokens, provider_id, person_id)
    await done(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_PROVIDER)
    for headers in (office(tokens, division_code=KUYTUN), tokens.staff("provider_admin")):
        assert refused(await api.get(f"{RECEIVED}/{complaint_id}", headers=headers)) == (404, "not_found")
        assert (await api.get(RECEIVED, headers=headers)).json()["items"] == []
        answer = await post(api, f"{RECEIVED}/{complaint_id}/answer", headers, SAID)
        assert refused(answer) == (404, "not_found")
    by_clerk = await post(api, f"{RECEIVED}/{complaint_id}/answer", office(tokens), SAID)
    assert refused(by_clerk) == (403, "complaint_not_yours")
    stranger = await api.get(f"{COMPLAINTS}/{complaint_id}", headers=tokens.resident(new_id()))
    assert refused(stranger) == (404, "not_found")
    assert (await api.get(RECEIVED, headers=company())).json()["items"] != []


async def test_nobody_decides_their_own_or_on_their_own_company(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, company: Someone, person_id: UUID
) -> None:
    complaint_id = await filed(api, tokens, provider_id, person_id)
    own = await post(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens, person_id=person_id), TO_PROVIDER)
    assert refused(own) == (403, "second_person_needed")
    for action, body in (("refuse", SAID), ("accept", TO_AUTHORITY)):
        inside = await post(api, f"{RECEIVED}/{complaint_id}/{action}", insider(tokens, company), body)
        assert refused(inside) == (403, "own_company")
    await done(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_AUTHORITY)
    refusal = await post(api, f"{RECEIVED}/{complaint_id}/answer", company(), SAID)
    assert refused(refusal) == (403, "complaint_not_yours")


async def test_a_clerk_of_the_company_sees_what_the_company_does(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, company: Someone, person_id: UUID
) -> None:
    path = f"{RECEIVED}/{await filed(api, tokens, provider_id, person_id, contact=CONTACT)}"
    assert refused(await api.get(path, headers=insider(tokens, company))) == (404, "not_found")
    await done(api, f"{path}/accept", office(tokens), TO_PROVIDER)
    seen = (await api.get(path, headers=insider(tokens, company))).json()
    assert (seen["contact"], {each["actor_id"] for each in seen["entries"]}) == (None, {None})
    assert (await api.get(path, headers=office(tokens))).json()["contact"] == CONTACT


def insider(tokens: Tokens, company: Someone) -> dict[str, str]:
    """A clerk of the division in the organisation of the company."""
    organisation_id = company.keywords["organisation_id"]  # type: ignore[attr-defined]
    return tokens.staff("clerk", division_code="654002", organisation_id=organisation_id, person_id=new_id())


async def test_who_took_a_step_of_the_case_decides_no_complaint_about_it(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    involved = new_id()
    case = await closing(api, tokens, database, provider_id, person_id)
    case = await decided(api, office(tokens, person_id=involved), case, "accept")
    body = {"subject": "application", "application_id": case["application_id"], "words": WORDS}
    new = (await file(api, tokens.resident(person_id), body)).json()
    assert (new["subject_verified"], new["provider_id"]) == (True, str(provider_id))
    path = f"{RECEIVED}/{new['complaint_id']}"
    answer = await post(api, f"{path}/accept", office(tokens, person_id=involved), TO_PROVIDER)
    assert refused(answer) == (403, "second_person_needed")
    stranger = await file(api, tokens.resident(new_id()), body)
    assert refused(stranger) == (404, "not_found")


async def test_two_clerks_never_both_decide(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID
) -> None:
    complaint_id = await filed(api, tokens, provider_id, person_id)
    answers = await asyncio.gather(
        post(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_PROVIDER),
        post(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_AUTHORITY),
        post(api, f"{RECEIVED}/{complaint_id}/refuse", office(tokens), SAID),
        post(api, f"{COMPLAINTS}/{complaint_id}/withdraw", tokens.resident(person_id)),
    )
    statuses = sorted(each.status_code for each in answers)
    accepted = [each for each in answers[:2] if each.status_code == 200]
    # Who withdraws after an acceptance succeeds too; no two clerks do.
    assert statuses in ([200, 409, 409, 409], [200, 200, 409, 409])
    assert len(accepted) <= 1
    assert sum(each.status_code == 200 for each in answers[:3]) <= 1


async def test_a_dispute_goes_to_an_operator_who_had_no_part(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, company: Someone, person_id: UUID
) -> None:
    complaint_id, first = await filed(api, tokens, provider_id, person_id), new_id()
    path, mine = f"{RECEIVED}/{complaint_id}", f"{COMPLAINTS}/{complaint_id}"
    await done(api, f"{path}/accept", office(tokens, "operator", first), TO_PROVIDER)
    await done(api, f"{path}/answer", company(), SAID)
    disputed = await done(api, f"{mine}/dispute", tokens.resident(person_id), {"words": "still brown"})
    assert (disputed["status"], disputed["limit_days"], disputed["consumed_days"]) == ("disputed", 15, 0)
    for headers, code in (
        (company(), "not_your_division"),
        (office(tokens), "not_your_division"),
        (office(tokens, "operator", first), "second_person_needed"),
    ):
        answer = await post(api, f"{path}/answer", headers, SAID)
        assert refused(answer)[1] == code
    second = new_id()
    final = await done(api, f"{path}/answer", office(tokens, "operator", second), {"words": "the pipe is replaced"})
    assert final["status"] == "answered"
    again = await post(api, f"{mine}/dispute", tokens.resident(person_id), {"words": "no"})
    assert refused(again) == (409, "complaint_disputed_already")
    said = {"outcome": "unsatisfied", "words": "they want money back"}
    themselves = await post(api, f"{path}/call-back", office(tokens, "operator", second), said)
    assert refused(themselves) == (403, "second_person_needed")
    closed = await done(api, f"{path}/call-back", office(tokens), said)
    assert (closed["status"], closed["entries"][-1]["outcome"]) == ("closed", "unsatisfied")


async def test_a_call_back_that_finds_it_unsettled_is_a_dispute(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, company: Someone, person_id: UUID
) -> None:
    complaint_id = await filed(api, tokens, provider_id, person_id)
    path = f"{RECEIVED}/{complaint_id}"
    early = await post(api, f"{path}/call-back", office(tokens), {"outcome": "satisfied", "words": "fine"})
    assert refused(early) == (409, "illegal_move")
    await answered(api, tokens, company, complaint_id)
    away = await done(api, f"{path}/call-back", office(tokens), {"outcome": "unreachable", "words": "no answer"})
    assert away["status"] == "answered"
    unsettled = await done(api, f"{path}/call-back", office(tokens), {"outcome": "unsatisfied", "words": "brown"})
    assert unsettled["status"] == "disputed"
    again = await post(api, f"{COMPLAINTS}/{complaint_id}/dispute", tokens.resident(person_id), SAID)
    assert refused(again) == (409, "illegal_move")


async def test_what_was_written_is_erased_with_the_account(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, company: Someone, person_id: UUID
) -> None:
    still_open = await filed(api, tokens, provider_id, person_id, contact=CONTACT)
    at_company = about_service(provider_id, subject="bill", bill_id=str(new_id()))
    done_one = (await file(api, tokens.resident(person_id), at_company)).json()["complaint_id"]
    await answered(api, tokens, company, done_one)
    handler: AnyHandler = HANDLERS[0]
    event = handler.data.model_validate({"person_id": str(person_id)})
    for _ in range(2):
        async with database.transaction() as tx:
            await handler.handle(tx, Received(new_id(), handler.event_type, datetime.now(UTC), event))
    for complaint_id, status in ((still_open, "withdrawn"), (done_one, "closed")):
        seen = (await api.get(f"{RECEIVED}/{complaint_id}", headers=office(tokens))).json()
        assert (seen["status"], seen["words"], seen["contact"], seen["subject_ref"]) == (status, None, None, None)
        assert {each["words"] for each in seen["entries"]} == {None}
