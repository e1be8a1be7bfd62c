"""Independence follows the memberships by which people are operators now, whoever was removed or came back since."""

import httpx
from sqlalchemy import select

from svc_identity.organisations.role_changes.models import RoleChange
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.organisations.role_changes.conftest import Platform
from tests.svc_identity.organisations.role_changes.requests import (
    Headers,
    decide,
    granted,
    propose_grant,
    propose_removal,
)
from tests.svc_identity.organisations.test_organisations import refusal

DEPENDENT = (403, "approver_not_independent")


async def remove(platform: Platform, membership_id: str, proposer: Headers, approver: Headers) -> httpx.Response:
    removal = await propose_removal(platform.api, proposer, platform.id, membership_id)
    return await decide(platform.api, approver, removal.json()["role_change_id"], "approve")


async def again(platform: Platform, client: AppClient, phone: str, *operators: Headers) -> Headers:
    """Somebody is operator once more, proposed by the first and approved by the second."""
    proposer, approver = operators
    await granted(platform.api, (proposer, approver), platform.id, phone, "operator")
    return bearer(await client.renewed())


async def approval(platform: Platform, proposer: Headers, approver: Headers) -> httpx.Response:
    """One operator approves what another proposes."""
    _, phone, _ = await platform.person()
    proposed = await propose_grant(platform.api, proposer, platform.id, phone, "auditor")
    return await decide(platform.api, approver, proposed.json()["role_change_id"], "approve")


async def test_who_comes_back_changes_nothing_of_those_who_came_from_them(platform: Platform) -> None:
    client, phone, _ = await platform.person()
    await platform.appoint(phone)
    root = bearer(await client.renewed())
    async with platform.database.read() as tx:
        appointed = (await tx.scalars(select(RoleChange).order_by(RoleChange.id.desc()).limit(1))).one()
    one, _ = await platform.operator_made_by(root, platform.first)
    other, _ = await platform.operator_made_by(root, platform.first)
    removed = await remove(platform, str(appointed.membership_id), one, platform.first)
    assert removed.status_code == 200
    root = await again(platform, client, phone, one, other)
    assert (await approval(platform, one, other)).status_code == 200
    for proposer, approver in ((root, one), (one, root), (root, other), (other, root)):
        assert refusal(await approval(platform, proposer, approver)) == DEPENDENT


async def test_coming_back_by_ones_makers_other_puppet_hides_nothing(platform: Platform) -> None:
    client, phone, _ = await platform.person()
    change = await granted(platform.api, (platform.first, platform.second), platform.id, phone, "operator")
    accomplice, _ = await platform.operator_made_by(platform.first, platform.second)
    assert (await remove(platform, change["membership_id"], platform.second, platform.first)).status_code == 200
    puppet = await again(platform, client, phone, accomplice, platform.second)
    for proposer, approver in ((platform.first, puppet), (puppet, platform.first), (accomplice, puppet)):
        assert refusal(await approval(platform, proposer, approver)) == DEPENDENT


async def test_two_independent_operators_remain(platform: Platform) -> None:
    async with platform.database.read() as tx:
        second = (await tx.scalars(select(RoleChange).order_by(RoleChange.id))).all()[1]
    await platform.operator_made_by(platform.first, platform.second)
    left = await propose_removal(platform.api, platform.second, platform.id, str(second.membership_id))
    refused = await decide(platform.api, platform.first, left.json()["role_change_id"], "approve")
    assert refusal(refused) == (409, "no_independent_operators")
    await platform.operator_made_by(platform.second, platform.first)
    approved = await decide(platform.api, platform.first, left.json()["role_change_id"], "approve")
    assert (approved.status_code, approved.json()["status"]) == (200, "approved")
