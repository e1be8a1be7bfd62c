"""Organisations with representatives and agents whose tokens are bound to keys of their own."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
from joserfc import jwt

from chassis.testing import Tokens, once
from tests.kit.dpop.prover import Prover
from tests.svc_identity.app_client import TOKEN, AppClient
from tests.svc_identity.conftest import new_phone
from tests.svc_identity.identities import id_number, new_uscc, proof
from tests.svc_identity.oauth.test_possession import redeem, refresh

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a kind of token
ORGANISATION = "urn:myili:principal:organisation"
ME = "/identity/v1/me"
Json = dict[str, Any]


@dataclass
class Actor:
    """A person who has proved who they are, at an app with a key."""

    client: AppClient
    name: str = "王五"
    phone: str = field(default_factory=new_phone)
    prover: Prover = field(default_factory=Prover)
    number: str = field(default_factory=id_number)
    answer: Json = field(default_factory=dict)

    @property
    def token(self) -> str:
        return str(self.answer["access_token"])

    async def sign_in(self, scope: str | None = None) -> "Actor":
        changes = {"scope": scope} if scope else {}
        self.answer = (await redeem(self.client, self.prover, await self.client.sign_in(self.phone, **changes))).json()
        return self

    async def proofed(self) -> "Actor":
        await self.sign_in()
        answer = await self.call("POST", f"{ME}/proofing", json=proof(self.name, self.number))
        assert answer.status_code == 200, answer.text
        self.answer = (await refresh(self.client, self.prover, self.answer["refresh_token"])).json()
        return self

    async def call(self, method: str, path: str, *, token: str | None = None, **request: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        """A request with the person's own token, or with one in which they act."""
        api = self.client.api
        return await self.prover.send(api, method, path, token=token or self.token, headers=once(), **request)

    async def act(self, subject: str, **changes: str | None) -> httpx.Response:
        usual: dict[str, str | None] = {
            "grant_type": EXCHANGE,
            "client_id": self.client.client_id,
            "actor_token": self.token,
            "actor_token_type": ACCESS_TOKEN,
            "subject_token": subject,
            "subject_token_type": ORGANISATION,
        }
        form = {name: value for name, value in {**usual, **changes}.items() if value is not None}
        return await self.prover.send(self.client.api, "POST", TOKEN, data=form)

    async def acting(self, subject: str, **changes: str | None) -> Json:
        answer = await self.act(subject, **changes)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found


class Surroundings(Protocol):
    """Where the registration authority is."""

    @property
    def registries_url(self) -> str: ...


@dataclass
class Firm:
    """An organisation with its representative and, once they have accepted, an agent."""

    representative: Actor
    settings: Surroundings
    uscc: str = field(default_factory=new_uscc)
    id: str = ""

    async def claimed_by(self, person: Actor) -> "Firm":
        officer = {"uscc": self.uscc, "name": person.name, "id_number": person.number}
        async with httpx.AsyncClient(base_url=self.settings.registries_url) as registry:
            (await registry.post("/legal-entities/appoint", json=officer)).raise_for_status()
        answer = await person.call("POST", f"{ME}/organisations", json={"uscc": self.uscc})
        assert answer.status_code == 200, answer.text
        self.id = answer.json()["organisation_id"]
        return self

    async def mandate(self, agent: Actor, **changes: object) -> Json:
        """A mandate that the agent has accepted."""
        asked = {"phone": agent.phone, "name": agent.name, "scopes": ["applications"], "division_codes": ["654002"]}
        path = f"{ME}/organisations/{self.id}/mandates"
        proposed = await self.representative.call("POST", path, json={**asked, **changes})
        assert proposed.status_code == 201, proposed.text
        accepted = await agent.call("POST", f"{ME}/mandates/{proposed.json()['mandate_id']}/accept")
        assert accepted.status_code == 200, accepted.text
        mandate: Json = accepted.json()
        return mandate


def claims_of(tokens: Tokens, answer: Json) -> Json:
    return dict(jwt.decode(answer["access_token"], tokens.key, ["ES256"]).claims)
