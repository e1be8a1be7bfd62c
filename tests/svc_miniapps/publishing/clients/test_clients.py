"""A mini-app becomes an OAuth client by its team's request and a reviewer's approval, and is stopped at once."""

import asyncio
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from chassis.db import Database, new_id
from chassis.testing import emitted, once
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, YINING, Headers, Json, Stage, outcome

REQUEST = {
    "redirect_uris": ["https://parking.ili.gov.cn/callback"],
    "scopes": ["openid", "bills"],
    "reason": "显示停车账单",
}
SUSPENSION = {"reason": "网站被篡改"}


async def ask(stage: Stage, app: Json, caller: Headers | None = None, **changes: object) -> httpx.Response:
    path = f"/miniapps/v1/apps/{app['app_id']}/client-requests"
    return await stage.api.post(path, json={**REQUEST, **changes}, headers=(caller or stage.team) | once())


async def decide(stage: Stage, request: Json, step: str, caller: Headers | None = None) -> httpx.Response:
    usual = stage.team if step == "withdraw" else stage.reviewer
    path = f"/miniapps/v1/client-requests/{request['client_request_id']}/{step}"
    return await stage.api.post(path, headers=(caller or usual) | once())


async def suspend(stage: Stage, app: Json, caller: Headers | None = None) -> httpx.Response:
    path = f"/miniapps/v1/apps/{app['app_id']}/client/suspend"
    return await stage.api.post(path, json=SUSPENSION, headers=(caller or stage.team) | once())


async def approved(stage: Stage, app: Json, **changes: object) -> Json:
    asked = await ask(stage, app, None, **changes)
    assert asked.status_code == 201, asked.text
    answer = await decide(stage, asked.json(), "approve")
    assert answer.status_code == 200, answer.text
    request: Json = answer.json()
    return request


async def client_events(database: Database) -> list[dict[str, Any]]:
    async with database.read() as tx:
        return [event.data for event in await emitted(tx) if event.type == "cn.ili.miniapps.app.client_changed.v1"]


