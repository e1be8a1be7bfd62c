"""Drafts save as they go; what is submitted is no draft any more."""

import asyncio
from uuid import UUID

import httpx

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from svc_services.cases.applications.drafts import MOST_DRAFTS, MOST_OPEN_ALIKE
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    FORM,
    KUYTUN,
    Case,
    Headers,
    acted,
    bound,
    draft,
    outcome,
    submit,
)
from tests.svc_services.providers.connections.companies import connected


async def save(api: httpx.AsyncClient, headers: Headers, case: Case, form: object) -> httpx.Response:
    path = f"{APPLICATIONS}/{case['application_id']}/form"
    return await api.put(path, json={"form": form}, headers=headers | {"If-Match": f'"{case["version"]}"'})


async def test_a_draft_saves_what_is_filled_in_so_far(
    api: httpx.AsyncClient, resident: Headers, provider_id: UUID
) -> None:
    begun = (await draft(api, resident, provider_id, form={})).json()
    assert (begun["status"], begun["state"], begun["steps"]) == ("draft", None, [])
    saved = await save(api, resident, begun, {"phone": "138"})
    assert (saved.status_code, saved.json()["form"]) == (200, {"phone": "138"})
    assert saved.headers["etag"] == f'"{saved.json()["version"]}"'
    for form, at in (({"phone": 138}, "/phone"), ({"pet": "cat"}, "/")):
        refused = await save(api, resident, saved.json(), form)
        assert (outcome(refused), refused.json()["errors"][0]["at"]) == ((422, "form_refused"), at)
    incomplete = await submit(api, resident, saved.json())
    assert outcome(incomplete) == (422, "form_refused")
    read = (await api.get(f"{APPLICATIONS}/{begun['application_id']}", headers=resident)).json()
    assert read == saved.json()


