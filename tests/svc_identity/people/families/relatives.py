"""An older person and a relative, as they meet svc_identity over HTTP."""

from typing import Any

import httpx
from joserfc import jwt

from chassis.testing import Tokens, once
from svc_identity.oauth.family_exchange import RESOURCE
from tests.svc_identity.app_client import TOKEN, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.identities import id_number, proof
from tests.svc_identity.oauth.test_exchange import ACCESS_TOKEN, EXCHANGE

ACCOUNTS = "/identity/v1/me/family-accounts"
ALL = {"scopes": ["bills", "pay"], "day_limit_fen": 20_000, "month_limit_fen": 50_000}
Json = dict[str, Any]


class Relative:
    """A person at level 2 with the residents' app."""

    def __init__(self, app: AppClient, phone: str, name: str, tokens: Json) -> None:
        self.app, self.phone, self.name, self.tokens = app, phone, name, tokens

    @property
    def headers(self) -> dict[str, str]:
        return bearer(self.tokens)

    async def propose(self, to: "Relative", **changes: object) -> httpx.Response:
        body = {"phone": to.phone, "name": to.name, **ALL, **changes}
        return await self.app.api.post(ACCOUNTS, json=body, headers=self.headers | once())

    async def step(self, account: Json, step: str) -> httpx.Response:
        return await self.app.api.post(
            f"{ACCOUNTS}/{account['family_account_id']}/{step}", headers=self.headers | once()
        )

    async def listed(self) -> list[Json]:
        items: list[Json] = (await self.app.api.get(ACCOUNTS, headers=self.headers)).json()["items"]
        return items

    async def exchange(self, account: Json, **changes: str | None) -> httpx.Response:
        usual = {
            "grant_type": EXCHANGE,
            "client_id": "myili-app",
            "subject_token": self.tokens["access_token"],
            "subject_token_type": ACCESS_TOKEN,
            "resource": f"{RESOURCE}{account['family_account_id']}",
        }
        sent = {name: value for name, value in {**usual, **changes}.items() if value is not None}
        return await self.app.api.post(TOKEN, data=sent)


async def relative(new_app_client: NewAppClient, name: str, phone: str | None = None) -> Relative:
    app, phone = new_app_client(), phone or new_phone()
    headers = bearer(await app.tokens(phone))
    proving = await app.api.post("/identity/v1/me/proofing", json=proof(name, id_number()), headers=headers | once())
    assert proving.status_code == 200, proving.text
    return Relative(app, phone, name, await app.renewed())


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


def said(answer: httpx.Response, tokens: Tokens) -> Json:
    """The claims of the token in an answer."""
    assert answer.status_code == 200, answer.text
    claims: Json = jwt.decode(answer.json()["access_token"], tokens.key, ["ES256"]).claims
    return claims
