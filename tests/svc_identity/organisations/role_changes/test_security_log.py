"""Every change of a role is one line of the security log, written once it has happened."""

from chassis.testing import once
from tests.security_log import SecurityLog
from tests.svc_identity.conftest import new_phone
from tests.svc_identity.organisations.role_changes.conftest import Platform
from tests.svc_identity.organisations.role_changes.requests import decide, granted, propose_grant, propose_removal
from tests.svc_identity.organisations.test_organisations import ORGANISATIONS, add, create


async def test_who_proposed_and_who_approved_is_in_the_log(platform: Platform, security_log: SecurityLog) -> None:
    _, phone, _ = await platform.person()
    security_log.must_not_hold(phone, "joins", "leaves", "张三")
    security_log.forget()
    change = await granted(platform.api, (platform.first, platform.second), platform.id, phone, "auditor")
    proposed, done = security_log.lines()
    assert (proposed["kind"], proposed["reason"]) == ("role_proposed", "grant")
    assert (done["kind"], done["reason"], done["role"]) == ("role_granted", "by_people", "auditor")
    names = ("role_change_id", "organisation_id", "person_id", "proposed_by", "decided_by")
    assert {name: done[name] for name in names} == {name: change[name] for name in names}
    assert done["subject"] == change["decided_by"]
    removal = await propose_removal(platform.api, platform.second, platform.id, change["membership_id"])
    await decide(platform.api, platform.first, removal.json()["role_change_id"], "approve")
    assert security_log.kinds() == [("role_proposed", "removal"), ("role_removed", "by_people")]


async def test_the_first_operator_by_command_registers_the_platform(
    security_log: SecurityLog, platform: Platform
) -> None:
    assert platform.id
    kinds = [kind for kind in security_log.kinds() if kind[0] in {"organisation_registered", "role_granted"}]
    assert kinds == [
        ("organisation_registered", "platform"),
        ("role_granted", "by_command"),
        ("role_granted", "by_command"),
    ]


async def test_a_rejected_proposal_and_a_refused_second_step_are_told_apart(
    platform: Platform, security_log: SecurityLog
) -> None:
    _, phone, _ = await platform.person()
    proposed = (await propose_grant(platform.api, platform.first, platform.id, phone, "operator")).json()
    security_log.forget()
    await decide(platform.api, platform.first, proposed["role_change_id"], "approve")
    await decide(platform.api, platform.second, proposed["role_change_id"], "reject")
    assert security_log.kinds() == [("forbidden", "second_person_needed"), ("role_rejected", "rejected")]


async def test_a_grant_that_is_rolled_back_has_not_happened(platform: Platform, security_log: SecurityLog) -> None:
    organisation_id = (await create(platform.api, platform.first)).json()["organisation_id"]
    phone = new_phone()
    security_log.forget()
    key = once()
    for _ in range(2):  # the second is a replay
        body = {"phone": phone, "role": "county_team"}
        path = f"{ORGANISATIONS}/{organisation_id}/members"
        assert (await platform.api.post(path, json=body, headers=platform.first | key)).status_code == 201
    again = await add(platform.api, platform.first, organisation_id, phone, "county_team")
    assert again.status_code == 409
    assert security_log.kinds() == [("role_granted", "by_people")]