async def test_two_devices_lose_no_update(api: httpx.AsyncClient, resident: Headers, provider_id: UUID) -> None:
    begun = (await draft(api, resident, provider_id, form={})).json()
    answers = await asyncio.gather(*(save(api, resident, begun, {"address": f"No. {at}"}) for at in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    blind = await api.put(f"{APPLICATIONS}/{begun['application_id']}/form", json={"form": {}}, headers=resident)
    assert outcome(blind) == (428, "if_match_missing")


async def test_a_late_save_does_not_touch_a_case(api: httpx.AsyncClient, resident: Headers, provider_id: UUID) -> None:
    begun = (await draft(api, resident, provider_id)).json()
    answers = await asyncio.gather(submit(api, resident, begun), save(api, resident, begun, {"address": "elsewhere"}))
    assert sorted(answer.status_code for answer in answers) in ([200, 409], [200, 412])
    current = (await api.get(f"{APPLICATIONS}/{begun['application_id']}", headers=resident)).json()
    if current["status"] == "draft":
        await save(api, resident, current, FORM)
        current["version"] += 1
        current = (await submit(api, resident, current)).json()
    late = await save(api, resident, current, {"address": "elsewhere"})
    assert outcome(late) == (409, "application_already_submitted")
    gone = await api.delete(
        f"{APPLICATIONS}/{begun['application_id']}", headers=resident | {"If-Match": f'"{current["version"]}"'}
    )
    assert outcome(gone) == (409, "application_already_submitted")
    again = await submit(api, resident, current)
    assert outcome(again) == (409, "application_already_submitted")
    read = (await api.get(f"{APPLICATIONS}/{begun['application_id']}", headers=resident)).json()
    assert (read["status"], read["form"]) == ("open", FORM)


async def test_a_draft_is_its_authors_alone(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers, provider_id: UUID
) -> None:
    begun = (await draft(api, resident, provider_id)).json()
    path = f"{APPLICATIONS}/{begun['application_id']}"
    stranger = tokens.resident(new_id())
    assert (await api.get(path, headers=stranger)).status_code == 404
    assert (await save(api, stranger, begun, {})).status_code == 404
    assert (await submit(api, stranger, begun)).status_code == 404
    operator = tokens.staff("operator", division_code="654000", person_id=new_id())
    queued = path.replace("applications", "application-queue")
    assert (await api.get(queued, headers=operator)).status_code == 404
    removed = await api.delete(path, headers=resident | {"If-Match": f'"{begun["version"]}"'})
    assert removed.status_code == 204
    assert (await api.get(path, headers=resident)).status_code == 404


async def test_drafts_are_limited(api: httpx.AsyncClient, resident: Headers, provider_id: UUID) -> None:
    answers = await asyncio.gather(*(draft(api, resident, provider_id) for _ in range(MOST_DRAFTS + 3)))
    assert sorted(answer.status_code for answer in answers) == [201] * MOST_DRAFTS + [409] * 3
    assert {outcome(each) for each in answers if not each.is_success} == {(409, "too_many_drafts")}


async def test_one_applies_where_the_company_serves(
    api: httpx.AsyncClient, resident: Headers, provider_id: UUID
) -> None:
    for division_code in (KUYTUN, "654000"):
        elsewhere = await draft(api, resident, provider_id, division_code=division_code)
        assert outcome(elsewhere) == (422, "not_served_there")
    assert outcome(await draft(api, resident, provider_id, division_code="110000")) == (422, "unknown_division")
    assert outcome(await draft(api, resident, new_id())) == (422, "unknown_provider")
    season = await draft(api, resident, provider_id, kind="heating_stop")
    assert outcome(season) == (422, "no_workflow")


async def test_a_suspended_company_gets_no_applications(
    api: httpx.AsyncClient, tokens: Tokens, resident: Headers
) -> None:
    company = await connected(api, tokens)
    begun = (await draft(api, resident, company.id)).json()
    operator = tokens.staff("operator", person_id=new_id())
    suspended = await api.post(f"{company.path}/suspend", json={"reason": "attack"}, headers=operator | once())
    assert suspended.is_success
    assert outcome(await submit(api, resident, begun)) == (409, "provider_suspended")


async def test_an_account_is_bound_to_the_applicant(
    api: httpx.AsyncClient, database: Database, resident: Headers, provider_id: UUID, person_id: UUID
) -> None:
    closing = {"kind": "closure", "form": {"last_day": "2026-12-31"}}
    assert outcome(await draft(api, resident, provider_id, **closing)) == (422, "account_needed")
    number = await bound(database, new_id(), provider_id)
    foreign = await draft(api, resident, provider_id, account_number=number, **closing)
    assert outcome(foreign) == (403, "account_not_yours")
    own = await bound(database, person_id, provider_id, "2345678903")
    assert (await draft(api, resident, provider_id, account_number=own, **closing)).status_code == 201
    assert outcome(await draft(api, resident, provider_id, account_number=own)) == (422, "no_account_wanted")


async def test_ten_times_the_same_is_filed_once_and_the_open_case_is_named(
    api: httpx.AsyncClient, resident: Headers, provider_id: UUID
) -> None:
    written = ("解放西路1号", "伊宁市解放西路 1号", "解放西路１号", "解放西路1号。", "解放西路1号")
    drafts = [
        (await draft(api, resident, provider_id, form=FORM | {"address": address})).json() for address in written * 2
    ]
    answers = await asyncio.gather(*(submit(api, resident, each) for each in drafts))
    assert sorted(outcome(each) for each in answers) == [(200, ""), *[(409, "application_filed_already")] * 9]
    (filed,) = [each.json() for each in answers if each.status_code == 200]
    refused = [each.json() for each in answers if each.status_code == 409]
    assert {each["case_number"] for each in refused} == {filed["case_number"]}
    assert {each["application_id"] for each in refused} == {filed["application_id"]}
    assert filed["case_number"] in refused[0]["detail"]
    other = (await draft(api, resident, provider_id, form=FORM | {"address": "解放西路12号"})).json()
    assert (await submit(api, resident, other)).status_code == 200
    await acted(api, APPLICATIONS, resident, filed, "withdraw")
    late = next(each for each in drafts if each["application_id"] != filed["application_id"])
    assert (await submit(api, resident, late)).status_code == 200


async def test_one_person_fills_no_queue(api: httpx.AsyncClient, resident: Headers, provider_id: UUID) -> None:
    houses = [FORM | {"address": f"解放西路{house}号"} for house in range(MOST_OPEN_ALIKE + 3)]
    drafts = [(await draft(api, resident, provider_id, form=house)).json() for house in houses]
    answers = await asyncio.gather(*(submit(api, resident, each) for each in drafts))
    assert sorted(answer.status_code for answer in answers) == [200] * MOST_OPEN_ALIKE + [409] * 3
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"too_many_open"}
    filed = next(answer.json() for answer in answers if answer.status_code == 200)
    late = next(each for each, answer in zip(drafts, answers, strict=True) if answer.status_code == 409)
    await acted(api, APPLICATIONS, resident, filed, "withdraw")
    assert (await submit(api, resident, late)).status_code == 200
