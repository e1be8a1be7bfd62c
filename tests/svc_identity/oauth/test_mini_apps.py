"""A mini-app is a client by event: with its exact addresses and scopes, and until it is suspended."""

from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, KeySet

from chassis.db import Database, new_id, now
from chassis.inbox import Poison, Received
from svc_identity.oauth.consumers import AppClientChanged, follow_mini_app
from svc_identity.oauth.models import Client
from tests.kit.dpop.prover import Prover
from tests.svc_identity.app_client import AppClient
from tests.svc_identity.conftest import new_phone
from tests.svc_identity.oauth.test_possession import redeem
from tests.svc_identity.oauth.test_pushed_requests import PAR

CALLBACK = "https://parking.ili.gov.cn/callback"


async def changed(database: Database, app_id: str, revision: int = 1, **changes: Any) -> str:  # noqa: ANN401 - JSON
    data = {"app_id": app_id, "revision": revision, "redirect_uris": [CALLBACK], "suspended": False, **changes}
    reader = AppClientChanged.model_validate({"scopes": ["openid", "bills", "offline_access"], **data})
    async with database.transaction() as tx:
        await follow_mini_app(tx, Received(new_id(), "cn.ili.miniapps.app.client_changed.v1", now(), reader))
    return f"miniapp-{app_id}"


async def push(api: httpx.AsyncClient, client_id: str, redirect_uri: str = CALLBACK, scope: str = "openid") -> str:
    """`ok`, or the error."""
    form = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": scope,
        "response_type": "code",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
        "nonce": "n",
    }
    answer = await api.post(PAR, data=form)
    return "ok" if answer.status_code == 201 else str(answer.json()["error"])


async def test_residents_sign_in_to_an_approved_mini_app(app_client: AppClient, database: Database) -> None:
    client_id = await changed(database, str(new_id()))
    code = await app_client.sign_in(new_phone(), client_id=client_id, redirect_uri=CALLBACK, scope="openid bills")
    app_client.client_id, app_client.redirect_uri = client_id, CALLBACK
    unproved = await app_client.redeem(code)
    assert (unproved.status_code, unproved.json()["error"]) == (400, "invalid_dpop_proof")
    tokens = (await redeem(app_client, Prover(), code)).json()
    assert tokens["scope"] == "openid bills"
    async with database.read() as tx:
        assert (await tx.get_one(Client, client_id)).subject_type == "pairwise"


async def test_the_page_names_the_app_and_its_site(app_client: AppClient, database: Database) -> None:
    app_id = str(new_id())
    client_id = await changed(database, app_id, 2, name="<伊犁停车>")
    await changed(database, app_id, 1, name="别的应用")
    page = await app_client.begin(client_id=client_id, redirect_uri=CALLBACK, scope="openid bills")
    assert "<strong><bdi>&lt;伊犁停车&gt;</bdi></strong>" in page.answer.text
    assert "parking.ili.gov.cn" in page.answer.text
    await changed(database, app_id, 3)  # of the release before, without a name
    async with database.read() as tx:
        assert (await tx.get_one(Client, client_id)).title == "<伊犁停车>"


@pytest.mark.parametrize(
    "address",
    [
        CALLBACK + "/",
        CALLBACK + "?next=https://evil.test",
        CALLBACK + "#x",
        CALLBACK.upper(),
        "https://parking.ili.gov.cn:443/callback",
        "https://parking.ili.gov.cn:99999/callback",
        "https://parking.ili.gov.cn@evil.test/callback",
        "https://parking.ili.gov.cn/x/../callback",
        "https://parking.ili.gov.cn/%63allback",
        "https://[::1]/callback",
        "https://parking.ili.gov.cn.evil.test/callback",
    ],
)
async def test_it_is_returned_to_at_its_exact_address_only(
    api: httpx.AsyncClient, database: Database, address: str
) -> None:
    client_id = await changed(database, str(new_id()))
    assert await push(api, client_id) == "ok"
    assert await push(api, client_id, address) == "invalid_request"


async def test_it_gets_the_scopes_it_was_approved_for(api: httpx.AsyncClient, database: Database) -> None:
    client_id = await changed(database, str(new_id()))
    assert await push(api, client_id, scope="openid pay") == "invalid_scope"
    await changed(database, client_id.removeprefix("miniapp-"), 2, scopes=["openid", "pay"])
    assert await push(api, client_id, scope="openid pay") == "ok"
    assert await push(api, client_id, scope="openid bills") == "invalid_scope"


async def test_an_older_event_changes_nothing(database: Database) -> None:
    client_id = await changed(database, str(new_id()), 3, suspended=True)
    await changed(database, client_id.removeprefix("miniapp-"), 2)
    async with database.read() as tx:
        assert (await tx.get_one(Client, client_id)).suspended is True


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": ["staff"]},
        {"scopes": ["openid", "bills:write"]},
        {"redirect_uris": ["http://parking.ili.gov.cn/"]},
        {"redirect_uris": ["https://a@parking.ili.gov.cn/"]},
        {"redirect_uris": []},
        {"redirect_uris": [], "jwks": {"keys": []}},
        {"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}},
    ],
)
async def test_no_event_makes_a_client_of_another_kind(database: Database, changes: dict[str, Any]) -> None:
    app_id = str(new_id())
    with pytest.raises(Poison):
        await changed(database, app_id, **changes)
    async with database.read() as tx:
        assert await tx.get(Client, f"miniapp-{app_id}") is None


async def test_the_keys_of_its_server_make_it_a_confidential_app_without_a_redirect_address(database: Database) -> None:
    keys = KeySet([ECKey.generate_key("P-256")]).as_dict(private=False)
    app_id = str(new_id())
    client_id = await changed(database, app_id, redirect_uris=[], jwks=keys)
    async with database.read() as tx:
        client = await tx.get_one(Client, client_id)
        assert client.is_confidential_app
        assert client.check_grant_type("client_credentials")
    await changed(database, app_id, 2)  # keys that were taken back are worth nothing
    async with database.read() as tx:
        assert (await tx.get_one(Client, client_id)).jwks is None
