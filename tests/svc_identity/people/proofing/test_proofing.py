"""Identity proofing against the registry stand-in."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc import jwt

from chassis.db import Database
from chassis.testing import Tokens, emitted, once
from svc_identity.settings import Settings
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, browser_on, new_phone, running
from tests.svc_identity.identities import NAME, id_number, proof, wrong_check
from tests.svc_identity.people.proofing.proofs import PROOFING, on_record, prove, refusal


async def test_a_proofed_person_reaches_level_two(
    app_client: AppClient, tokens: Tokens, database: Database, phone: str
) -> None:
    signed_in = await app_client.tokens(phone)
    answer = await prove(app_client.api, signed_in)
    assert answer.status_code == 200
    assert (answer.json()["assurance_level"], answer.json()["name"]) == (2, "张*")
    refreshed = (await app_client.refresh(signed_in["refresh_token"])).json()
    claims = jwt.decode(refreshed["access_token"], tokens.key, ["ES256"]).claims
    assert claims["assurance_level"] == 2
    async with database.read() as tx:
        events = [event for event in await emitted(tx) if event.key == claims["sub"]]
    assert (events[-1].type, events[-1].data) == (
        "cn.ili.identity.person.proofed.v1",
        {"person_id": claims["sub"], "assurance_level": 2},
    )


async def test_what_an_app_adds_to_its_request_gives_nothing(
    app_client: AppClient, new_app_client: NewAppClient, phone: str
) -> None:
    other = bearer(await new_app_client().tokens(new_phone()))
    others_id = (await app_client.api.get("/identity/v1/me", headers=other)).json()["person_id"]
    added = {
        "person_id": others_id,
        "assurance_level": 3,
        "memberships": [{"role": "operator"}],
        "phone": "13800000000",
    }
    own = bearer(await app_client.tokens(phone))
    before = (await app_client.api.get("/identity/v1/me", headers=own)).json()
    answer = await app_client.api.post(PROOFING, json=proof() | added, headers=own | once())
    assert answer.json() == before | {"assurance_level": 2, "name": "张*"}
    assert (await app_client.api.get("/identity/v1/me", headers=other)).json()["assurance_level"] == 1


async def test_the_answer_shows_neither_name_nor_number(app_client: AppClient, phone: str) -> None:
    number = id_number()
    answer = await prove(app_client.api, await app_client.tokens(phone), number=number)
    for secret in (NAME, number, phone):
        assert secret not in answer.text


@pytest.mark.parametrize(
    "name", ["张三", "努尔兰·哈山", "努尔兰•哈山", "Айгүл Нұрлан", "ئايگۈل", "Anne-Marie O’Neil", "㐀𠀀"]
)
async def test_names_in_all_languages_can_be_proofed(app_client: AppClient, phone: str, name: str) -> None:
    assert (await prove(app_client.api, await app_client.tokens(phone), name=name)).status_code == 200


@pytest.mark.parametrize("body", [
    {"name": NAME},
    {"id_number": "1"},
    {"name": "", "id_number": id_number()},
    {"name": "   ", "id_number": id_number()},
    {"name": "张\u0000三", "id_number": id_number()},
    {"name": "张三1", "id_number": id_number()},
    {"name": "<b>", "id_number": id_number()},
    {"name": "张" * 101, "id_number": id_number()},
    {"name": NAME, "id_number": wrong_check(id_number())},
    {"name": NAME, "id_number": id_number(born="20990101")},
    {"name": NAME, "id_number": 654002199001011234},
])  # fmt: skip
async def test_invalid_input_is_refused_before_the_registry_is_called(
    app_client: AppClient, faults: Callable[..., None], phone: str, body: dict[str, Any]
) -> None:
    signed_in = await app_client.tokens(phone)
    faults("registries", unavailable=1)  # a call to the registry would be a 503
    answer = await app_client.api.post(PROOFING, json=body, headers=bearer(signed_in) | once())
    assert refusal(answer) == (422, "invalid_request")
    assert (
        not isinstance(body.get("id_number"), str) or len(body["id_number"]) < 5 or body["id_number"] not in answer.text
    )


async def test_a_name_that_the_registry_does_not_have_is_not_confirmed(
    app_client: AppClient, settings: Settings, phone: str
) -> None:
    signed_in = await app_client.tokens(phone)
    answer = await prove(app_client.api, signed_in, name="李四", number=on_record(settings))
    assert refusal(answer) == (422, "identity_not_confirmed")
    me = (await app_client.api.get("/identity/v1/me", headers=bearer(signed_in))).json()
    assert (me["assurance_level"], me["name"]) == (1, None)


async def test_one_id_number_belongs_to_one_person(new_app_client: NewAppClient, phone: str) -> None:
    number = id_number()
    first, second = new_app_client(), new_app_client()
    assert (await prove(first.api, await first.tokens(phone), number=number)).status_code == 200
    answer = await prove(second.api, await second.tokens(new_phone()), number=number)
    assert refusal(answer) == (409, "id_number_taken")


async def test_one_of_two_concurrent_persons_gets_the_number(new_app_client: NewAppClient) -> None:
    number = id_number()
    clients = [new_app_client() for _ in range(4)]
    signed_in = [await client.tokens(new_phone()) for client in clients]
    answers = await asyncio.gather(
        *(prove(client.api, tokens, number=number) for client, tokens in zip(clients, signed_in, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def test_a_repeated_proofing_changes_nothing_and_another_number_is_refused(
    app_client: AppClient, phone: str
) -> None:
    number, signed_in = id_number(), await app_client.tokens(phone)
    first = await prove(app_client.api, signed_in, number=number)
    again = await prove(app_client.api, signed_in, number=number)
    assert again.json() == first.json()
    assert refusal(await prove(app_client.api, signed_in)) == (409, "already_proofed")


async def test_a_retry_with_the_same_key_gets_the_same_answer(app_client: AppClient, phone: str) -> None:
    headers = bearer(await app_client.tokens(phone)) | once()
    body = proof()
    first = await app_client.api.post(PROOFING, json=body, headers=headers)
    again = await app_client.api.post(PROOFING, json=body, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await app_client.api.post(PROOFING, json=proof(), headers=headers)
    assert refusal(other) == (422, "idempotency_key_reused")


async def test_an_unavailable_registry_decides_and_counts_nothing(
    app_client: AppClient, faults: Callable[..., None], phone: str
) -> None:
    signed_in = await app_client.tokens(phone)
    faults("registries", unavailable=6)
    for _ in range(6):
        answer = await prove(app_client.api, signed_in)
        assert refusal(answer) == (503, "registry_unavailable")
        assert answer.headers["retry-after"]
    assert (await prove(app_client.api, signed_in)).status_code == 200


async def test_a_registry_with_invalid_answers_counts_as_unavailable(
    settings: Settings, sms: httpx.AsyncClient, phone: str
) -> None:
    nonsense = settings.sms_url  # answers 404 here, in JSON of its own
    async with running(settings, registries_url=nonsense) as app, browser_on(app) as api:
        client = AppClient(api, sms)
        answer = await prove(api, await client.tokens(phone))
    assert refusal(answer) == (503, "registry_unavailable")


async def test_only_persons_can_be_proofed(api: httpx.AsyncClient) -> None:
    answer = await api.post(PROOFING, json=proof(), headers=once())
    assert refusal(answer) == (401, "token_missing")
