"""What the tokens of a sign-in open, by the scopes its app asked for."""

import httpx

from chassis.db import Database
from svc_identity.settings import Settings
from tests.svc_identity.app_client import STAFF_CONSOLE, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, new_operator, proofed
from tests.svc_identity.identities import NAME
from tests.svc_identity.oauth.providers import ProviderSystem

ME, USERINFO = "/identity/v1/me", "/identity/v1/oauth/userinfo"
ORGANISATIONS = "/identity/v1/organisations"


def refused_scope(answer: httpx.Response) -> str | None:
    """The scope that a refusal asks for, in the form of RFC 6750, 3.1."""
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), answer.text
    before = 'Bearer realm="myili", error="insufficient_scope", scope="'
    header = answer.headers["www-authenticate"]
    return header.removeprefix(before).removesuffix('"') if header.startswith(before) else None


async def narrowed(app: AppClient, scope: str) -> dict[str, str]:
    """The headers of a token with fewer scopes of the same sign-in."""
    return bearer((await app.refresh(app.refresh_token, scope=scope)).json())


async def test_an_operator_has_no_power_in_the_residents_app(settings: Settings, new_app_client: NewAppClient) -> None:
    app, console = new_app_client(), new_app_client(STAFF_CONSOLE)
    assert refused_scope(await app.api.get(ORGANISATIONS, headers=await new_operator(settings, app))) == "staff"
    operator = await new_operator(settings, console)
    assert (await console.api.get(ORGANISATIONS, headers=operator)).status_code == 200


async def test_openid_alone_reads_nothing_but_the_subject(app_client: AppClient, phone: str) -> None:
    await proofed(app_client, phone)
    headers = await narrowed(app_client, "openid")
    assert (await app_client.api.get(USERINFO, headers=headers)).json().keys() == {"sub"}
    assert refused_scope(await app_client.api.get(ME, headers=headers)) == "profile"


async def test_profile_gives_the_name_and_no_phone(app_client: AppClient, phone: str) -> None:
    await proofed(app_client, phone)
    headers = await narrowed(app_client, "openid profile")
    info = (await app_client.api.get(USERINFO, headers=headers)).json()
    assert info.pop("sub")
    assert info == {"name": NAME}


async def test_userinfo_refuses_a_system_with_the_scope_it_lacks(api: httpx.AsyncClient, database: Database) -> None:
    provider = ProviderSystem()
    async with database.transaction() as tx:
        await provider.register(tx)
    answer = await api.get(USERINFO, headers=bearer((await provider.token(api)).json()))
    assert refused_scope(answer) == "openid"


async def test_a_refresh_may_leave_scopes_out_and_take_them_back(app_client: AppClient, phone: str) -> None:
    first = await app_client.tokens(phone)
    narrow = (await app_client.refresh(first["refresh_token"], scope="openid pay")).json()
    assert refused_scope(await app_client.api.get(ME, headers=bearer(narrow))) == "profile"
    whole = (await app_client.refresh(narrow["refresh_token"])).json()
    assert (await app_client.api.get(ME, headers=bearer(whole))).status_code == 200
    widened = await app_client.refresh(whole["refresh_token"], scope="openid staff")
    assert (widened.status_code, widened.json()["error"]) == (400, "invalid_scope")
