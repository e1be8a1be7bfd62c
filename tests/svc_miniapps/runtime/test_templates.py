"""What an app may send is submitted by its team and approved by a reviewer of another organisation."""

from typing import Any

import pytest

from chassis.db import new_id
from tests.svc_miniapps.runtime.scene import FIELDS, TEXTS, Resident, Runtime
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, YINING, outcome


async def test_a_template_is_offered_once_it_is_approved(runtime: Runtime) -> None:
    app, resident = await runtime.app(), Resident()
    path = f"/miniapps/v1/me/apps/{app['app_id']}/message-templates"
    headers = runtime.tokens.resident(resident.person_id)
    submitted = (await runtime.submit(app)).json()
    assert (await runtime.api.get(path, headers=headers)).json() == {"items": []}
    assert outcome(await runtime.agree(resident, app, submitted)) == (404, "not_found")
    assert (await runtime.decide(submitted, "approve")).json()["status"] == "approved"
    (offered,) = (await runtime.api.get(path, headers=headers, params={"language": "kk-Arab"})).json()["items"]
    assert (offered["title"], offered["labels"]) == (TEXTS[1]["title"], ["شارۋا", "ٴنومىرى", "كۇنى"])
    assert (offered["unused"], offered["most_unused"]) == (0, 5)


async def test_nobody_of_the_own_organisation_approves(runtime: Runtime) -> None:
    app, stage = await runtime.app(), runtime.stage
    template = (await runtime.submit(app)).json()
    colleague = stage.person(("reviewer", stage.team_organisation, PREFECTURE))
    elsewhere = stage.person(("reviewer", new_id(), KUYTUN))
    assert outcome(await runtime.decide(template, "approve", colleague)) == (403, "own_organisation")
    assert outcome(await runtime.decide(template, "approve", elsewhere)) == (403, "not_your_division")
    assert outcome(await runtime.decide(template, "approve", stage.team)) == (403, "not_allowed")
    author = new_id()
    then = await stage.colleague(person_id=author)
    own = (await runtime.submit(app, then)).json()
    later = stage.person(("reviewer", new_id(), PREFECTURE), person_id=author)
    assert outcome(await runtime.decide(own, "approve", later)) == (403, "own_submission")


async def test_a_decision_is_final_and_other_teams_see_nothing(runtime: Runtime) -> None:
    app, stage = await runtime.app(), runtime.stage
    rejected = (await runtime.submit(app)).json()
    reason = {"reason": "请说明日期的含义"}
    assert (await runtime.decide(rejected, "reject", body=reason)).json()["reason"] == reason["reason"]
    assert outcome(await runtime.decide(rejected, "approve")) == (409, "illegal_move")
    withdrawn = (await runtime.submit(app)).json()
    stranger = stage.team_of(YINING)
    assert outcome(await runtime.decide(withdrawn, "withdraw", stranger)) == (404, "not_found")
    assert outcome(await runtime.decide(withdrawn, "retire", stranger)) == (404, "not_found")
    assert (await runtime.decide(withdrawn, "withdraw")).json()["status"] == "withdrawn"
    path = f"/miniapps/v1/apps/{app['app_id']}/message-templates"
    assert outcome(await runtime.api.get(path, headers=stranger)) == (404, "not_found")
    shown = (await runtime.api.get(path, headers=stage.team)).json()["items"]
    assert [each["status"] for each in shown] == ["withdrawn", "rejected"]
    queue = await runtime.api.get("/miniapps/v1/message-templates", headers=stage.reviewer)
    assert queue.json()["items"] == []


async def test_a_reviewer_retires_a_template_at_once(runtime: Runtime) -> None:
    app, resident = await runtime.app(), Resident()
    template = await runtime.template(app)
    await runtime.agreed(resident, app, template)
    assert (await runtime.decide(template, "retire", runtime.stage.reviewer)).json()["status"] == "retired"
    assert outcome(await runtime.send(app, resident.openid(app), template)) == (404, "not_found")
    assert await runtime.consents(resident) == ["ended"]


@pytest.mark.parametrize(
    "changes",
    [
        {"no_advertising": False},
        {"fields": [{"name": "matter", "kind": "word", "max_length": 21}]},
        {"fields": [FIELDS[0], FIELDS[0]]},
        {"fields": FIELDS[:2]},
        {"fields": [{"name": f"field_{number}", "kind": "word"} for number in range(7)]},
        {"texts": [TEXTS[0] | {"title": "详见 www.example.com"}, TEXTS[1]]},
        {"texts": [TEXTS[0] | {"title": "致电 0999-8012345"}, TEXTS[1]]},
        {"texts": [TEXTS[0] | {"title": "隐\u202e藏"}, TEXTS[1]]},
        {"texts": [*TEXTS, TEXTS[0]]},
        {"page": "https://example.com/"},
        {"page": "../pages/index"},
        {"page": "pages/index?x=1"},
        {"free_text": "x"},
    ],
)
async def test_a_template_leads_nowhere_and_has_few_fields(runtime: Runtime, changes: dict[str, Any]) -> None:
    app = await runtime.stage.registered()
    assert outcome(await runtime.submit(app, **changes)) == (422, "invalid_request")


async def test_every_language_of_the_app_has_its_text(runtime: Runtime) -> None:
    app = await runtime.stage.registered()
    assert outcome(await runtime.submit(app, texts=TEXTS[:1])) == (422, "texts_missing")


async def test_an_app_has_at_most_twenty_templates(runtime: Runtime) -> None:
    app = await runtime.stage.registered()
    first = (await runtime.submit(app)).json()
    for _ in range(19):
        assert (await runtime.submit(app)).status_code == 201
    assert outcome(await runtime.submit(app)) == (409, "too_many_templates")
    assert (await runtime.decide(first, "withdraw")).status_code == 200
    assert (await runtime.submit(app)).status_code == 201
