"""A token is older than what happened since: a role that has ended is left out of it."""

from tests.svc_identity.app_client import bearer
from tests.svc_identity.organisations.role_changes.conftest import Platform
from tests.svc_identity.organisations.role_changes.requests import ROLE_CHANGES, decide, granted, propose_removal
from tests.svc_identity.organisations.test_organisations import ORGANISATIONS, refusal


async def test_a_token_from_before_a_removal_reads_nothing_here_any_more(platform: Platform) -> None:
    """The other services hear of it by an event; this one knows at once."""
    client, phone, _ = await platform.person()
    both = (platform.first, platform.second)
    change = await granted(platform.api, both, platform.id, phone, "auditor")
    auditor = bearer(await client.renewed())
    assert (await platform.api.get(ROLE_CHANGES, headers=auditor)).status_code == 200
    removal = await propose_removal(platform.api, platform.first, platform.id, change["membership_id"])
    decided = await decide(platform.api, platform.second, removal.json()["role_change_id"], "approve")
    assert decided.status_code == 200
    assert refusal(await platform.api.get(ROLE_CHANGES, headers=auditor)) == (403, "not_allowed")


async def test_a_removed_operators_token_lists_no_organisations(platform: Platform) -> None:
    client, phone, _ = await platform.person()
    both = (platform.first, platform.second)
    change = await granted(platform.api, both, platform.id, phone, "operator")
    third = bearer(await client.renewed())
    addresses = (ORGANISATIONS, f"{ORGANISATIONS}/{platform.id}", f"{ORGANISATIONS}/{platform.id}/members")
    assert [(await platform.api.get(each, headers=third)).status_code for each in addresses] == [200, 200, 200]
    removal = await propose_removal(platform.api, platform.first, platform.id, change["membership_id"])
    await decide(platform.api, platform.second, removal.json()["role_change_id"], "approve")
    for each in addresses:
        assert refusal(await platform.api.get(each, headers=third)) == (403, "no_longer_operator")
