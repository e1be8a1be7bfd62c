"""An approved provider's company has an organisation; replays, late events and races change nothing."""

import asyncio
from uuid import UUID

import pytest

from chassis.testing import emitted
from svc_identity.organisations.models import Organisation
from tests.svc_identity.conftest import new_phone
from tests.svc_identity.oauth.providers import ProviderSystem
from tests.svc_identity.organisations.companies.scene import ADMIN, COMPANIES, Company
from tests.svc_identity.organisations.role_changes.conftest import Platform, platform
from tests.svc_identity.organisations.role_changes.counties import YINING, organisation, staff
from tests.svc_identity.organisations.role_changes.requests import propose_grant
from tests.svc_identity.organisations.test_organisations import ORGANISATIONS, refusal

__all__ = ["platform"]

LINKED = "cn.ili.identity.organisation.provider_linked.v1"


async def links(platform: Platform) -> list[dict[str, object]]:
    async with platform.database.read() as tx:
        return [event.data for event in await emitted(tx) if event.type == LINKED]


async def test_an_approved_provider_gets_the_organisation_of_its_company(platform: Platform) -> None:
    company = await Company(platform).approved()
    listed = await company.listed()
    assert (listed["name"], listed["division_code"]) == ("Sample Water Company", "654002")
    assert listed["provider_ids"] == [company.system.provider_id]
    assert await links(platform) == [
        {"organisation_id": company.id, "provider_id": company.system.provider_id, "uscc": company.uscc}
    ]
    # v1 promises three kinds of the organisations that operators register.
    others = (await platform.api.get(ORGANISATIONS, headers=platform.first)).json()["items"]
    assert company.id not in {each["organisation_id"] for each in others}
    one = await platform.api.get(f"{ORGANISATIONS}/{company.id}", headers=platform.first)
    assert one.status_code == 404


async def test_a_replayed_approval_changes_nothing(platform: Platform) -> None:
    company = await Company(platform).approved()
    admin = await company.staff(ADMIN)
    before = await company.listed()
    for late in ({}, {"name": "Former Name", "division_codes": ["654021"]}):
        await company.approved(**late)
    assert await company.listed() == before
    assert len(await links(platform)) == 1
    assert [each["provider_ids"] for each in await own_companies(platform, admin.headers)] == [before["provider_ids"]]


async def own_companies(platform: Platform, headers: dict[str, str]) -> list[dict[str, object]]:
    items: list[dict[str, object]] = (await platform.api.get(COMPANIES, headers=headers)).json()["items"]
    return items


async def test_two_approvals_at_once_make_one_organisation(platform: Platform) -> None:
    company = Company(platform)
    systems = [ProviderSystem() for _ in range(4)]

    async def approve(system: ProviderSystem) -> None:
        async with platform.database.transaction() as tx:
            await system.register(tx, uscc=company.uscc)

    await asyncio.gather(*(approve(each) for each in systems for _ in range(2)))
    listed = await company.listed()
    assert set(listed["provider_ids"]) == {each.provider_id for each in systems}
    assert len(await links(platform)) == len(systems)


async def test_a_known_organisation_is_linked_and_keeps_its_kind_and_roles(platform: Platform) -> None:
    team = await organisation(platform, YINING, "county_team")
    async with platform.database.read() as tx:
        known = await tx.get_one(Organisation, UUID(team))
    company = await Company(platform, str(known.uscc)).approved(division_codes=[YINING])
    assert company.id == team
    admin = await company.staff(ADMIN)
    refused = await propose_grant(platform.api, admin.headers, team, new_phone(), "county_team")
    assert refusal(refused) == (422, "role_does_not_fit")


@pytest.mark.parametrize("codes", [["654002", "654021"], ["654000"]])
async def test_a_company_of_several_divisions_is_a_matter_of_the_prefecture(
    platform: Platform, codes: list[str]
) -> None:
    county = await staff(platform, await organisation(platform, "654002"))
    company = await Company(platform).approved(division_codes=codes)
    assert (await company.listed())["division_code"] == "654000"
    refused = await propose_grant(platform.api, county.headers, company.id, new_phone(), ADMIN)
    assert refusal(refused) == (403, "not_your_division")


async def test_operators_of_one_county_decide_nothing_once_the_company_serves_another(platform: Platform) -> None:
    county = await staff(platform, await organisation(platform, "654002"))
    company = await Company(platform).approved()
    proposed = await propose_grant(platform.api, county.headers, company.id, new_phone(), ADMIN)
    assert proposed.status_code == 201
    async with platform.database.transaction() as tx:
        await ProviderSystem().register(tx, uscc=company.uscc, division_codes=["654023"])
    refused = await propose_grant(platform.api, county.headers, company.id, new_phone(), ADMIN)
    assert refusal(refused) == (403, "not_your_division")
