"""An app with a server and keys: it proves itself wherever it calls, pushes every request, and its tokens are bound."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from chassis.db import Database, new_id, now
from svc_identity.oauth import apps
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.models import Client
from svc_identity.oauth.pushed import resolve
from svc_identity.settings import Settings
from tests.kit.dpop.prover import Prover
from tests.svc_identity.app_client import AUTHORIZE, REDIRECT_URI, TOKEN, AppClient, returned_to_app
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.oauth.providers import ProviderSystem
from tests.svc_identity.oauth.test_client_errors import ASSERTION_TYPE
from tests.svc_identity.oauth.test_codes import refusal
from tests.svc_identity.oauth.test_introspection import introspect, public
from tests.svc_identity.oauth.test_possession import USERINFO, code_form
from tests.svc_identity.oauth.test_pushed_requests import PAR, code_page

INVALID_CLIENT, INVALID_GRANT = (401, "invalid_client"), (400, "invalid_grant")
SCOPE = "openid profile offline_access"


def given(name: str, **changes: Any) -> Namespace:  # noqa: ANN401 - options
    usual: dict[str, Any] = {
        "client_id": name,
        "scope": SCOPE.split(),
        "redirect_uri": [REDIRECT_URI],
        "post_logout_redirect_uri": [],
    }
    usual |= {"backchannel_logout_uri": None, "devices": False, "dpop": None, "jwks": None, "pairwise": False}
    return Namespace(**usual | changes)


class WebApp:
    """The app's server, and the browser of a resident."""

    def __init__(self, name: str, client: AppClient) -> None:
        self.client, self.system, self.prover = client, ProviderSystem(provider_id=name), Prover()
        self.client.client_id = name

    def proof(self) -> dict[str, str]:
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.system.assertion()}

    async def post(self, path: str, form: dict[str, str], proof: dict[str, str] | None = None) -> httpx.Response:
        data = {**form, **(self.proof() if proof is None else proof)}
        return await self.prover.send(self.client.api, "POST", path, data=data)

    async def push(self, **changes: Any) -> httpx.Response:  # noqa: ANN401 - parameters
        return await self.post(PAR, self.client.request(scope=SCOPE), **changes)

    async def code(self) -> str:
        pushed = (await self.push()).json()["request_uri"]
        phone = new_phone()
        page = await code_page(self.client, pushed, phone)
        return returned_to_app(await self.client.type_code(page, await self.client.texted_code(phone)))["code"]

    async def tokens(self) -> dict[str, Any]:
        answer = await self.redeem(await self.code())
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def redeem(self, code: str, proof: dict[str, str] | None = None) -> httpx.Response:
        return await self.post(TOKEN, code_form(self.client, code), proof)

    async def refresh(self, token: str, proof: dict[str, str] | None = None) -> httpx.Response:
        form = {"grant_type": "refresh_token", "client_id": self.client.client_id, "refresh_token": token}
        return await self.post(TOKEN, form, proof)


@pytest_asyncio.fixture
async def web_app(database: Database, new_app_client: NewAppClient, tmp_path: Path) -> WebApp:
    web_app = WebApp(f"web-{new_id().hex[-12:]}", new_app_client())
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(public(web_app.system.key)), "utf-8")
    await apps.register_app(database, given(web_app.client.client_id, jwks=keys))
    return web_app


async def test_it_signs_its_people_in_and_reads_its_own_tokens(web_app: WebApp) -> None:
    tokens = await web_app.tokens()
    assert tokens["token_type"] == "DPoP"  # noqa: S105 - no secret
    api = web_app.client.api
    assert (await web_app.prover.send(api, "GET", USERINFO, token=tokens["access_token"])).status_code == 200
    said = await introspect(api, web_app.system, tokens["access_token"])
    assert (said["active"], said["client_id"]) == (True, web_app.client.client_id)


async def test_its_name_alone_opens_nothing(web_app: WebApp) -> None:
    other = ProviderSystem(provider_id=web_app.client.client_id)
    forged = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": other.assertion()}
    for proof in ({"client_assertion": ""}, forged):
        assert refusal(await web_app.push(proof=proof)) == INVALID_CLIENT
        assert refusal(await web_app.redeem(await web_app.code(), proof)) == INVALID_CLIENT
        token = (await web_app.tokens())["refresh_token"]
        assert refusal(await web_app.refresh(token, proof)) == INVALID_CLIENT


async def test_its_browser_brings_nothing_but_a_reference(web_app: WebApp) -> None:
    answer = await web_app.client.api.get(AUTHORIZE, params=web_app.client.request(scope=SCOPE))
    assert returned_to_app(answer)["error"] == "invalid_request"
    pushed = (await web_app.push()).json()["request_uri"]
    page = await web_app.client.api.get(
        AUTHORIZE, params={"client_id": web_app.client.client_id, "request_uri": pushed}
    )
    assert page.status_code == 200


async def test_a_pushed_request_holds_no_assertion(web_app: WebApp, settings: Settings) -> None:
    pushed: str = (await web_app.push()).json()["request_uri"]
    brought = [("client_id", web_app.client.client_id), ("request_uri", pushed)]
    opened = resolve(Issuer.of(settings).request_key, brought, now())
    assert not {"client_assertion", "client_assertion_type"} & dict(opened).keys()


async def test_its_token_is_bound_and_its_code_is_good_once(web_app: WebApp) -> None:
    code = await web_app.code()
    unbound = await web_app.client.api.post(TOKEN, data={**code_form(web_app.client, code), **web_app.proof()})
    assert refusal(unbound) == (400, "invalid_dpop_proof")
    code = await web_app.code()
    first = await web_app.redeem(code)
    assert first.status_code == 200
    assert refusal(await web_app.redeem(code)) == INVALID_GRANT
    assert refusal(await web_app.refresh(first.json()["refresh_token"])) == INVALID_GRANT


async def test_its_refresh_token_stays_and_is_worth_nothing_to_others(
    web_app: WebApp, database: Database, new_app_client: NewAppClient
) -> None:
    token = (await web_app.tokens())["refresh_token"]
    for _ in range(2):
        answer = await web_app.refresh(token)
        assert (answer.status_code, answer.json()["refresh_token"]) == (200, token)
    thief = new_app_client()
    stolen = await thief.refresh(token)
    assert refusal(stolen) == INVALID_GRANT
    assert (await web_app.refresh(token)).status_code == 200


async def test_it_gets_no_token_of_its_own(web_app: WebApp) -> None:
    answer = await web_app.post(TOKEN, {"grant_type": "client_credentials", "client_id": web_app.client.client_id})
    assert refusal(answer) == (400, "unauthorized_client")


async def test_it_keeps_its_keys_and_a_system_gets_no_addresses(web_app: WebApp, database: Database) -> None:
    name = web_app.client.client_id
    await apps.register_app(database, given(name, dpop="optional"))
    async with database.read() as tx:
        client = await tx.get_one(Client, name)
    assert client.is_confidential_app
    assert refusal(await web_app.client.api.post(PAR, data=web_app.client.request(scope=SCOPE))) == INVALID_CLIENT


async def test_names_of_their_own_are_for_new_apps(database: Database) -> None:
    name = f"app-{new_id().hex[-12:]}"
    await apps.register_app(database, given(name, pairwise=True))
    await apps.register_app(database, given(name))
    async with database.read() as tx:
        assert (await tx.get_one(Client, name)).subject_type == "pairwise"
    other = f"app-{new_id().hex[-12:]}"
    await apps.register_app(database, given(other))
    with pytest.raises(ValueError, match="other names"):
        await apps.register_app(database, given(other, pairwise=True))
