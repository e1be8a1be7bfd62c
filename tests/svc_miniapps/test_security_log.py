"""Who lets a mini-app reach residents is in the security log, each step once, and never what people wrote."""

from tests.security_log import SecurityLog
from tests.svc_miniapps.stage import REASONS, Stage


async def test_each_step_of_a_release_is_one_line(stage: Stage, security_log: SecurityLog) -> None:
    security_log.must_not_hold("停车泊位", REASONS[0]["message"])
    app = await stage.registered()
    assert [kind for kind, _ in security_log.kinds()][:2] == ["team_founded", "app_registered"]
    security_log.forget()
    release_id = await stage.draft(app)
    for step in ("submit", "withdraw", "submit", "reject", "submit", "approve"):
        assert (await stage.step(release_id, step)).status_code == 200
    lines = security_log.lines()
    assert [line["kind"] for line in lines] == [
        *("release_submitted", "release_withdrawn", "release_submitted", "release_rejected", "release_submitted"),
        *("release_approved", "release_published"),
    ]
    assert {line["app_id"] for line in lines} == {app["app_id"]}
    assert {line.get("release_id") for line in lines} == {release_id}
    assert lines[3]["route"] == "/miniapps/v1/releases/{release_id}/reject"


async def test_a_refused_decision_leaves_only_its_refusal(stage: Stage, security_log: SecurityLog) -> None:
    release_id = await stage.draft(await stage.registered())
    await stage.step(release_id, "submit")
    own = stage.person(
        ("reviewer", stage.team_organisation, "654002"), ("county_team", stage.team_organisation, "654002")
    )
    security_log.forget()
    assert (await stage.step(release_id, "approve", own)).status_code == 403
    assert [kind for kind, _ in security_log.kinds()] == ["forbidden"]
