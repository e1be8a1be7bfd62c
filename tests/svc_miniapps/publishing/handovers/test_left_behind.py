"""Nothing of the team before stays with an app that is handed over: its testers, their trials, its open uploads."""

from uuid import UUID

from chassis.db import Database, new_id
from svc_miniapps.publishing.uploads.models import PackageUpload
from tests.svc_miniapps.publishing.handovers.test_handovers import Other, proposed, step
from tests.svc_miniapps.publishing.uploads.test_resumable import begun, send
from tests.svc_miniapps.stage import Json, Stage, outcome, package_of


async def opened(stage: Stage, app: Json, tester: UUID) -> tuple[Json, Json]:
    """A trial that its tester has opened."""
    release_id = await stage.draft(app)
    trial = await stage.post(f"releases/{release_id}/trials", stage.team, {"person_id": str(tester)})
    assert trial.status_code == 201, trial.text
    answer = await stage.post("trials/open", stage.tokens.resident(tester), {"token": trial.json()["token"]})
    assert answer.status_code == 200, answer.text
    return trial.json(), answer.json()


async def test_testers_and_their_trials_end_with_the_hand_over(stage: Stage) -> None:
    other, app, apart, tester = Other(stage), await stage.registered(), await stage.registered(name="图书馆"), new_id()
    for each in (app, apart):
        path = f"/miniapps/v1/apps/{each['app_id']}/testers/{tester}"
        assert (await stage.api.put(path, headers=stage.team)).status_code == 200
    trial, running = await opened(stage, app, tester)
    _, running_apart = await opened(stage, apart, tester)
    person = stage.tokens.resident(tester)
    assert (await stage.api.get(running["package_url"], headers=person)).status_code == 200
    handover = await proposed(stage, other, app)
    assert (await stage.api.get(running["package_url"], headers=person)).status_code == 200  # nothing is decided yet
    assert (await step(stage, handover, "accept", other.lead)).json()["status"] == "completed"
    assert outcome(await stage.api.get(running["package_url"], headers=person)) == (404, "trial_not_open")
    again = await stage.post("trials/open", person, {"token": trial["token"]})
    assert outcome(again) == (404, "trial_not_open")
    listed = await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/testers", headers=other.lead)
    assert listed.json()["items"] == []
    assert (await stage.api.get(running_apart["package_url"], headers=person)).status_code == 200


async def test_an_unfinished_upload_ends_with_the_hand_over(stage: Stage, database: Database) -> None:
    other, app = Other(stage), await stage.registered()
    content = package_of(app)
    path = await begun(stage, app, len(content))
    await send(stage, path, content[:100], 0, last=False)
    handover = await proposed(stage, other, app)
    assert (await step(stage, handover, "accept", other.lead)).json()["status"] == "completed"
    for caller in (stage.team, other.lead):
        assert (await stage.api.get(path, headers=caller)).status_code == 404
    async with database.read() as tx:
        assert await tx.get(PackageUpload, path.rpartition("/")[2]) is None
