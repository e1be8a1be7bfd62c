"""Who makes the admins and operators of a company, and who does not."""

import asyncio

from tests.svc_identity.app_client import bearer
from tests.svc_identity.conftest import browser_on, new_phone, running
from tests.svc_identity.organisations.companies.scene import (
    ADMIN,
    OPERATOR,
    Company,
    change_of,
    representative_of,
)
from tests.svc_identity.organisations.role_changes.conftest import Platform, platform
from tests.svc_identity.organisations.role_changes.counties import Staff
from tests.svc_identity.organisations.role_changes.requests import (
    ROLE_CHANGES,
    Headers,
    decide,
    propose_grant,
    propose_removal,
)
from tests.svc_identity.organisations.test_organisations import ORGANISATIONS, add, refusal

__all__ = ["platform"]


async def admins(company: Company) -> list[Staff]:
    """Two, of whom neither owes the role to the other."""
    both = (
        (company.platform.first, company.platform.second),
        (company.platform.second, company.platform.first),
    )
    return [await company.staff(ADMIN, *by) for by in both]


async def proposed(company: Company, by: Headers, role: str = OPERATOR) -> str:
    _, phone, _ = await company.platform.person()
    answer = await propose_grant(company.platform.api, by, company.id, phone, role)
    assert answer.status_code == 201, answer.text
    role_change_id: str = answer.json()["role_change_id"]
    return role_change_id


async def test_the_representative_proposes_the_first_admin_and_an_operator_approves(platform: Platform) -> None:
    company = await Company(platform).approved()
    boss = await representative_of(platform, company.uscc)
    client, phone, _ = await platform.person()
    answer = await boss.propose(phone)
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["role"], shown["organisation_id"], shown["status"]) == (ADMIN, company.id, "proposed")
    assert shown["name"] is None  # whose phone it is, is not for a company to find out
    assert phone not in answer.text
    assert refusal(await boss.propose(phone)) == (409, "already_proposed")
    approved = await decide(platform.api, platform.first, shown["role_change_id"], "approve")
    assert approved.status_code == 200, approved.text
    token = bearer(await client.renewed())
    read = await platform.api.get(ROLE_CHANGES, headers=token)
    assert [each["role_change_id"] for each in read.json()["items"]] == [shown["role_change_id"]]


async def test_only_the_representative_proposes_and_only_for_a_connected_company(platform: Platform) -> None:
    company, other = await Company(platform).approved(), Company(platform)
    boss, stranger = await representative_of(platform, company.uscc), await representative_of(platform, other.uscc)
    not_connected = await stranger.propose(new_phone())
    stranger.organisation_id = boss.organisation_id
    for answer in (not_connected, await stranger.propose(new_phone())):
        assert refusal(answer) == (404, "not_found")


async def test_a_representative_who_was_replaced_makes_no_admin_any_more(platform: Platform) -> None:
    company = await Company(platform).approved()
    boss = await representative_of(platform, company.uscc)
    _, phone, _ = await platform.person()
    change = (await boss.propose(phone)).json()["role_change_id"]
    await representative_of(platform, company.uscc)
    refused = await decide(platform.api, platform.first, change, "approve")
    assert refusal(refused) == (409, "proposer_without_role")


async def test_nobody_makes_an_admin_alone(platform: Platform) -> None:
    company = await Company(platform).approved()
    change = await proposed(company, platform.first, ADMIN)
    assert refusal(await decide(platform.api, platform.first, change, "approve")) == (403, "second_person_needed")
    refused = await add(platform.api, platform.first, company.id, new_phone(), "operator")
    assert refusal(refused) == (422, "role_does_not_fit")
    one, other = await admins(company)
    change = await proposed(company, one.headers, ADMIN)
    for admin in (one, other):
        refused = await decide(platform.api, admin.headers, change, "approve")
        assert refused.status_code == 403
        assert refused.json()["code"] in {"second_person_needed", "operator_needed"}


async def test_a_second_admin_approves_an_operator_of_the_company(platform: Platform) -> None:
    company = await Company(platform).approved()
    one, other = await admins(company)
    change = await proposed(company, one.headers)
    assert refusal(await decide(platform.api, one.headers, change, "approve")) == (403, "second_person_needed")
    approved = await decide(platform.api, other.headers, change, "approve")
    assert approved.status_code == 200, approved.text
    assert approved.json()["name"] is None
    listed = (await platform.api.get(f"{ORGANISATIONS}/{company.id}/staff", headers=platform.first)).json()["items"]
    assert [each["role"] for each in listed] == [ADMIN, ADMIN, OPERATOR]
    removal = await propose_removal(platform.api, other.headers, company.id, approved.json()["membership_id"])
    assert (await decide(platform.api, one.headers, removal.json()["role_change_id"], "approve")).status_code == 200


