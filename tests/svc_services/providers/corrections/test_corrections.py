"""An applicant corrects its application until it is decided; operators decide about what they have read."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from kit.fields.customer_parameters import TEN_DIGITS
from tests.svc_services.companies import application, apply, approved, public_key, uscc
from tests.svc_services.providers.corrections.corrections import (
    CONTRACT,
    TERMS,
    correct,
    corrected,
    history,
    path_of,
    token_of,
)
from tests.svc_services.providers.organisations.test_organisations import claimed, file, representative


@pytest.fixture
def database(shared_database: Database) -> Database:
    return shared_database


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_every_field_that_may_be_wrong_is_corrected(api: httpx.AsyncClient) -> None:
    filed = await apply(api)
    right = {
        "name": "伊宁示例供水公司",
        "kind": "gas",
        "division_codes": ["654003"],
        "jwks": {"keys": [public_key("k2")]},
        "endpoint_url": "http://127.0.0.1:2/elsewhere",
        "customer_parameters": TEN_DIGITS.model_dump(mode="json") | {"example": "1000000005"},
        "contact_phone": "13800000002",
        "contract": CONTRACT,
        "requests_per_minute": 600,
        "stated_terms": TERMS,
    }
    now_right = await corrected(api, filed, 1, **right)
    keys = [{name: value for name, value in key.items() if name != "use"} for key in now_right["jwks"]["keys"]]
    assert now_right | {"jwks": {"keys": keys}} == now_right | right | {"jwks": {"keys": keys}}
    assert keys == right["jwks"]["keys"]  # type: ignore[index]
    read = await api.get(path_of(filed), headers=token_of(filed))
    assert (read.json(), read.headers["etag"]) == (now_right, '"2"')
    cleared = await corrected(api, filed, 2, contract=None, stated_terms=None, requests_per_minute=None)
    assert [cleared[name] for name in ("contract", "stated_terms", "requests_per_minute")] == [None] * 3
    assert cleared["contact_phone"] == "13800000002"


async def test_the_history_says_what_was_corrected_and_holds_no_phone(api: httpx.AsyncClient) -> None:
    filed = await apply(api, contact_phone="13800000009")
    await corrected(api, filed, 1, name="Right", contact_phone="13800000008")
    await corrected(api, filed, 2, contract=CONTRACT)
    unchanged = await corrected(api, filed, 3, name="Right")
    assert unchanged["revision"] == 3
    found = await history(api, filed)
    assert [(each["revision"], each["fields"], each["before"]) for each in found] == [
        (3, ["contract"], {"contract": None}),
        (2, ["contact_phone", "name"], {"name": "Sample Water Company"}),
    ]
    assert {each["corrected_by"] for each in found} == {None}
    assert "1380000000" not in json.dumps(found)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "invalid_request"),
        ({"uscc": "91654002000001001X"}, "invalid_request"),
        ({"name": None}, "invalid_request"),
        ({"name": "x" * 201}, "invalid_request"),
        ({"name": "a\u202eb"}, "invalid_request"),
        ({"endpoint_url": "ftp://127.0.0.1"}, "endpoint_url_refused"),
        ({"jwks_uri": "http://u:p@127.0.0.1/"}, "endpoint_url_refused"),
        ({"jwks": {"keys": []}}, "bad_key_set"),
        ({"jwks": {"keys": [public_key()]}, "jwks_uri": "http://127.0.0.1/"}, "invalid_request"),
        ({"jwks_uri": None}, "invalid_request"),
        ({"division_codes": ["110000"]}, "unknown_division"),
        ({"requests_per_minute": 0}, "invalid_request"),
        ({"requests_per_minute": 1.5}, "invalid_request"),
        ({"contract": {"number": "1", "signed_on": 20260301}}, "invalid_request"),
        ({"contract": {"number": " ", "signed_on": "2026-03-01"}}, "invalid_request"),
        ({"contract": {"number": "1", "signed_on": "9999-12-31"}}, "invalid_request"),
        ({"contract": {"number": "1", "signed_on": "0001-01-01"}}, "invalid_request"),
        ({"stated_terms": TERMS | {"bill_sources": ["pushed", "pushed"]}}, "invalid_request"),
        ({"stated_terms": TERMS | {"bill_sources": ["pushed"]}}, "invalid_request"),
        ({"stated_terms": TERMS | {"amount_rule": "exact"}}, "invalid_request"),
        ({"stated_terms": TERMS | {"closed_hours": {"begin": "24:00", "end": "01:00"}}}, "invalid_request"),
        ({"stated_terms": TERMS | {"closed_hours": {"begin": "01:00", "end": "01:00"}}}, "invalid_request"),
    ],
)
async def test_a_faulty_correction_is_refused_and_changes_nothing(
    api: httpx.AsyncClient, fields: dict[str, Any], code: str
) -> None:
    filed = await apply(api)
    assert refused(await correct(api, filed, 1, **fields)) == (422, code)
    read = (await api.get(path_of(filed), headers=token_of(filed))).json()
    assert read == {name: value for name, value in filed.items() if name != "application_token"}


async def test_a_correction_names_the_revision_that_it_corrects(api: httpx.AsyncClient) -> None:
    filed = await apply(api)
    assert refused(await correct(api, filed, None, name="Other")) == (428, "if_match_missing")
    await corrected(api, filed, 1, name="Other")
    assert refused(await correct(api, filed, 1, name="Third")) == (412, "edited_meanwhile")


async def test_of_corrections_at_once_one_is_taken(api: httpx.AsyncClient) -> None:
    filed = await apply(api)
    answers = await asyncio.gather(*(correct(api, filed, 1, name=f"Name {number}") for number in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
    assert len(await history(api, filed)) == 1


async def test_a_replayed_correction_gets_the_first_answer(api: httpx.AsyncClient) -> None:
    filed, key = await apply(api), once()
    headers = token_of(filed) | key | {"If-Match": '"1"'}
    path = f"{path_of(filed)}/corrections"
    answers = [await api.post(path, json={"name": "Right"}, headers=headers) for _ in range(2)]
    assert [answer.json()["revision"] for answer in answers] == [2, 2]
    assert len(await history(api, filed)) == 1


async def test_an_approval_names_the_revision_that_was_read(api: httpx.AsyncClient, tokens: Tokens) -> None:
    filed, operator = await apply(api), tokens.staff("operator")
    await corrected(api, filed, 1, name="Right")
    path = f"{path_of(filed)}/approve"
    assert refused(await api.post(path, headers=operator | once())) == (428, "if_match_missing")
    for stale in ('"1"', 'W/"2"', "2", "*"):
        answer = await api.post(path, headers=operator | once() | {"If-Match": stale})
        assert answer.status_code in {412, 428}, stale
    answer = await api.post(path, headers=operator | once() | {"If-Match": '"2"'})
    assert (answer.status_code, answer.json()["name"]) == (200, "Right")
    assert refused(await correct(api, filed, 2, name="Too late")) == (409, "illegal_move")


async def test_a_correction_and_an_approval_at_once_never_both_hold(api: httpx.AsyncClient, tokens: Tokens) -> None:
    outcomes = set()
    for _ in range(8):
        filed = await apply(api)
        correction, approval = await asyncio.gather(
            correct(api, filed, 1, name="Right"),
            api.post(f"{path_of(filed)}/approve", headers=tokens.staff("operator") | once()),
        )
        outcomes.add((correction.status_code, approval.status_code))
    assert outcomes <= {(200, 412), (200, 428), (409, 200)}


async def test_another_kind_is_taken_only_where_the_company_has_none_of_it(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    code = uscc()
    await approved(api, tokens, uscc=code, kind="gas")
    filed = await apply(api, uscc=code, kind="water")
    assert refused(await correct(api, filed, 1, kind="gas")) == (409, "application_exists")
    assert (await corrected(api, filed, 1, kind="heating"))["kind"] == "heating"


async def test_strangers_correct_and_read_nothing(api: httpx.AsyncClient, tokens: Tokens) -> None:
    filed, other = await apply(api), await apply(api)
    for headers in (token_of(other), {"Application-Token": "wrong"}):
        answer = await correct(api, filed, 1, headers, name="Mine")
        assert refused(answer) == (404, "not_found")
        answer = await api.get(f"{path_of(filed)}/corrections", headers=headers)
        assert refused(answer) == (404, "not_found")
    stranger = await correct(api, filed, 1, tokens.resident(), name="Mine")
    assert refused(stranger) == (403, "not_for_organisation")


async def test_a_claimed_organisation_is_corrected_by_its_speaker_alone(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    person, code = new_id(), uscc()
    await claimed(database, code, person)
    speaker = representative(tokens, person)
    filed = (await file(api, code, speaker)).json()
    assert refused(await correct(api, filed, 1, name="By token")) == (403, "organisation_claimed")
    stranger = representative(tokens, new_id())
    assert refused(await correct(api, filed, 1, stranger, name="Mine")) == (403, "not_for_organisation")
    answer = await correct(api, filed, 1, speaker, name="Right")
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert [each["corrected_by"] for each in await history(api, filed)] == [str(person)]


async def test_a_strangers_application_is_not_corrected_into_a_proved_one(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    person, code = new_id(), uscc()
    filed = (await file(api, code)).json()
    await claimed(database, code, person)
    answer = await correct(api, filed, 1, representative(tokens, person), name="Right")
    assert refused(answer) == (409, "application_unproved")


async def test_keys_come_as_a_set_or_by_their_address(api: httpx.AsyncClient) -> None:
    for fields in ({"jwks": None}, {"jwks_uri": "http://127.0.0.1:1/keys"}):
        answer = await api.post("/services/v1/provider-applications", json=application(**fields), headers=once())
        assert refused(answer) == (422, "invalid_request")


async def test_an_application_states_all_of_it_at_once(api: httpx.AsyncClient) -> None:
    stated = {"contract": CONTRACT, "requests_per_minute": 600, "stated_terms": TERMS}
    filed = await apply(api, **stated)
    assert {name: filed[name] for name in stated} == stated
