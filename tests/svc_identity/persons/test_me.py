import pytest

from svc_identity.persons.phones import mask_phone
from svc_identity.persons.service import mask_name
from tests.svc_identity.app_client import AppClient, bearer


async def test_one_sees_oneself_masked(app_client: AppClient, phone: str) -> None:
    me = (await app_client.api.get("/identity/v1/me", headers=bearer(await app_client.tokens(phone)))).json()
    assert me.keys() == {"person_id", "phone", "name", "assurance_level", "created_at"}
    assert me["phone"] == f"{phone[:3]}****{phone[-4:]}"
    assert (me["name"], me["assurance_level"]) == (None, 1)


async def test_a_system_is_no_person(app_client: AppClient) -> None:
    answer = await app_client.api.get("/identity/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


@pytest.mark.parametrize(
    ("name", "masked"), [("张三", "张*"), ("欧阳小明", "欧***"), ("王", "王"), ("努尔兰·哈山", "努*****")]
)
def test_names_are_masked(name: str, masked: str) -> None:
    assert mask_name(name) == masked


def test_phones_are_masked() -> None:
    assert mask_phone("+8613800000001") == "138****0001"
