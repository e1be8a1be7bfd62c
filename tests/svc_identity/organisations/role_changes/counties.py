"""Operators of a county: members of an organisation of the platform that has the county's division."""

from dataclasses import dataclass

from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.organisations.role_changes.conftest import Platform
from tests.svc_identity.organisations.role_changes.requests import Headers, granted
from tests.svc_identity.organisations.test_organisations import create

YINING, HUOCHENG = "654021", "654023"


@dataclass
class Staff:
    """Somebody with a role."""

    client: AppClient
    phone: str
    headers: Headers
    membership_id: str
    person_id: str


async def organisation(platform: Platform, division_code: str, kind: str = "platform") -> str:
    answer = await create(platform.api, platform.first, kind=kind, division_code=division_code)
    assert answer.status_code == 201, answer.text
    organisation_id: str = answer.json()["organisation_id"]
    return organisation_id


async def staff(platform: Platform, organisation_id: str, role: str = "operator", *by: Headers) -> Staff:
    """Somebody new to whom the two first operators, or others, grant a role."""
    proposer, approver = by or (platform.first, platform.second)
    client, phone, _ = await platform.person()
    change = await granted(platform.api, (proposer, approver), organisation_id, phone, role)
    return Staff(client, phone, bearer(await client.renewed()), change["membership_id"], change["person_id"])


async def also(platform: Platform, someone: Staff, organisation_id: str, role: str, *by: Headers) -> str:
    """A further role of somebody; its membership."""
    proposer, approver = by or (platform.first, platform.second)
    change = await granted(platform.api, (proposer, approver), organisation_id, someone.phone, role)
    someone.headers = bearer(await someone.client.renewed())
    membership_id: str = change["membership_id"]
    return membership_id
