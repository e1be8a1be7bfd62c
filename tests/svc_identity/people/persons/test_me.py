import httpx
import pytest

from chassis.db import Database
from chassis.testing import Tokens
from svc_identity.people.names import mask_name
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.conftest import PUBLIC_URL
from tests.svc_identity.oauth.providers import ProviderSystem


async def test_own_data_is_masked(app_client: AppClient, phone: str) -> None:
    me = (await app_client.api.get("/identity/v1/me", headers=bearer(await app_client.tokens(phone)))).json()
    assert me.keys() == {"person_id", "phone", "name", "assurance_level", "verified_until", "created_at"}
    assert me["phone"] == f"{phone[:3]}****{phone[-4:]}"
    assert (me["name"], me["assurance_level"]) == (None, 1)


async def test_a_request_without_a_token_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.get("/identity/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


async def test_a_system_is_no_person(api: httpx.AsyncClient, database: Database) -> None:
    provider = ProviderSystem()
    async with database.transaction() as tx:
        await provider.register(tx)
    answer = await api.get("/identity/v1/me", headers=bearer((await provider.token(api)).json()))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


async def test_a_token_of_an_unknown_person_is_refused(api: httpx.AsyncClient, tokens: Tokens) -> None:
    stranger = tokens.sign(iss=f"{PUBLIC_URL}/identity")
    answer = await api.get("/identity/v1/me", headers=bearer({"access_token": stranger}))
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


@pytest.mark.parametrize(
    ("name", "masked"),
    [("张三", "张*"), ("欧阳小明", "欧***"), ("王", "*"), ("Li", "L*"), ("买·艾", "买**"), ("努尔兰·哈山", "努*****")],
)
def test_names_are_masked(name: str, masked: str) -> None:
    assert mask_name(name) == masked
