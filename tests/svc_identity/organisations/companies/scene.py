"""A company that is connected as a provider, its legal representative, and people with roles in it."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from chassis.testing import once
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.conftest import browser_on, new_phone
from tests.svc_identity.identities import id_number, new_uscc, proof
from tests.svc_identity.oauth.providers import ProviderSystem
from tests.svc_identity.organisations.representation.test_representation import OWN, appoint, claim
from tests.svc_identity.organisations.role_changes.conftest import Platform
from tests.svc_identity.organisations.role_changes.counties import Staff
from tests.svc_identity.organisations.role_changes.requests import ROLE_CHANGES, Headers, decide, propose_grant

COMPANIES = "/identity/v1/provider-organisations"
ADMIN, OPERATOR = "provider_admin", "provider_operator"


@dataclass
class Company:
    """A provider that svc_services has approved."""

    platform: Platform
    uscc: str = field(default_factory=new_uscc)
    system: ProviderSystem = field(default_factory=ProviderSystem)
    id: str = ""

    async def approved(self, **changes: Any) -> "Company":  # noqa: ANN401 - event data
        async with self.platform.database.transaction() as tx:
            await self.system.register(tx, **({"uscc": self.uscc} | changes))
        self.id = (await self.listed())["organisation_id"]
        return self

    async def listed(self) -> dict[str, Any]:
        listed = (await self.platform.api.get(COMPANIES, headers=self.platform.first)).json()["items"]
        (own,) = [each for each in listed if each["uscc"] == self.uscc]
        found: dict[str, Any] = own
        return found

    async def staff(self, role: str, *by: Headers) -> Staff:
        """Somebody new to whom the two first operators, or others, grant a role."""
        proposer, approver = by or (self.platform.first, self.platform.second)
        client, phone, _ = await self.platform.person()
        proposed = await propose_grant(self.platform.api, proposer, self.id, phone, role)
        assert proposed.status_code == 201, proposed.text
        change = await decide(self.platform.api, approver, proposed.json()["role_change_id"], "approve")
        assert change.status_code == 200, change.text
        headers = bearer(await client.renewed())
        return Staff(client, phone, headers, change.json()["membership_id"], change.json()["person_id"])


@dataclass
class Representative:
    """The legal representative of a company, in the residents' app."""

    client: AppClient
    headers: Headers
    organisation_id: str

    async def propose(self, phone: str, **changes: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        body = {"phone": phone, "reason": "runs our connection"} | changes
        path = f"{OWN}/{self.organisation_id}/provider-admins"
        return await self.client.api.post(path, json=body, headers=self.headers | once())


async def representative_of(platform: Platform, uscc: str) -> Representative:
    client = AppClient(browser_on(platform.app), platform.sms, settings=platform.settings)
    headers, proved = bearer(await client.tokens(new_phone())), proof("张三", id_number())
    answer = await client.api.post("/identity/v1/me/proofing", json=proved, headers=headers | once())
    assert answer.status_code == 200, answer.text
    headers = bearer(await client.renewed())
    appoint(platform.settings, uscc, (headers, proved))
    claimed = await claim(client.api, (headers, proved), uscc)
    assert claimed.status_code == 200, claimed.text
    return Representative(client, headers, claimed.json()["organisation_id"])


async def change_of(api: httpx.AsyncClient, by: Headers, **content: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    return await api.post(ROLE_CHANGES, json={"reason": "a test", **content}, headers=by | once())
