"""What a team may use: read by the team, changed by two operators, and enforced at each upload."""

import asyncio

import httpx

from tests.svc_miniapps.stage import KUYTUN, YINING, Headers, Json, Stage, outcome, package_of

REASON = {"reason": "新增三个应用"}


async def propose(stage: Stage, team_id: str, caller: Headers | None = None, **quotas: int) -> httpx.Response:
    return await stage.post(f"teams/{team_id}/quota-changes", caller or stage.operator, REASON | quotas)


async def step(stage: Stage, change: Json, name: str, caller: Headers) -> httpx.Response:
    return await stage.post(f"quota-changes/{change['quota_change_id']}/{name}", caller)


async def changed(stage: Stage, **quotas: int) -> Json:
    """Other quotas of the usual team."""
    proposed = await propose(stage, (await stage.teams())[0]["team_id"], None, **quotas)
    assert proposed.status_code == 201, proposed.text
    answer = await step(stage, proposed.json(), "approve", stage.second_operator)
    assert answer.status_code == 200, answer.text
    change: Json = answer.json()
    return change


async def quotas(stage: Stage, team_id: str, caller: Headers | None = None) -> httpx.Response:
    return await stage.api.get(f"/miniapps/v1/teams/{team_id}/quotas", headers=caller or stage.team)


async def test_a_team_reads_what_it_uses(stage: Stage) -> None:
    app = await stage.registered()
    await stage.draft(app)
    team_id = (await stage.teams())[0]["team_id"]
    found = (await quotas(stage, team_id)).json()
    size = len(package_of(app))
    assert found == {
        "team_id": team_id,
        "apps": {"limit": 50, "used": 1},
        "members": {"limit": 100, "used": 1},
        "uploads_today": {"limit": 50, "used": 1},
        "storage_bytes": {"limit": 2_000_000_000, "used": size},
    }
    assert (await quotas(stage, team_id, stage.operator)).json() == found
    elsewhere = stage.tokens.staff("operator", division_code=KUYTUN)
    for caller in (stage.team_of(YINING), elsewhere):
        assert outcome(await quotas(stage, team_id, caller)) == (404, "not_found")


async def test_two_operators_change_them_and_no_other_proposal_waits(stage: Stage) -> None:
    await stage.registered()
    team_id = (await stage.teams())[0]["team_id"]
    proposed = (await propose(stage, team_id, app_quota=60)).json()
    assert (proposed["app_quota"], proposed["upload_quota"]) == (60, 50)
    assert outcome(await propose(stage, team_id, app_quota=70)) == (409, "quota_change_proposed")
    assert (await quotas(stage, team_id)).json()["apps"]["limit"] == 50
    assert outcome(await step(stage, proposed, "approve", stage.operator)) == (403, "second_person_needed")
    answers = await asyncio.gather(
        *(step(stage, proposed, name, stage.second_operator) for name in ("approve", "reject", "approve"))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    decided = next(answer.json()["status"] for answer in answers if answer.status_code == 200)
    assert (await quotas(stage, team_id)).json()["apps"]["limit"] == {"approved": 60, "rejected": 50}[decided]
    listed = await stage.api.get(
        "/miniapps/v1/quota-changes", params={"status": decided}, headers=stage.tokens.staff("operator")
    )
    assert [each["quota_change_id"] for each in listed.json()["items"]] == [proposed["quota_change_id"]]
    elsewhere = stage.tokens.staff("operator", division_code=KUYTUN)
    assert outcome(await propose(stage, team_id, elsewhere, app_quota=70)) == (403, "not_your_division")


async def test_packages_of_a_day_are_counted_also_for_uploads_at_once(stage: Stage) -> None:
    apps = [await stage.registered(name=name) for name in ("停车泊位", "公交到站", "图书馆")]
    await changed(stage, upload_quota=2)
    answers = await asyncio.gather(*(stage.upload(app) for app in apps))
    refused = [outcome(answer) for answer in answers if answer.status_code != 201]
    assert refused == [(409, "upload_quota_reached")]
    await changed(stage, upload_quota=3)
    assert sorted([(await stage.upload(app)).status_code for app in apps]) == [200, 200, 201]


async def test_storage_is_bounded(stage: Stage) -> None:
    app = await stage.registered()
    await changed(stage, storage_quota_mb=1)
    assert (await stage.upload(app)).status_code == 201
    team = (await stage.teams())[0]
    assert (team["upload_quota"], team["storage_quota_mb"]) == (50, 1)
