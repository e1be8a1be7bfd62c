"""An older person and a relative, as they meet svc_identity over HTTP."""

from typing import Any

import httpx

from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.oauth.acting.scene import ME, Actor

ACCOUNTS = f"{ME}/family-accounts"
RELATIVE = "urn:myili:principal:relative"
ALL = {"scopes": ["bills", "pay"], "day_limit_fen": 20_000, "month_limit_fen": 50_000}
Json = dict[str, Any]


class Relative(Actor):
    """A person at level 2 with the residents' app."""

    async def propose(self, to: "Relative", **changes: object) -> httpx.Response:
        body = {"phone": to.phone, "name": to.name, **ALL, **changes}
        return await self.call("POST", ACCOUNTS, json=body)

    async def step(self, account: Json, step: str) -> httpx.Response:
        return await self.call("POST", f"{ACCOUNTS}/{account['family_account_id']}/{step}")

    async def listed(self) -> list[Json]:
        items: list[Json] = (await self.call("GET", ACCOUNTS)).json()["items"]
        return items

    async def help(self, account: Json, **changes: str | None) -> httpx.Response:
        """Ask for a token to act for the person helped."""
        return await self.act(account["helped_id"], **{"subject_token_type": RELATIVE, **changes})


async def relative(new_app_client: NewAppClient, name: str, phone: str | None = None) -> Relative:
    person = Relative(new_app_client(), name, phone or new_phone())
    await person.proofed()
    return person


async def proposed(helped: Relative, helper: Relative, **changes: object) -> Json:
    answer = await helped.propose(helper, **changes)
    assert answer.status_code == 201, answer.text
    account: Json = answer.json()
    return account


async def accepted(helped: Relative, helper: Relative, **changes: object) -> Json:
    answer = await helper.step(await proposed(helped, helper, **changes), "accept")
    assert answer.status_code == 200, answer.text
    account: Json = answer.json()
    return account