async def test_an_approved_request_makes_a_client(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    assert outcome(await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/client", headers=stage.team)) == (
        404,
        "not_found",
    )
    request = await approved(stage, app)
    assert (request["status"], request["scopes"]) == ("approved", ["openid", "bills"])
    shown = (await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/client", headers=stage.team)).json()
    assert (shown["client_id"], shown["suspended_at"]) == (f"miniapp-{app['app_id']}", None)
    assert await client_events(database) == [
        {
            "app_id": app["app_id"],
            "name": app["name"],
            "revision": 1,
            "redirect_uris": REQUEST["redirect_uris"],
            "scopes": REQUEST["scopes"],
            "suspended": False,
            "jwks": None,
        }
    ]


async def test_a_request_changes_nothing_before_its_approval(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await approved(stage, app)
    waiting = (await ask(stage, app, scopes=["openid", "pay"])).json()
    assert outcome(await ask(stage, app)) == (409, "client_request_waiting")
    assert (await decide(stage, waiting, "reject")).json()["status"] == "rejected"
    assert outcome(await decide(stage, waiting, "approve")) == (409, "illegal_move")
    withdrawn = (await ask(stage, app, scopes=["openid", "pay"])).json()
    assert (await decide(stage, withdrawn, "withdraw")).json()["status"] == "withdrawn"
    assert len(await client_events(database)) == 1


async def test_only_a_reviewer_of_another_organisation_approves(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    request = (await ask(stage, app)).json()
    colleague = stage.person(("reviewer", stage.team_organisation, PREFECTURE))
    author = new_id()
    both = stage.person(
        ("county_team", stage.team_organisation, YINING), ("reviewer", new_id(), PREFECTURE), person_id=author
    )
    assert outcome(await decide(stage, request, "approve", colleague)) == (403, "own_organisation")
    assert outcome(await decide(stage, request, "approve", both)) == (403, "own_organisation")
    assert outcome(await decide(stage, request, "approve", stage.team)) == (403, "not_allowed")
    assert await client_events(database) == []


async def test_one_who_changed_sides_does_not_approve_their_own_request(stage: Stage) -> None:
    app, author = await stage.registered(), new_id()
    then = await stage.colleague(person_id=author)
    request = (await ask(stage, app, then)).json()
    later = stage.person(("reviewer", new_id(), PREFECTURE), person_id=author)
    assert outcome(await decide(stage, request, "approve", later)) == (403, "own_submission")


async def test_a_team_or_a_reviewer_suspends_at_once_and_an_approval_lifts_it(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await approved(stage, app)
    for caller in (stage.team, stage.reviewer):
        assert (await suspend(stage, app, caller)).json()["suspension_reason"] == SUSPENSION["reason"]
        assert outcome(await suspend(stage, app, caller)) == (409, "client_already_suspended")
        await approved(stage, app)
    events = await client_events(database)
    assert [(event["revision"], event["suspended"]) for event in events] == [
        (1, False),
        (2, True),
        (3, False),
        (4, True),
        (5, False),
    ]


async def test_a_request_from_before_a_suspension_does_not_lift_it(stage: Stage) -> None:
    app = await stage.registered()
    await approved(stage, app)
    request = (await ask(stage, app)).json()
    await suspend(stage, app, stage.reviewer)
    assert outcome(await decide(stage, request, "approve")) == (409, "client_request_outdated")


async def test_another_county_neither_sees_nor_changes_it(stage: Stage) -> None:
    app, other = await stage.registered(), stage.team_of(KUYTUN)
    request = await approved(stage, app)
    waiting = (await ask(stage, app)).json()
    assert request["client_request_id"] != waiting["client_request_id"]
    for answer in (
        await ask(stage, app, other),
        await suspend(stage, app, other),
        await decide(stage, waiting, "withdraw", other),
        await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/client", headers=other),
        await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/client-requests", headers=other),
    ):
        assert outcome(answer) == (404, "not_found")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uris": ["https://parking.ili.gov.cn/a/../b"]}, "redirect_address_refused"),
        ({"redirect_uris": []}, "invalid_request"),
        ({"scopes": ["staff"]}, "invalid_request"),
        ({"scopes": ["openid", "openid"]}, "invalid_request"),
        ({"client_secret": "x"}, "invalid_request"),
    ],
)
async def test_what_no_client_may_have_is_refused(stage: Stage, changes: Json, code: str) -> None:
    app = await stage.registered()
    assert outcome(await ask(stage, app, **changes)) == (422, code)


async def test_of_requests_at_once_one_waits(stage: Stage) -> None:
    app = await stage.registered()
    answers = await asyncio.gather(*(ask(stage, app) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_reviewers_list_what_they_may_decide(stage: Stage) -> None:
    app = await stage.registered()
    request = (await ask(stage, app)).json()
    colleague = stage.person(("reviewer", stage.team_organisation, PREFECTURE))
    for caller, listed in ((stage.reviewer, [request["client_request_id"]]), (colleague, [])):
        answer = await stage.api.get("/miniapps/v1/client-requests", headers=caller)
        assert [item["client_request_id"] for item in answer.json()["items"]] == listed


def key(**changes: str) -> Json:
    return {**ECKey.generate_key("P-256").as_dict(private=False), "kid": "k1", **changes}


async def test_the_keys_of_its_server_reach_the_client_without_an_address(stage: Stage, database: Database) -> None:
    app, keys = await stage.registered(), {"keys": [key()]}
    request = await approved(stage, app, redirect_uris=[], jwks={**keys, "note": "ours"})
    kept = {"keys": [{**keys["keys"][0], "use": "sig"}]}
    assert request["jwks"] == kept
    shown = (await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/client", headers=stage.team)).json()
    assert (shown["jwks"], shown["redirect_uris"]) == (kept, [])
    (event,) = await client_events(database)
    assert (event["jwks"], event["redirect_uris"]) == (kept, [])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uris": []}, "invalid_request"),
        ({"jwks": {"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}}, "private_key_sent"),
        ({"jwks": {"keys": []}}, "bad_key_set"),
        ({"jwks": {}}, "bad_key_set"),
        ({"jwks": {"keys": [{"kty": "oct", "kid": "k", "k": "c2VjcmV0"}]}}, "private_key_sent"),
    ],
    ids=["neither", "private", "none", "no set", "symmetric"],
)
async def test_keys_that_nobody_may_sign_by_are_refused(stage: Stage, changes: Json, code: str) -> None:
    app = await stage.registered()
    assert outcome(await ask(stage, app, **changes)) == (422, code)
