"""What svc_miniapps puts into a person's file."""

from chassis.db import new_id
from chassis.testing import Tokens
from kit.my_data import AUDIENCE, TYPE
from tests.svc_miniapps.stage import Stage


async def test_a_tester_takes_along_of_which_apps_they_are_one(stage: Stage, tokens: Tokens) -> None:
    app, tester = await stage.registered(), new_id()
    named = await stage.api.put(f"/miniapps/v1/apps/{app['app_id']}/testers/{tester}", headers=stage.team)
    assert named.status_code == 200
    release_id = await stage.draft(app)
    trial = await stage.post(f"releases/{release_id}/trials", stage.team, {"person_id": str(tester)})
    assert trial.status_code == 201, trial.text
    for person, apps, trials in ((tester, [app["app_id"]], [trial.json()["trial_id"]]), (new_id(), [], [])):
        ticket = tokens.sign(typ=TYPE, aud=AUDIENCE, sub=str(person))
        answer = await stage.api.get("/miniapps/v1/my-data", headers={"Authorization": f"Bearer {ticket}"})
        assert answer.status_code == 200, answer.text
        kinds = answer.json()["kinds"]
        assert [each["app_id"] for each in kinds["testers"]] == apps
        assert [each["id"] for each in kinds["trials"]] == trials
        assert not {"named_by", "created_by", "token_hash"} & {
            name for each in kinds.values() for row in each for name in row
        }
    refused = await stage.api.get("/miniapps/v1/my-data", headers=tokens.resident(tester))
    assert refused.status_code == 401
