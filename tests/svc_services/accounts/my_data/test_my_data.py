"""What svc_services puts into a person's file."""

from uuid import UUID

import httpx

from chassis.db import new_id
from chassis.testing import Tokens
from kit.my_data import AUDIENCE, TYPE
from tests.svc_services.accounts.bindings.conftest import ACCOUNT, Bind, bind, person_id, provider_id

__all__ = ["bind", "person_id", "provider_id"]


async def test_the_bindings_of_the_person_are_in_the_file(
    api: httpx.AsyncClient, tokens: Tokens, bind: Bind, person_id: UUID
) -> None:
    assert (await bind()).is_success
    for person, accounts in ((person_id, [ACCOUNT]), (new_id(), [])):
        ticket = tokens.sign(typ=TYPE, aud=AUDIENCE, sub=str(person))
        answer = await api.get("/services/v1/my-data", headers={"Authorization": f"Bearer {ticket}"})
        assert answer.status_code == 200, answer.text
        assert [each["account_number"] for each in answer.json()["kinds"]["account_bindings"]] == accounts
    refused = await api.get("/services/v1/my-data", headers=tokens.resident(person_id))
    assert refused.status_code == 401