async def test_an_admin_and_whom_they_made_are_not_two(platform: Platform) -> None:
    company = await Company(platform).approved()
    first = await company.staff(ADMIN)
    raised = await company.staff(ADMIN, first.headers, platform.second)
    change = await proposed(company, first.headers)
    refused = await decide(platform.api, raised.headers, change, "approve")
    assert refusal(refused) == (403, "approver_not_independent")
    # Nor is the operator by whose word the first one is admin, at any number of removes.
    for admin in (first, raised):
        change = await proposed(company, admin.headers)
        refused = await decide(platform.api, platform.first, change, "approve")
        assert refusal(refused) == (403, "approver_not_independent")
    assert (await decide(platform.api, platform.second, change, "approve")).status_code == 200


async def test_an_admin_of_another_company_is_a_stranger(platform: Platform) -> None:
    company, other = await Company(platform).approved(), await Company(platform).approved()
    stranger, (own, _) = await other.staff(ADMIN), await admins(company)
    change = await proposed(company, own.headers)
    answers = [
        await propose_grant(platform.api, stranger.headers, company.id, new_phone(), OPERATOR),
        await propose_removal(platform.api, stranger.headers, company.id, own.membership_id),
        await decide(platform.api, stranger.headers, change, "approve"),
        await decide(platform.api, stranger.headers, change, "reject"),
        await platform.api.get(f"{ROLE_CHANGES}/{change}", headers=stranger.headers),
        await propose_grant(platform.api, stranger.headers, platform.id, new_phone(), "operator"),
    ]
    assert [refusal(answer) for answer in answers] == [(404, "not_found")] * len(answers)
    listed = (await platform.api.get(ROLE_CHANGES, headers=stranger.headers)).json()["items"]
    assert {each["organisation_id"] for each in listed} == {other.id}


async def test_an_admin_grants_no_role_of_the_platform_and_an_operator_of_the_company_none(platform: Platform) -> None:
    company = await Company(platform).approved()
    admin, _ = await admins(company)
    for role in ("operator", "auditor", "clerk", "security_officer"):
        refused = await propose_grant(platform.api, admin.headers, company.id, new_phone(), role)
        assert refusal(refused) == (422, "role_does_not_fit")
    reader = await company.staff(OPERATOR)
    refused = await propose_grant(platform.api, reader.headers, company.id, new_phone(), OPERATOR)
    assert refusal(refused) == (403, "not_allowed")
    wrong = await propose_grant(platform.api, platform.first, platform.id, new_phone(), ADMIN)
    assert refusal(wrong) == (422, "role_does_not_fit")


async def test_a_company_rejects_nothing_of_an_operator(platform: Platform) -> None:
    company = await Company(platform).approved()
    one, other = await admins(company)
    removal = await change_of(
        platform.api, platform.first, action="removal", organisation_id=company.id, membership_id=one.membership_id
    )
    change = removal.json()["role_change_id"]
    assert refusal(await decide(platform.api, other.headers, change, "reject")) == (403, "operator_needed")
    assert (await decide(platform.api, platform.second, change, "approve")).status_code == 200
    refused = await propose_grant(platform.api, one.headers, company.id, new_phone(), OPERATOR)
    assert refused.status_code == 403


async def test_two_approvals_at_once_make_one_operator(platform: Platform) -> None:
    company = await Company(platform).approved()
    one, other = await admins(company)
    change = await proposed(company, one.headers)
    approvers = [other.headers, platform.second, other.headers, platform.second]
    answers = await asyncio.gather(*(decide(platform.api, each, change, "approve") for each in approvers))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "already_decided"}


async def test_a_new_admin_approves_nothing_for_a_day(platform: Platform) -> None:
    company = await Company(platform).approved()
    one, other = await admins(company)
    change = await proposed(company, one.headers)
    async with running(platform.settings, cooling_off_hours=24) as app, browser_on(app) as api:
        assert refusal(await decide(api, other.headers, change, "approve")) == (403, "role_too_new")


async def test_a_proposal_ends_with_the_admin_who_made_it(platform: Platform) -> None:
    company = await Company(platform).approved()
    one, other = await admins(company)
    change = await proposed(company, one.headers)
    removal = await propose_removal(platform.api, platform.first, company.id, one.membership_id)
    assert (await decide(platform.api, platform.second, removal.json()["role_change_id"], "approve")).is_success
    assert refusal(await decide(platform.api, other.headers, change, "approve")) == (409, "proposer_without_role")
