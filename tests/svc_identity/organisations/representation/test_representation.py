"""The legal representative claims an organisation; nobody else gets it, and nobody stands in the way."""

import asyncio
from typing import Any

import httpx

from chassis.db import Database
from chassis.testing import emitted, once
from svc_identity.organisations.representation.service import CLAIMS_A_DAY
from svc_identity.settings import Settings
from tests.svc_identity.app_client import bearer
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.identities import id_number, new_uscc, proof
from tests.svc_identity.organisations.test_organisations import refusal

OWN = "/identity/v1/me/organisations"
Person = tuple[dict[str, str], dict[str, Any]]


async def proved(app_client: NewAppClient, name: str = "张三") -> Person:
    """A person at level 2: the headers of their requests, and what they proved."""
    client, proved = app_client(), proof(name, id_number())
    headers = bearer(await client.tokens(new_phone()))
    answer = await client.api.post("/identity/v1/me/proofing", json=proved, headers=headers | once())
    assert answer.status_code == 200, answer.text
    return bearer(await client.renewed()), proved


def appoint(settings: Settings, uscc: str, person: Person) -> None:
    """The registration authority records a legal representative."""
    officer = {"uscc": uscc, "name": person[1]["name"], "id_number": person[1]["id_number"]}
    httpx.post(f"{settings.registries_url}/legal-entities/appoint", json=officer).raise_for_status()


async def claim(api: httpx.AsyncClient, person: Person, uscc: str) -> httpx.Response:
    return await api.post(OWN, json={"uscc": uscc}, headers=person[0] | once())


async def claims_of(database: Database, uscc: str) -> list[dict[str, Any]]:
    async with database.read() as tx:
        events = [event.data for event in await emitted(tx) if event.type.endswith("organisation.claimed.v1")]
    return [event for event in events if event["uscc"] == uscc]


async def test_the_representative_claims_their_organisation(
    new_app_client: NewAppClient, api: httpx.AsyncClient, settings: Settings, database: Database
) -> None:
    person, uscc = await proved(new_app_client), new_uscc()
    appoint(settings, uscc, person)
    for _ in range(2):  # again changes nothing
        answer = await claim(api, person, uscc)
        assert answer.status_code == 200, answer.text
    assert (await api.get(OWN, headers=person[0])).json()["items"] == [answer.json()]
    (event,) = await claims_of(database, uscc)
    assert (event["representative_id"], event["revision"]) == (answer.json()["representative_id"], 1)
    assert not {person[1]["name"], person[1]["id_number"]} & set(map(str, event.values()))


async def test_somebody_else_is_refused_and_not_told_who_it_is(
    new_app_client: NewAppClient, api: httpx.AsyncClient, settings: Settings, database: Database
) -> None:
    person, stranger, uscc = await proved(new_app_client), await proved(new_app_client, "李四"), new_uscc()
    appoint(settings, uscc, person)
    refused = await claim(api, stranger, uscc)
    assert refusal(refused) == (403, "not_the_representative")
    assert person[1]["name"] not in refused.text
    assert await claims_of(database, uscc) == []
    assert (await claim(api, person, uscc)).status_code == 200


async def test_a_new_representative_takes_the_place_of_the_one_before(
    new_app_client: NewAppClient, api: httpx.AsyncClient, settings: Settings, database: Database
) -> None:
    former, new, uscc = await proved(new_app_client), await proved(new_app_client, "李四"), new_uscc()
    appoint(settings, uscc, former)
    first = (await claim(api, former, uscc)).json()
    appoint(settings, uscc, new)
    second = (await claim(api, new, uscc)).json()
    assert second["organisation_id"] == first["organisation_id"]
    assert (await api.get(OWN, headers=former[0])).json()["items"] == []
    assert refusal(await claim(api, former, uscc)) == (403, "not_the_representative")
    assert [event["revision"] for event in await claims_of(database, uscc)] == [1, 2]


async def test_of_claims_at_once_the_representative_alone_gets_it(
    new_app_client: NewAppClient, api: httpx.AsyncClient, settings: Settings, database: Database
) -> None:
    person, uscc = await proved(new_app_client), new_uscc()
    strangers = [await proved(new_app_client, "李四") for _ in range(2)]
    appoint(settings, uscc, person)
    racing = [*strangers, person, person, *strangers]
    answers = await asyncio.gather(*(claim(api, each, uscc) for each in racing))
    assert [answer.status_code for answer in answers] == [403, 403, 200, 200, 403, 403]
    assert len(await claims_of(database, uscc)) == 1


async def test_a_phone_alone_claims_nothing(new_app_client: NewAppClient, api: httpx.AsyncClient) -> None:
    headers = bearer(await new_app_client().tokens(new_phone()))
    answer = await api.post(OWN, json={"uscc": new_uscc()}, headers=headers | once())
    assert refusal(answer) == (403, "assurance_too_low")


async def test_an_organisation_that_is_none_is_refused(new_app_client: NewAppClient, api: httpx.AsyncClient) -> None:
    person = await proved(new_app_client)
    for ending, says in (("0000", "no_record"), ("9999", "revoked")):
        answer = await claim(api, person, new_uscc(ending))
        assert (*refusal(answer), answer.json()["registry_says"]) == (422, "legal_entity_not_active", says)


async def test_questions_to_the_registry_are_limited_also_at_once(
    new_app_client: NewAppClient, api: httpx.AsyncClient
) -> None:
    person = await proved(new_app_client)
    answers = await asyncio.gather(*(claim(api, person, new_uscc("0000")) for _ in range(CLAIMS_A_DAY + 6)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [422] * CLAIMS_A_DAY + [429] * 6
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert 86_000 < int(refused.headers["retry-after"]) <= 86_400


async def test_a_registry_that_does_not_answer_costs_no_try(
    new_app_client: NewAppClient,
    api: httpx.AsyncClient,
    faults: Any,  # noqa: ANN401 - a callable fixture
) -> None:
    person, uscc = await proved(new_app_client), new_uscc()
    faults("registries", unavailable=CLAIMS_A_DAY + 1)
    for _ in range(CLAIMS_A_DAY + 1):
        assert refusal(await claim(api, person, uscc)) == (503, "registry_unavailable")
    faults("registries")
    assert (await claim(api, person, uscc)).status_code == 200
